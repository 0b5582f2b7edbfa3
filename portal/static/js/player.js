// The player: opens a play session at the first play or seek, before the first byte, and adds to the
// browser's own controls ±10 s, speed, a clock, links to a moment, and words for what went wrong.
const player = document.getElementById("player");
const media = document.getElementById("media");
const clock = document.getElementById("clock");
const problem = document.getElementById("player-problem");
const start = document.getElementById("start");
const openSession = { play: "", asked: 0 };
let opening = null;
let reveal;
const FRESH = 9 * 60_000; // after ten minutes without a sign of life the server ends a session

const spoken = (seconds) => {
  const whole = Math.max(0, Math.floor(seconds || 0));
  const pad = (n) => String(n).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  return hours ? `${hours}:${pad(minutes)}:${pad(whole % 60)}` : `${minutes}:${pad(whole % 60)}`;
};

const elapsed = (seconds) => `${spoken(seconds)} / ${spoken(length())}`;
let told = elapsed; // or the time of day: see player-looks.js
const showTime = () => { clock.textContent = told(media.currentTime); };

const say = (words) => { document.getElementById("said").textContent = words; };

// What the headers say is exact; until they are here, what the portal has measured.
const length = () => Number.isFinite(media.duration) ? media.duration : Number(player.dataset.duration) / 1000;

// A player that holds nothing yet keeps the place for its beginning, and tells nobody.
const place = (seconds) => {
  media.currentTime = Math.min(Math.max(0, seconds), length());
  if (!media.readyState) media.dispatchEvent(new Event("timeupdate"));
};

const seek = (seconds) => {
  place(seconds);
  if (!openSession.play) resume();
};

const skip = (seconds) => {
  seek(media.currentTime + seconds);
  say(spoken(media.currentTime));
};

const send = (url, fields) => {
  const body = new FormData();
  body.set("csrf_token", player.dataset.csrf);
  for (const [name, value] of Object.entries(fields)) body.set(name, value);
  return fetch(url, { method: "POST", body, headers: { Accept: "application/json" } });
};

const complain = (cause) => {
  const known = problem.querySelector(`[data-cause="${cause}"]`) ? cause : "503";
  for (const each of problem.querySelectorAll("[data-cause]")) each.hidden = each.dataset.cause !== String(known);
  problem.hidden = false;
};

// A new play session, at the same place as before; what was playing plays on. True when it stands.
const begin = async (reason) => {
  const answer = await send(player.dataset.play, reason).catch(() => null);
  if (!answer?.ok) {
    media.pause();
    if (answer?.status !== 400) complain(answer ? answer.status : "network");
    return false;
  }
  const session = await answer.json();
  openSession.play = session.play;
  openSession.asked = Date.now();
  load(session.media);
  return true;
};

const load = (address) => {
  const at = media.currentTime || wanted(), playing = !media.paused;
  problem.hidden = true;
  start?.remove();
  media.controls = true;
  media.preload = "metadata";
  media.src = address;
  if (at) place(at); // from here on, also a key that comes before the headers moves on from there
  media.playbackRate = Number(speed.value);
  if (playing) media.play().catch(() => {});
};

// One at a time: a click and the key beside it are one beginning.
const resume = (reason = {}) => (opening ??= begin(reason).finally(() => { opening = null; }));

// Where the address points: #t=754, #t=12:34 or #t=1:02:03.
const wanted = () => {
  const match = location.hash.match(/^#t=(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d+)?)s?$/);
  return match ? Number(match[1] || 0) * 3600 + Number(match[2] || 0) * 60 + Number(match[3]) : 0;
};

const copy = async (button, text) => {
  try {
    await navigator.clipboard.writeText(text);
  } catch { // browsers allow the clipboard on https only
    const field = document.createElement("textarea");
    field.value = text;
    button.after(field);
    field.select();
    document.execCommand("copy");
    field.remove();
    button.focus();
  }
  say(button.dataset.done);
  button.classList.add("done");
  setTimeout(() => button.classList.remove("done"), 1500);
};

// The status of the first byte tells why there is none; where there is one, the browser is at a loss.
const cause = async () => {
  const answer = await fetch(media.src, { headers: { Range: "bytes=0-0" } }).catch(() => null);
  if (!answer) return complain("network");
  if (answer.status === 403 && Date.now() - openSession.asked > 60_000) return resume();
  complain(answer.ok ? "codec" : answer.status);
};

media.addEventListener("error", cause);
media.addEventListener("play", () => {
  if (!openSession.play || Date.now() - openSession.asked > FRESH) resume();
});
for (const name of ["timeupdate", "seeked", "loadedmetadata", "durationchange"]) {
  media.addEventListener(name, showTime);
}
for (const button of player.querySelectorAll("[data-skip]")) {
  button.addEventListener("click", () => skip(Number(button.dataset.skip)));
}
const speed = document.getElementById("speed");
speed.addEventListener("change", () => { media.playbackRate = Number(speed.value); });
document.getElementById("again").addEventListener("click", () => resume());
start?.addEventListener("submit", (event) => {
  event.preventDefault();
  media.play().catch(() => {});
  media.focus();
});
document.getElementById("copy-link").addEventListener("click", (event) => {
  const address = new URL(location.pathname, location.href);
  address.hash = `t=${Math.floor(media.currentTime)}`;
  copy(event.currentTarget, address.href);
});
for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", () => copy(button, button.dataset.copy));
}
addEventListener("hashchange", () => location.hash.startsWith("#t=") && seek(wanted()));

// Nothing of a sensitive recording is here before the reason is, no picture either.
const shown = new Promise((resolve) => { reveal = resolve; });
const reason = document.getElementById("reason");
reason?.addEventListener("submit", async (event) => {
  event.preventDefault();
  player.hidden = false;
  const done = await resume(Object.fromEntries(new FormData(reason)));
  player.hidden = !done;
  reason.hidden = done;
  reason.querySelector(".problem").hidden = done;
  if (!done) return;
  reveal();
  if (player.dataset.poster) media.poster = player.dataset.poster;
  media.focus();
});
if (!reason) reveal();
if (wanted()) place(wanted());
