// A form that was just sent is not sent again: two quick presses would place two legal holds.
const PAUSE = 5000; // milliseconds; not for ever, as the answer may be a file, or never come
const sent = new WeakMap();

addEventListener("submit", (event) => {
  if (event.defaultPrevented || event.target.method !== "post") return;
  if (event.timeStamp - (sent.get(event.target) ?? -PAUSE) < PAUSE) return event.preventDefault();
  sent.set(event.target, event.timeStamp);
});
