// The stock tus-js-client, told by JSON what to do; prints JSON. node client.mjs '<told>'
// told: endpoint, token, file, and
//   options: for tus.Upload (null in JSON is Infinity for chunkSize)
//   stream: send a stream whose length nobody knows
//   stopAt: abort after so many acknowledged bytes, and end
//   storage: a file that remembers uploads from process to process
//   terminate: give the upload up instead of sending it
import { createReadStream, readFileSync } from "node:fs";
import { Readable } from "node:stream";
import * as tus from "tus-js-client";
import { FileUrlStorage } from "tus-js-client";

const told = JSON.parse(process.argv[2]);
const headers = { Authorization: `Bearer ${told.token}` };
const source = told.stream
  ? Readable.from(
      (function* () {
        const bytes = readFileSync(told.file);
        for (let at = 0; at < bytes.length; at += 10_000) yield bytes.subarray(at, at + 10_000);
      })(),
      { objectMode: false },
    )
  : createReadStream(told.file);

const upload = new tus.Upload(source, {
  endpoint: told.endpoint,
  headers,
  retryDelays: [0, 50, 100, 200, 400],
  ...(told.storage && { urlStorage: new FileUrlStorage(told.storage) }),
  ...told.options,
  chunkSize: told.options?.chunkSize ?? Infinity,
  onError: (error) => {
    console.error(String(error));
    process.exit(1);
  },
  onChunkComplete: async (size, reached) => {
    if (told.stopAt && reached >= told.stopAt) {
      await upload.abort();
      console.log(JSON.stringify({ url: upload.url, reached }));
      process.exit(0);
    }
  },
  onSuccess: () => console.log(JSON.stringify({ url: upload.url })),
});

if (told.terminate) {
  await tus.Upload.terminate(told.terminate, { headers, retryDelays: [0] });
  console.log(JSON.stringify({ url: told.terminate }));
} else {
  if (told.storage) {
    const [previous] = await upload.findPreviousUploads();
    if (previous) upload.resumeFromPreviousUpload(previous);
  }
  upload.start();
}
