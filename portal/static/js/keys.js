// Single keys on every page: where they lead, and the sheet that lists what there are. A page may
// have more, and a sheet of its own. None works inside a field, and all of them can be switched off
// for good: WCAG 2.1.4.
const usual = document.getElementById("keys-everywhere");
const sheet = document.getElementById("keys") ?? usual;
if (sheet !== usual) usual.remove();
const keysOn = sheet.querySelector("[type=checkbox]");
const click = (selector) => document.querySelector(selector)?.click();
const everywhere = {
  "?": () => sheet.showModal(),
  "g g": () => click(".menu a[href$='/recordings']"),
  "g u": () => click(".menu a[href$='/uploads']"),
  "g a": () => click(".menu a[href$='/audit']"),
};
let keyBefore = "";

keysOn.checked = localStorage.getItem("keys") !== "off";
keysOn.addEventListener("change", () => localStorage.setItem("keys", keysOn.checked ? "on" : "off"));
for (const opener of document.querySelectorAll("#keys-open, #show-keys")) {
  opener.hidden = false;
  opener.addEventListener("click", () => sheet.showModal());
}

// Whether a key is for the page, and not for a field or for the browser, which takes the focus out of
// a dialog a moment after it has closed.
const isForPage = (event) => keysOn.checked && !sheet.open && !event.altKey && !event.metaKey &&
  (!event.target.closest("input:not(.pick), select, textarea, [contenteditable], dialog") ||
    event.target.closest("dialog:not([open])"));

document.addEventListener("keydown", (event) => {
  if (!isForPage(event) || event.ctrlKey) return;
  const act = everywhere[`${keyBefore} ${event.key}`] ?? everywhere[event.key];
  keyBefore = event.key;
  if (!act) return;
  event.preventDefault();
  event.stopImmediatePropagation(); // the page's own key of this name is not meant
  act();
});
