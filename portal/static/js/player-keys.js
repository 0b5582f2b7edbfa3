// The keys of the player, beside those of every page: see keys.js. The sheet behind «?» lists both.
const faster = (by) => {
  speed.selectedIndex = Math.min(Math.max(0, speed.selectedIndex + by), speed.options.length - 1);
  media.playbackRate = Number(speed.value);
  say(`${speed.selectedOptions[0].textContent}`);
};
const toggle = () => { media.paused ? media.play().catch(() => {}) : media.pause(); };
const full = () => {
  document.fullscreenElement ? document.exitFullscreen() : (media.videoWidth ? media : player).requestFullscreen();
};
const frame = (by) => {
  media.pause();
  seek(media.currentTime + by / 25);
};
const field = (name) => document.querySelector(`#new-note [name="${name}"]`);
const mark = async (name) => {
  const now = spoken(media.currentTime);
  if (!field("text")) await showPanel(document.querySelector('[data-panel*="tab=notes"]'));
  if (!field("text")) return;
  field(name).value = now;
  say(now);
};
const writeNote = async () => {
  await mark("start");
  field("text")?.focus();
};

const KEYS = {
  " ": toggle, k: toggle,
  ArrowLeft: () => skip(-5), ArrowRight: () => skip(5),
  "Shift+ArrowLeft": () => skip(-1), "Shift+ArrowRight": () => skip(1),
  j: () => skip(-10), l: () => skip(10),
  ",": () => frame(-1), ".": () => frame(1),
  "<": () => faster(-1), ">": () => faster(1),
  m: () => { media.muted = !media.muted; },
  f: full,
  b: writeNote,
  "[": () => mark("start"), "]": () => mark("end"),
  r: () => document.querySelector("#review [data-key=r]:not([name=withdraw])")?.click(),
  i: turnFacts, t: turnTimeline, a: turnClock,
};
for (let tenth = 0; tenth < 10; tenth++) KEYS[tenth] = () => seek((length() * tenth) / 10);

// A key that the focused thing itself understands is its own: a button's space, a list's arrows.
const takes = (element, key) =>
  element.closest("input, textarea, select, dialog, [contenteditable]") ||
  (element.closest("button, a, summary, [role=slider], audio, video") && [" ", "Enter", "ArrowLeft", "ArrowRight"].includes(key));

document.addEventListener("keydown", (event) => {
  if (!isForPage(event) || player.hidden || event.ctrlKey) return;
  if (takes(event.target, event.key)) return;
  const name = event.shiftKey && event.key.startsWith("Arrow") ? `Shift+${event.key}` : event.key;
  if (!KEYS[name]) return;
  event.preventDefault();
  KEYS[name]();
});
