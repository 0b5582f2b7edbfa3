// The way back to the list one came from, and from result to result of it: buttons, Alt+← and Alt+→.
// Nobody who came otherwise sees them. The list's address is kept for this tab alone.
const results = document.getElementById("results");
const toList = document.getElementById("to-list");
const isList = (address) => address && new URL(address).origin === location.origin && new URL(address).pathname === toList.pathname;
if (isList(document.referrer)) sessionStorage.setItem("results", document.referrer);
const kept = sessionStorage.getItem("results");

const listed = async (address) => {
  const answer = await fetch(address);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const links = [...page.querySelectorAll("#list .item .name a")].map((link) => link.pathname);
  const further = (rel) => page.querySelector(`.pages a[rel=${rel}]`)?.href;
  return { links, before: further("prev"), after: further("next") };
};

const openResult = (path, address) => {
  sessionStorage.setItem("results", address);
  location.assign(path);
};

// To the neighbour, on the page before or after if need be; else in words that there is none.
const step = async (by) => {
  const { links, before, after } = await listed(kept);
  const place = links.indexOf(location.pathname);
  if (place >= 0 && links[place + by]) return openResult(links[place + by], kept);
  const other = by < 0 ? before : after;
  const beyond = place >= 0 && other ? (await listed(other)).links : [];
  if (beyond.length) return openResult(beyond.at(by < 0 ? -1 : 0), other);
  document.getElementById("no-result").hidden = false;
};

const tryStep = (by) => step(by).catch(() => location.assign(kept));

if (kept) {
  toList.href = kept;
  results.hidden = false;
  for (const button of results.querySelectorAll("[data-step]")) {
    button.addEventListener("click", () => tryStep(Number(button.dataset.step)));
  }
  document.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by || !event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (!keysOn.checked || event.target.closest("input, textarea, select, dialog")) return;
    event.preventDefault();
    tryStep(by);
  });
}
