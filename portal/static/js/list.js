// The list's small comforts: a range by Shift, how many are selected, an order without a button.
const picks = [...document.querySelectorAll(".pick")];
const bulk = document.getElementById("bulk");
const selected = document.getElementById("selected");
const idle = selected?.textContent;
let last = null;

const tell = () => {
  const count = picks.filter((pick) => pick.checked).length;
  selected.textContent = count ? `${selected.dataset.some} ${count}` : idle;
  bulk.classList.toggle("active", count > 0);
};

// What lies between the last one touched and this one becomes as this one is.
const pickUpTo = (pick) => {
  const [from, to] = [picks.indexOf(last ?? pick), picks.indexOf(pick)].sort((a, b) => a - b);
  for (const each of picks.slice(from, to + 1)) each.checked = pick.checked;
};

for (const pick of picks) {
  pick.addEventListener("click", (event) => {
    if (event.shiftKey) pickUpTo(pick);
    last = pick;
    tell();
  });
}
if (bulk) tell(); // the browser may have kept ticks from before

document.documentElement.classList.add("scripted");
document.querySelector("[name=sort]").addEventListener("change", (event) => event.target.form.requestSubmit());

// One menu at a time, closed by Escape and by a click elsewhere.
const menus = [...document.querySelectorAll(".menu-filter")];
document.addEventListener("click", (event) => {
  for (const menu of menus) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  const open = menus.find((menu) => menu.open);
  if (event.key !== "Escape" || !open) return;
  open.open = false;
  open.querySelector("summary").focus();
});
