// The keys of the list, beside those of every page: see keys.js.
const items = [...document.querySelectorAll(".item")];
let marked = -1;
const pickOf = (item) => item?.querySelector(".pick");
const toggle = () => pickOf(items[marked])?.click();

const mark = (at) => {
  items[marked]?.classList.remove("marked");
  marked = at;
  items[marked].classList.add("marked");
};
items.forEach((item, at) => item.addEventListener("focusin", () => mark(at)));

const move = (step, extend) => {
  if (!items.length) return;
  if (extend && !pickOf(items[marked])?.checked) toggle();
  mark(Math.max(0, Math.min(items.length - 1, marked + step)));
  items[marked].querySelector(".name a").focus({ preventScroll: true });
  items[marked].scrollIntoView({ block: "nearest" });
  if (extend && !pickOf(items[marked])?.checked) toggle();
};

const pickAll = (wanted) => {
  for (const item of items) if (pickOf(item) && pickOf(item).checked !== wanted) pickOf(item).click();
};

// Whether it was reviewed before does not matter: an outcome that was said stays.
const review = async () => {
  const item = items[marked], said = document.getElementById("said");
  if (!item || !said.dataset.csrf) return;
  const body = new FormData();
  body.set("csrf_token", said.dataset.csrf);
  const address = `${item.querySelector(".name a").pathname}/review`;
  const answer = await fetch(address, { method: "POST", body, headers: { "X-Part": "review" } }).catch(() => null);
  if (answer?.ok) item.querySelector(".reviewed").hidden = false;
  said.textContent = answer?.ok ? said.dataset.reviewed : said.dataset.refused;
  said.classList.toggle("visually-hidden", Boolean(answer?.ok));
};

const acts = {
  "/": () => document.getElementById("search").select(),
  j: () => move(1, false),
  k: () => move(-1, false),
  J: () => move(1, true),
  K: () => move(-1, true),
  x: toggle,
  " ": toggle,
  r: review,
  n: () => click("a[rel=next]"),
  p: () => click("a[rel=prev]"),
  Escape: () => pickAll(false),
};

document.addEventListener("keydown", (event) => {
  if (!isForPage(event)) return;
  if (event.ctrlKey) {
    if (event.key !== "a" || marked < 0) return;
    event.preventDefault();
    return pickAll(true);
  }
  const act = acts[event.key];
  if (!act || (event.key === " " && (marked < 0 || event.target.closest("button, summary, input")))) return;
  event.preventDefault();
  act();
});
