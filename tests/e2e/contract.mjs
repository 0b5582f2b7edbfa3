// What the contract's JavaScript leaves undefined. The test puts the contract's text below, in the
// place of the marked line, and runs it: node … <portal> <token> <file>
import { readFileSync } from "node:fs";
import { basename } from "node:path";

const [portal, token, path] = process.argv.slice(2);
const bytes = readFileSync(path);
const file = Object.assign(bytes, { size: bytes.length, name: basename(path), type: "video/webm" });
const [sessionId, videoDuration] = [crypto.randomUUID(), 4];
let uploadId;

// A page has an address that relative ones begin at; node has not.
const stack = tus.defaultOptions.httpStack;
tus.defaultOptions.httpStack = {
  getName: () => "relative",
  createRequest: (method, url) => stack.createRequest(method, new URL(url, portal).href),
};

async function fetch(address, options) {
  const answer = await globalThis.fetch(new URL(address, portal), options);
  const said = await answer.clone().json();
  uploadId ??= said.upload_id;
  if (address.endsWith("/complete")) {
    console.log(JSON.stringify({ status: answer.status, upload_id: uploadId }));
  }
  return answer;
}

// THE CONTRACT
