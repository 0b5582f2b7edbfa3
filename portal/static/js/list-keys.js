// Single keys on the list: none while something is typed, and none at all if switched off.
const items = [...document.querySelectorAll(".item")];
const sheet = document.getElementById("keys");
const switchedOn = document.getElementById("keys-on");
const opener = document.getElementById("keys-open");
let marked = -1;
let before = "";

switchedOn.checked = localStorage.getItem("keys") !== "off";
switchedOn.addEventListener("change", () => localStorage.setItem("keys", switchedOn.checked ? "on" : "off"));
opener.hidden = false;
opener.addEventListener("click", () => sheet.showModal());

const pickOf = (item) => item?.querySelector(".pick");
const click = (selector) => document.querySelector(selector)?.click();
const toggle = () => pickOf(items[marked])?.click();

const move = (step, extend) => {
  if (!items.length) return;
  if (extend && !pickOf(items[marked])?.checked) toggle();
  items[marked]?.classList.remove("marked");
  marked = Math.max(0, Math.min(items.length - 1, marked + step));
  items[marked].classList.add("marked");
  items[marked].querySelector(".name a").focus({ preventScroll: true });
  items[marked].scrollIntoView({ block: "nearest" });
  if (extend && !pickOf(items[marked])?.checked) toggle();
};

const pickAll = (wanted) => {
  for (const item of items) if (pickOf(item) && pickOf(item).checked !== wanted) pickOf(item).click();
};

const acts = {
  "/": () => document.getElementById("search").select(),
  "?": () => sheet.showModal(),
  j: () => move(1, false),
  k: () => move(-1, false),
  J: () => move(1, true),
  K: () => move(-1, true),
  x: toggle,
  n: () => click("a[rel=next]"),
  p: () => click("a[rel=prev]"),
  Escape: () => pickAll(false),
  "g g": () => click(".menu a[href$='/recordings']"),
  "g u": () => click(".menu a[href$='/uploads']"),
  "g a": () => click(".menu a[href$='/audit']"),
};

document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input:not(.pick), select, textarea") || sheet.open;
  if (typing || !switchedOn.checked || event.altKey || event.metaKey) return;
  if (event.ctrlKey) {
    if (event.key !== "a" || marked < 0) return;
    event.preventDefault();
    return pickAll(true);
  }
  const act = acts[`${before} ${event.key}`] ?? acts[event.key];
  before = event.key;
  if (!act) return;
  event.preventDefault();
  act();
});
