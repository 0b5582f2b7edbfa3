// The upload page: files that are chosen or dropped, two on their way at a time, and how each stands.
const AT_ONCE = 2;
const FINAL = ["ready", "quarantined", "failed", "abandoned", "expired"];
const rows = [];
const list = document.getElementById("list");
const say = (text) => { document.getElementById("said").textContent = text; };

const units = ["B", "kB", "MB", "GB", "TB"];
const size = (bytes) => {
  const step = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const digits = step ? 1 : 0;
  const format = new Intl.NumberFormat(document.documentElement.lang, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `${format.format(bytes / 1000 ** step)} ${units[step]}`;
};

const button = (row, act) => row.element.querySelector(`[data-act=${act}]`);
const explain = (row, text) => {
  const why = row.element.querySelector(".why");
  why.textContent = text;
  why.hidden = !text;
};
const showAmount = (row) => {
  row.element.querySelector("progress").value = row.arrived;
  row.element.querySelector(".amount").textContent = words.of.replace("{got}", size(row.arrived)).replace("{all}", size(row.file.size));
};
const stand = (row, state, why = "") => {
  row.state = state;
  const badge = row.element.querySelector(".state");
  badge.textContent = words[state];
  badge.className = `state state-${state}`;
  const toggle = button(row, "toggle");
  toggle.textContent = state === "sending" ? words.pause : words.resume;
  toggle.setAttribute("aria-label", `${toggle.textContent}: ${row.file.name}`);
  toggle.hidden = !["sending", "paused", "broken"].includes(state);
  button(row, "remove").hidden = ["sending", "finishing"].includes(state);
  explain(row, why);
  if (state !== "waiting") say(`${row.file.name}: ${words[state]}. ${why}`);
};

const finish = async (row) => {
  stand(row, "finishing");
  next();
  const found = await outcome(row.upload.url);
  stand(row, FINAL.includes(found.state) ? found.state : "failed", found.words);
  const link = row.element.querySelector("a");
  link.hidden = !found.address;
  link.href = found.address ?? "";
};

const begin = async (row) => {
  stand(row, "sending");
  row.upload ??= uploadOf(row.file, row.metadata, {
    arrived: (bytes) => { row.arrived = bytes; showAmount(row); },
    whole: () => finish(row),
    broken: (cause) => { stand(row, "broken", words[cause]); next(); },
  });
  const [before] = row.upload.url ? [] : await row.upload.findPreviousUploads();
  if (before) row.upload.resumeFromPreviousUpload(before);
  if (row.state === "sending") row.upload.start();
};

const next = () => {
  const free = AT_ONCE - rows.filter((row) => row.state === "sending").length;
  for (const row of rows.filter((row) => row.state === "waiting" && row.metadata).slice(0, Math.max(0, free))) begin(row);
};

const toggle = async (row) => {
  if (row.state !== "sending") return begin(row);
  stand(row, "paused");
  await row.upload?.abort();
  next();
};

const remove = (row) => {
  rows.splice(rows.indexOf(row), 1);
  row.element.remove();
  document.getElementById("list-title").hidden = !rows.length;
  document.getElementById("files").focus();
};

const add = (file) => {
  if (rows.some((row) => !FINAL.includes(row.state) && fingerprint(row.file) === fingerprint(file))) return;
  const element = document.getElementById("row").content.firstElementChild.cloneNode(true);
  const row = { file, element, arrived: 0, upload: null, metadata: null };
  element.querySelector("b").textContent = file.name;
  Object.assign(element.querySelector("progress"), { max: file.size || 1, ariaLabel: file.name });
  button(row, "remove").ariaLabel = `${button(row, "remove").textContent}: ${file.name}`;
  button(row, "toggle").addEventListener("click", () => toggle(row));
  button(row, "remove").addEventListener("click", () => remove(row));
  list.append(element);
  rows.push(row);
  showAmount(row);
  if (!file.size) return stand(row, "failed", words.empty);
  stand(row, "waiting", localStorage.getItem(fingerprint(file)) ? words.known : "");
};
const addAll = (files) => {
  for (const file of files) add(file);
  document.getElementById("list-title").hidden = !rows.length;
  document.getElementById("no-files").hidden = true;
  say([...files].map((file) => file.name).join(", "));
};

// What is said of the files, or null with the line that is no name=value marked at its field.
const metadata = () => {
  const said = {};
  for (const name of ["title", "department"]) {
    const value = document.getElementById(name).value.trim();
    if (value) said[name] = value;
  }
  const field = document.getElementById("more");
  const lines = field.value.split("\n").map((line) => line.trim()).filter(Boolean);
  const wrong = lines.find((line) => {
    const [, name, value] = line.match(/^([\x21-\x2b\x2d-\x3c\x3e-\x7e]{1,100})\s*=\s*(.+)$/) ?? [];
    const taken = !name || name in said || ["filename", "name", "sha256", "session_id"].includes(name);
    if (!taken) said[name] = value;
    return taken;
  });
  const problem = document.getElementById("more-problem");
  problem.hidden = !wrong;
  problem.querySelector("b").textContent = wrong ?? "";
  field.setAttribute("aria-invalid", String(Boolean(wrong)));
  if (wrong) field.focus();
  return wrong ? null : said;
};

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const chosen = rows.filter((row) => row.state === "waiting" && !row.metadata);
  document.getElementById("no-files").hidden = chosen.length > 0;
  if (!chosen.length) return document.getElementById("files").focus();
  const said = metadata();
  if (!said) return;
  for (const row of chosen) row.metadata = said;
  next();
});
document.getElementById("files").addEventListener("change", (event) => {
  addAll([...event.target.files]);
  event.target.value = ""; // the same file may be chosen again
});
// Beside the zone the browser would open the file instead of this page.
for (const name of ["dragover", "drop"]) addEventListener(name, (event) => event.preventDefault());
const drop = document.getElementById("drop");
for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
  drop.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.toggle("over", name === "dragenter" || name === "dragover");
    if (name === "drop") addAll([...event.dataTransfer.files]);
  });
}
