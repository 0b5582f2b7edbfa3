// Keeps the #live part of a page current: the same page is fetched again and what differs replaced.
// What is the same stays, so that neither the focus nor a screen reader loses its place.
const live = document.getElementById("live");

const copyAttributes = (old, fresh) => {
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
};

const become = (old, fresh) => {
  if (old.isEqualNode(fresh)) return;
  const alike = old.nodeName === fresh.nodeName && old.id === fresh.id && old.childNodes.length === fresh.childNodes.length;
  if (!alike) return old.replaceWith(fresh);
  if (old.nodeType !== Node.ELEMENT_NODE) { old.data = fresh.data; return; }
  copyAttributes(old, fresh);
  const news = [...fresh.childNodes];
  [...old.childNodes].forEach((child, index) => become(child, news[index]));
};

const refresh = async () => {
  if (document.hidden) return;
  const response = await fetch(location.href, { headers: { "X-Requested-With": "refresh" } });
  if (response.redirected) return location.reload();
  if (!response.ok) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const focused = live.contains(document.activeElement) ? document.activeElement.id : "";
  const fresh = page.getElementById("live");
  if (live.childNodes.length === fresh.childNodes.length) become(live, fresh);
  else live.replaceChildren(...fresh.childNodes);
  if (focused && document.activeElement === document.body) document.getElementById(focused)?.focus({ preventScroll: true });
  localTimes(live);
};

// A lost connection shows nothing new; the next round may succeed.
setInterval(() => refresh().catch(() => {}), Number(live.dataset.every));
