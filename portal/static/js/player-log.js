// Tells the portal every ten seconds what has been heard, and once more when the page is left.
const untold = []; // [first, last] in milliseconds of the recording
let hearing = null;

const settle = () => {
  if (hearing && hearing[1] > hearing[0]) untold.push(hearing.map(Math.round));
  hearing = null;
};

// Time that runs on by itself was heard; where it jumps, something else begins.
const listen = () => {
  if (media.paused || media.seeking) return;
  const now = media.currentTime * 1000;
  const step = 1000 * Math.max(1, media.playbackRate) + 500;
  if (hearing && (now < hearing[1] || now > hearing[1] + step)) settle();
  hearing = hearing ? [hearing[0], now] : [now, now];
};

const tell = async () => {
  settle();
  if (!openSession.play || !untold.length) return;
  const told = untold.splice(0, 1000);
  const answer = await send(player.dataset.heard, { play: openSession.play, ranges: JSON.stringify(told) })
    .catch(() => null);
  if (answer?.ok) openSession.asked = Date.now();
  else untold.unshift(...told);
  if (answer?.status === 403) resume();
};

media.addEventListener("timeupdate", listen);
media.addEventListener("playing", listen);
media.addEventListener("seeking", settle);
for (const name of ["pause", "ended"]) {
  media.addEventListener(name, () => {
    if (hearing && !media.seeking) hearing[1] = Math.max(hearing[1], media.currentTime * 1000);
    tell();
  });
}
setInterval(tell, 10_000);
addEventListener("pagehide", () => {
  settle();
  if (!openSession.play) return;
  const body = new FormData();
  const fields = { csrf_token: player.dataset.csrf, play: openSession.play, ranges: JSON.stringify(untold.splice(0, 1000)), closing: "1" };
  for (const [name, value] of Object.entries(fields)) body.set(name, value);
  navigator.sendBeacon(player.dataset.heard, body);
  openSession.play = "";
});
addEventListener("pageshow", (event) => { if (event.persisted) resume(); });
