// Uploads a file with the stock tus-js-client; prints the upload's URL.
// node upload.mjs <endpoint> <token> <file> <name> [chunkSize]
import { createReadStream, statSync } from "node:fs";
import { Upload } from "tus-js-client";

const [endpoint, token, file, filename, chunkSize] = process.argv.slice(2);
const upload = new Upload(createReadStream(file), {
  endpoint,
  uploadSize: statSync(file).size,
  chunkSize: chunkSize ? Number(chunkSize) : Infinity,
  retryDelays: [0, 200, 500, 1000],
  metadata: { filename },
  headers: { Authorization: `Bearer ${token}` },
  onError: (error) => {
    console.error(String(error));
    process.exit(1);
  },
  onSuccess: () => console.log(upload.url),
});
upload.start();
