// The time line: the recording's shape, where one can seek by pointer and by keyboard, and the
// notes below it. Without a shape it is a plain bar.
const canvas = document.getElementById("waveform");
const lane = document.getElementById("lane");
let peaks = [];

const draw = () => {
  const ratio = devicePixelRatio || 1;
  const width = canvas.clientWidth, height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
  if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  const style = getComputedStyle(canvas);
  const colours = [style.getPropertyValue("--wave"), style.getPropertyValue("--wave-played")];
  const played = length() ? (media.currentTime / length()) * width : 0;
  const step = 4;
  for (let x = 0; x < width; x += step) {
    const from = Math.floor((x / width) * peaks.length);
    const to = Math.max(from + 1, Math.floor(((x + step) / width) * peaks.length));
    const loudest = peaks.length ? Math.max(...peaks.slice(from, to)) : 8;
    const bar = Math.max(2, (loudest / 100) * (height - 4));
    context.fillStyle = colours[Number(x < played)];
    context.beginPath();
    context.roundRect(x, (height - bar) / 2, step - 1.5, bar, 1.25);
    context.fill();
  }
};

const tick = () => {
  canvas.setAttribute("aria-valuemax", Math.round(length()));
  canvas.setAttribute("aria-valuenow", Math.round(media.currentTime));
  canvas.setAttribute("aria-valuetext", elapsed(media.currentTime));
  draw();
};

// The server makes the marks; only here is known where on the bar they belong.
const arrange = () => {
  for (const mark of lane.children) {
    const whole = length() * 1000 || 1;
    const start = Number(mark.dataset.start), end = Number(mark.dataset.end || start);
    mark.style.left = `${Math.min(100, (100 * start) / whole)}%`;
    mark.style.width = `${Math.max(0, (100 * (Math.min(end, whole) - start)) / whole)}%`;
  }
  lane.hidden = !lane.children.length;
};

const steps = { ArrowLeft: -5, ArrowRight: 5, ArrowDown: -5, ArrowUp: 5, PageDown: -30, PageUp: 30 };
const at = (event) => (event.offsetX / canvas.clientWidth) * length();
canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  seek(at(event));
});
canvas.addEventListener("pointermove", (event) => {
  if (event.buttons) seek(at(event));
});
canvas.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (event.key in steps) seek(media.currentTime + steps[event.key]);
  else if (event.key === "Home") seek(0);
  else if (event.key === "End") seek(length());
  else if (event.key === " ") media.paused ? media.play() : media.pause();
  else return;
  event.preventDefault();
  event.stopPropagation();
});
lane.addEventListener("click", (event) => {
  const mark = event.target.closest("[data-start]");
  if (mark) seek(Number(mark.dataset.start) / 1000);
});
for (const name of ["timeupdate", "seeked", "loadedmetadata", "durationchange"]) media.addEventListener(name, tick);
media.addEventListener("durationchange", arrange);
document.addEventListener("part-changed", () => {
  const fresh = document.getElementById("new-lane");
  if (fresh) lane.replaceChildren(...fresh.content.cloneNode(true).children);
  arrange();
});
new ResizeObserver(tick).observe(canvas);
new MutationObserver(tick).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
arrange();
if (player.dataset.peaks) {
  shown
    .then(() => fetch(player.dataset.peaks))
    .then((response) => response.json())
    .then((found) => {
      peaks = found.points;
      tick();
    })
    .catch(() => {}); // the plain bar stays
}
