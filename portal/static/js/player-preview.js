// What one would see at a moment of the bar: its picture from the sheet that the server has made
// (10 by 10, row by row, one for each hundredth of the film) and its time. Sound has the time alone.
const preview = document.getElementById("preview");
const picture = document.getElementById("preview-picture");
const ACROSS = 10;
let pictures = null;
let pointed = 0; // a share of the whole

// Above its moment, but never beyond the bar's ends.
const center = () => {
  const half = preview.offsetWidth / 2;
  const middle = pointed * canvas.clientWidth;
  preview.style.left = `${Math.min(Math.max(half, middle), canvas.clientWidth - half)}px`;
};

const fetchSheet = () => {
  if (pictures || !player.dataset.sprite) return;
  pictures = new Image();
  pictures.addEventListener("load", () => {
    picture.style.width = `${pictures.naturalWidth / ACROSS}px`;
    picture.style.height = `${pictures.naturalHeight / ACROSS}px`;
    picture.style.backgroundImage = `url("${player.dataset.sprite}")`;
    picture.hidden = false;
    center();
  });
  pictures.src = player.dataset.sprite;
};

const show = (seconds) => {
  if (!length()) return;
  fetchSheet();
  pointed = Math.min(Math.max(0, seconds / length()), 1);
  const number = Math.min(ACROSS ** 2 - 1, Math.floor(pointed * ACROSS ** 2));
  const across = number % ACROSS, down = Math.floor(number / ACROSS);
  picture.style.backgroundPosition = `${(100 * across) / (ACROSS - 1)}% ${(100 * down) / (ACROSS - 1)}%`;
  document.getElementById("preview-time").textContent = spoken(pointed * length());
  preview.hidden = false;
  center();
};

const hide = () => { preview.hidden = true; };
const follow = () => { if (canvas.matches(":focus-visible")) show(media.currentTime); };

canvas.addEventListener("pointermove", (event) => show(at(event)));
for (const name of ["pointerleave", "pointercancel", "blur"]) canvas.addEventListener(name, hide);
canvas.addEventListener("pointerup", (event) => event.pointerType === "mouse" || hide());
canvas.addEventListener("focus", follow);
media.addEventListener("seeking", follow);
canvas.addEventListener("keydown", (event) => event.key === "Escape" && hide());
