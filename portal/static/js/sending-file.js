// One file on its way: its tus upload, its pass, and what the browser remembers of it.
const form = document.getElementById("sending");
const words = Object.fromEntries([...document.querySelectorAll("#words dd")].map((each) => [each.dataset.word, each.textContent]));
const CHUNK = 8 * 1024 * 1024; // each is acknowledged by itself
const AGAIN = [0, 1000, 3000, 5000, 10_000, 20_000, 30_000];

// The pass is kept here and nowhere else, and made anew at half of its time.
const ticket = { text: "", until: 0 };
const forgetPass = () => { ticket.until = 0; };
const askForPass = () => {
  const body = new FormData();
  body.set("csrf_token", form.dataset.csrf);
  return fetch(form.dataset.pass, { method: "POST", body });
};
// Whoever has signed in again, in another tab, has another token against forged forms.
const readTokenAnew = async () => {
  const answer = await fetch(location.href);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("sending");
  if (page?.dataset.person !== form.dataset.person) return false;
  form.dataset.csrf = page.dataset.csrf;
  return true;
};
const because = (cause) => Object.assign(new Error(cause), { cause });
const makePass = async () => {
  let answer = await askForPass();
  if (answer.status === 400 && await readTokenAnew()) answer = await askForPass();
  if (answer.redirected || answer.status === 400) throw because("signed-out");
  if (!answer.ok) throw because(String(answer.status));
  const made = await answer.json();
  ticket.text = made.pass;
  ticket.until = Date.now() + made.seconds * 500;
};
const authorize = async (request) => {
  if (Date.now() >= ticket.until) await makePass();
  request.setHeader("Authorization", `Bearer ${ticket.text}`);
};

// Remembers addresses alone, for this person: what is said of a file does not stay in the browser.
const remembered = {
  findAllUploads: async () => [],
  findUploadsByFingerprint: async (fingerprint) => {
    const uploadUrl = localStorage.getItem(fingerprint);
    return uploadUrl ? [{ uploadUrl, urlStorageKey: fingerprint, metadata: {}, size: null, creationTime: "", parallelUploadUrls: null }] : [];
  },
  addUpload: async (fingerprint, upload) => {
    localStorage.setItem(fingerprint, upload.uploadUrl);
    return fingerprint;
  },
  removeUpload: async (fingerprint) => localStorage.removeItem(fingerprint),
};
const fingerprint = (file) => ["upload", form.dataset.person, file.name, file.size, file.lastModified].join("/");

const causeOf = (error) => {
  const said = error.causingError?.cause ?? String(error.originalResponse?.getStatus() ?? "network");
  return said in words ? said : "network";
};
const worthAnotherTry = (error) => {
  const status = error.originalResponse?.getStatus() ?? 0;
  if (status === 401) forgetPass();
  if (error.causingError?.cause) return false;
  return [0, 401, 409, 423].includes(status) || (status >= 500 && status !== 507);
};

// `told` hears of acknowledged bytes, of the end, and of a cause in `words`.
const uploadOf = (file, metadata, told) => new tus.Upload(file, {
  endpoint: form.dataset.endpoint,
  metadata: { ...metadata, filename: file.name },
  chunkSize: CHUNK,
  retryDelays: AGAIN,
  urlStorage: remembered,
  fingerprint: async () => fingerprint(file),
  removeFingerprintOnSuccess: true,
  onBeforeRequest: authorize,
  onShouldRetry: worthAnotherTry,
  onAfterResponse: (request, response) => {
    const offset = response.getHeader("Upload-Offset");
    if (offset) told.arrived(Number(offset));
  },
  onSuccess: told.whole,
  onError: (error) => told.broken(causeOf(error)),
});

// What became of a whole upload: waits until it is known.
const outcome = async (url) => {
  const address = `${form.dataset.uploads}/${url.split("/").pop()}/state`;
  for (;;) {
    const answer = await fetch(address, { headers: { "X-Requested-With": "refresh" } }).catch(() => null);
    if (answer?.status === 404) return { state: "expired", words: "" };
    const found = answer?.ok && !answer.redirected ? await answer.json() : null;
    if (found && found.state !== "finishing") return found;
    await new Promise((resolve) => setTimeout(resolve, 1500));
  }
};
