// Says that recordings have come in, and moves nothing: the reader chooses when to see them.
const bar = document.getElementById("newer");
const link = bar.querySelector("a");

const look = async () => {
  if (document.hidden) return;
  const response = await fetch(bar.dataset.url, { headers: { Accept: "application/json", "X-Requested-With": "refresh" } });
  // The top of this list is not the reader's any more: to ask on would be to be refused each time.
  if (response.status === 400) clearInterval(round);
  if (!response.ok || response.redirected) return;
  const { count, text } = await response.json();
  if (link.textContent === text) return;
  link.hidden = count === 0;
  link.textContent = count ? text : "";
};

// A lost connection tells nothing new; the next round may.
const round = setInterval(() => look().catch(() => {}), Number(bar.dataset.every));
