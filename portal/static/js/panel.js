// The tabs and forms of a page whose player must not stop: only the part that changes is fetched.
// Without scripts the same links and forms load the whole page.
const fill = (id, html) => {
  const part = document.getElementById(id);
  part.innerHTML = html;
  localTimes(part);
  document.dispatchEvent(new CustomEvent("part-changed"));
};

const showPanel = async (link) => {
  const answer = await fetch(link.dataset.panel).catch(() => null);
  if (!answer?.ok || answer.redirected) return location.assign(link.href);
  fill("panel", await answer.text());
  history.replaceState(null, "", link.href.replace(/#(panel|text-.*)$/, location.hash));
  const first = new URL(link.href).hash.replace(/^#panel$/, "#panel-body");
  document.querySelector(first).focus({ preventScroll: true });
};

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-panel]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  showPanel(link);
});

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-part]");
  if (!form) return;
  event.preventDefault();
  const body = new FormData(form, event.submitter);
  const answer = await fetch(form.action, { method: "POST", body, headers: { "X-Part": "yes" } }).catch(() => null);
  if (answer?.ok) return fill(form.dataset.part, await answer.text());
  const complaint = form.querySelector(".problem");
  if (complaint) complaint.hidden = false;
  else location.reload();
});
