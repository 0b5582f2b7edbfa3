// What the browser's own player lacks: a waveform to seek in, ±10 s, speed, and a clock.
const player = document.getElementById("player");
const media = document.getElementById("media");
const canvas = document.getElementById("waveform");
const clock = document.getElementById("clock");
let peaks = [];

const spoken = (seconds) => {
  const whole = Math.max(0, Math.round(seconds || 0));
  const pad = (n) => String(n).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  return hours ? `${hours}:${pad(minutes)}:${pad(whole % 60)}` : `${minutes}:${pad(whole % 60)}`;
};

const seek = (seconds) => {
  const end = Number.isFinite(media.duration) ? media.duration : 0;
  media.currentTime = Math.min(Math.max(0, seconds), end);
};

const draw = () => {
  const ratio = devicePixelRatio || 1;
  const width = canvas.clientWidth, height = canvas.clientHeight;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  const style = getComputedStyle(canvas);
  const played = media.duration ? (media.currentTime / media.duration) * width : 0;
  const step = 4;
  for (let x = 0; x < width; x += step) {
    const from = Math.floor((x / width) * peaks.length);
    const to = Math.max(from + 1, Math.floor(((x + step) / width) * peaks.length));
    const bar = Math.max(2, (Math.max(...peaks.slice(from, to)) / 100) * (height - 4));
    context.fillStyle = style.getPropertyValue(x < played ? "--wave-played" : "--wave");
    context.beginPath();
    context.roundRect(x, (height - bar) / 2, step - 1.5, bar, 1.25);
    context.fill();
  }
};

const tick = () => {
  clock.textContent = `${spoken(media.currentTime)} / ${spoken(media.duration)}`;
  if (!canvas) return;
  canvas.setAttribute("aria-valuemax", Math.round(media.duration || 0));
  canvas.setAttribute("aria-valuenow", Math.round(media.currentTime));
  canvas.setAttribute("aria-valuetext", clock.textContent);
  if (peaks.length) draw();
};

for (const name of ["timeupdate", "seeked", "loadedmetadata", "durationchange"]) {
  media.addEventListener(name, tick);
}
media.addEventListener("error", () => {
  document.getElementById("player-problem").hidden = false;
});
for (const button of player.querySelectorAll("[data-skip]")) {
  button.addEventListener("click", () => seek(media.currentTime + Number(button.dataset.skip)));
}
document.getElementById("speed").addEventListener("change", (event) => {
  media.playbackRate = Number(event.target.value);
});

if (canvas) {
  const steps = { ArrowLeft: -5, ArrowRight: 5, ArrowDown: -5, ArrowUp: 5, PageDown: -30, PageUp: 30 };
  const at = (event) => (event.offsetX / canvas.clientWidth) * (media.duration || 0);
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    seek(at(event));
  });
  canvas.addEventListener("pointermove", (event) => {
    if (event.buttons) seek(at(event));
  });
  canvas.addEventListener("keydown", (event) => {
    if (event.key in steps) seek(media.currentTime + steps[event.key]);
    else if (event.key === "Home") seek(0);
    else if (event.key === "End") seek(media.duration);
    else if (event.key === " ") media.paused ? media.play() : media.pause();
    else return;
    event.preventDefault();
  });
  new ResizeObserver(tick).observe(canvas);
  new MutationObserver(tick).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
  fetch(player.dataset.peaks)
    .then((response) => response.json())
    .then((found) => {
      peaks = found.points;
      tick();
    })
    .catch(() => canvas.remove()); // without its shape there is nothing to click on
}
