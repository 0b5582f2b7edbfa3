// Uppy with its tus plugin, sending to the portal. Bundle it with any bundler, and give it a page with
// <input type="file" id="files" multiple> and the portal's address and a token as data of <body>.
import Uppy from "@uppy/core";
import Tus from "@uppy/tus";

const { portal, token } = document.body.dataset;
const uppy = new Uppy({ autoProceed: true });

uppy.use(Tus, {
  endpoint: `${portal}/api/v1/videos/tus`,
  headers: { Authorization: `Bearer ${token}` },
  chunkSize: 8 * 1024 * 1024, // each is acknowledged by itself
  retryDelays: [0, 1000, 3000, 5000, 10_000, 20_000, 30_000],
  allowedMetaFields: ["filename"],
  removeFingerprintOnSuccess: true,
});

document.getElementById("files").addEventListener("change", ({ target }) => {
  for (const file of target.files) uppy.addFile({ name: file.name, type: file.type, data: file, meta: { filename: file.name } });
});
uppy.on("complete", ({ successful, failed }) => {
  document.title = `${successful.length} sent, ${failed.length} failed`;
});

globalThis.uppy = uppy;
