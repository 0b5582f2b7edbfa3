// Keeps the #live part of a page current: the same page is fetched again and that part replaced.
const live = document.getElementById("live");

const refresh = async () => {
  if (document.hidden) return;
  const response = await fetch(location.href, { headers: { "X-Requested-With": "refresh" } });
  if (response.redirected) return location.reload();
  if (!response.ok) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  live.replaceChildren(...page.getElementById("live").childNodes);
  localTimes(live);
};

// A lost connection shows nothing new; the next round may succeed.
setInterval(() => refresh().catch(() => {}), Number(live.dataset.every));
