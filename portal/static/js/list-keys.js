// The keys of the list, beside those of every page: see keys.js.
const items = [...document.querySelectorAll(".item")];
const told = document.getElementById("told");
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

// Once only: to mark it again would take away the outcome that the reader has given it.
const review = async () => {
  const item = items[marked], sign = item?.querySelector(".reviewed");
  if (!sign?.hidden) return;
  const body = new URLSearchParams({ csrf_token: told.dataset.csrf });
  const sent = { method: "POST", body, headers: { "X-Part": "yes" } };
  const answer = await fetch(sign.dataset.url, sent).catch(() => null);
  const done = answer?.ok && !answer.redirected;
  sign.hidden = !done;
  told.textContent = done ? `${told.dataset.done}: ${item.querySelector(".name a").textContent}` : told.dataset.failed;
  told.classList.toggle("visually-hidden", done);
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
