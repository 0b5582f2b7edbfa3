// The tabs and forms of a page whose player must not stop: only the part that changes is fetched.
// Without scripts the same links and forms load the whole page.
// What is typed and not saved stays with its form, by the form's address.
const drafts = new Map();
const fields = (form) => [...form.elements].filter((field) => field.name && field.type !== "hidden");
const changed = (field) => field.value !== field.defaultValue || field.checked !== field.defaultChecked;

const keepDrafts = (part) => {
  for (const form of part.querySelectorAll(".note-form")) {
    if (fields(form).some(changed)) drafts.set(form.action, new FormData(form));
    else drafts.delete(form.action);
  }
};
const putBackDrafts = (part) => {
  for (const form of part.querySelectorAll(".note-form")) {
    const draft = drafts.get(form.action);
    for (const field of draft ? fields(form) : []) {
      if (field.type === "checkbox") field.checked = draft.has(field.name);
      else field.value = draft.get(field.name);
    }
  }
};

const fill = (id, html, saved) => {
  const part = document.getElementById(id);
  keepDrafts(part);
  drafts.delete(saved);
  part.innerHTML = html;
  putBackDrafts(part);
  localTimes(part);
  document.dispatchEvent(new CustomEvent("part-changed"));
};

// Answers come in any order: only that of the last request for the panel is shown.
let asked = new AbortController();
const askAnew = () => {
  asked.abort();
  asked = new AbortController();
  return asked.signal;
};
const received = async (answer) => (answer?.ok && !answer.redirected ? answer.text() : null);

const showPanel = async (link) => {
  const signal = askAnew();
  const html = await fetch(link.dataset.panel, { signal }).then(received).catch(() => null);
  if (signal.aborted) return;
  if (html === null) return location.assign(link.href);
  fill("panel", html);
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
  const signal = form.dataset.part === "panel" ? askAnew() : null;
  const sent = { method: "POST", body, headers: { "X-Part": "yes" } }; // never aborted: it is saved
  const html = await fetch(form.action, sent).then(received).catch(() => null);
  if (html !== null && signal?.aborted) return drafts.delete(form.action);
  if (html !== null) return fill(form.dataset.part, html, form.action);
  const complaint = form.querySelector(".problem");
  if (complaint) complaint.hidden = false;
  else location.reload();
});
