// What the player's page shows: the facts beside it, the time line, and which clock. Each is
// remembered in this browser, and has a button and a key.
const whole = document.getElementById("recording");
const timeline = document.getElementById("timeline");
const began = Date.parse(player.dataset.began);
const onTheWall = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "short", timeStyle: "medium" });

// A look that is on or off: `apply` makes it so, its button tells which, the browser remembers.
const look = (name, usual, apply) => {
  const button = document.getElementById(`look-${name}`);
  let on = (localStorage.getItem(`player-${name}`) ?? usual) === "on";
  const settle = () => {
    button?.setAttribute("aria-pressed", on);
    apply(on);
  };
  const change = () => {
    on = !on;
    localStorage.setItem(`player-${name}`, on ? "on" : "off");
    settle();
  };
  button?.addEventListener("click", change);
  settle();
  return change;
};

const turnFacts = look("facts", "on", (on) => whole.classList.toggle("alone", !on));
const turnTimeline = look("timeline", "on", (on) => { timeline.hidden = !on; });

// The time of day comes from what the recorder said: its own clock, or ours if it named its zone.
const turnClock = Number.isNaN(began) ? () => {} : look("clock", "off", (on) => {
  told = on ? (seconds) => onTheWall.format(began + seconds * 1000) : elapsed;
  showTime();
});
