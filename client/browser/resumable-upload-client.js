// ResumableUploader: sends files in numbered chunks to the portal's /api/v1/upload. Several chunks go
// at once, each with its SHA-256, again after a failure, and on after a reload. No dependencies.
// Pages load it with <script>; index.js makes it a module. How to use it: docs/browser-upload.md.
{
  const [LONGEST_DELAY, LONGEST_ASKED] = [60_000, 3_600_000]; // ms; the second one by Retry-After
  const TIMEOUT = 300_000; // 1 MiB takes 130 s at 64 kbit/s
  const ASK_AGAIN = 2000; // ms between two questions whether the recording is there
  const PASSING = [408, 429, 500, 502, 503, 504];
  const ENDED = [404, 410, 422]; // nothing will come of this upload any more

  // `code` is for programs, `message` for people; `status` is 0 where no answer of the portal is meant.
  class UploadError extends Error {
    constructor(code, message, status = 0, retryAfter = 0) {
      super(message);
      Object.assign(this, { name: "UploadError", code, status, retryAfter });
    }
  }
  const passing = ({ code, status }) => PASSING.includes(status) || code === "network" || (code === "checksum_mismatch" && status === 400);

  const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const turn = (word, bits) => (word >>> bits) | (word << (32 - bits));
  // FIPS 180-4, section 4.2.2
  const K = Uint32Array.from(`428a2f98 71374491 b5c0fbcf e9b5dba5 3956c25b 59f111f1 923f82a4 ab1c5ed5 d807aa98 12835b01 243185be
    550c7dc3 72be5d74 80deb1fe 9bdc06a7 c19bf174 e49b69c1 efbe4786 0fc19dc6 240ca1cc 2de92c6f 4a7484aa
    5cb0a9dc 76f988da 983e5152 a831c66d b00327c8 bf597fc7 c6e00bf3 d5a79147 06ca6351 14292967 27b70a85
    2e1b2138 4d2c6dfc 53380d13 650a7354 766a0abb 81c2c92e 92722c85 a2bfe8a1 a81a664b c24b8b70 c76c51a3
    d192e819 d6990624 f40e3585 106aa070 19a4c116 1e376c08 2748774c 34b0bcb5 391c0cb3 4ed8aa4a 5b9cca4f
    682e6ff3 748f82ee 78a5636f 84c87814 8cc70208 90befffa a4506ceb bef9a3f7 c67178f2`.split(/\s+/), (word) => parseInt(word, 16));

  // SHA-256 of bytes that come one after another, which crypto.subtle cannot do.
  class Sha256 {
    #state = Uint32Array.of(0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19);
    #words = new Int32Array(64);
    #rest = new Uint8Array(0); // what makes no block of 64 yet
    #length = 0;
    update(bytes) {
      const all = new Uint8Array(this.#rest.length + bytes.length);
      all.set(this.#rest);
      all.set(bytes, this.#rest.length);
      let at = 0;
      for (; at + 64 <= all.length; at += 64) this.#block(all, at);
      this.#rest = all.slice(at);
      this.#length += bytes.length;
      return this;
    }
    // Ends the sum: nothing can be added afterwards.
    hex() {
      const end = new DataView(new ArrayBuffer(72 - ((this.#length + 8) % 64)));
      end.setUint8(0, 0x80);
      end.setBigUint64(end.byteLength - 8, BigInt(this.#length) * 8n);
      this.update(new Uint8Array(end.buffer));
      return Array.from(this.#state, (word) => word.toString(16).padStart(8, "0")).join("");
    }
    #spread(bytes, at) {
      const w = this.#words;
      for (let i = 0; i < 16; i++, at += 4) w[i] = (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
      for (let i = 16; i < 64; i++) {
        const low = turn(w[i - 15], 7) ^ turn(w[i - 15], 18) ^ (w[i - 15] >>> 3);
        const high = turn(w[i - 2], 17) ^ turn(w[i - 2], 19) ^ (w[i - 2] >>> 10);
        w[i] = w[i - 16] + low + w[i - 7] + high;
      }
      return w;
    }
    #block(bytes, at) {
      const w = this.#spread(bytes, at);
      let [a, b, c, d, e, f, g, h] = this.#state;
      for (let i = 0; i < 64; i++) {
        const one = h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + K[i] + w[i];
        const two = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
        h = g; g = f; f = e; e = (d + one) | 0;
        d = c; c = b; b = a; a = (one + two) | 0;
      }
      [a, b, c, d, e, f, g, h].forEach((word, i) => { this.#state[i] += word; });
    }
  }

  // Browsers have crypto.subtle on https and localhost only; elsewhere ours does it, more slowly.
  const sha256 = async (bytes) => (crypto.subtle
    ? hex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)))
    : new Sha256().update(bytes).hex());

  // Lets requests pass, holds them back while the upload is paused, and ends them all for a reason.
  class Gate {
    #passing = new AbortController();
    #paused = null;
    #reason = null;
    // What a request is to listen to. Waits while paused, throws the reason when all has ended.
    async signal() {
      await this.#paused?.promise;
      if (this.#reason) throw this.#reason;
      return this.#passing.signal;
    }
    async sleep(ms) {
      const signal = await this.signal();
      await new Promise((end) => { setTimeout(end, ms); signal.addEventListener("abort", end); });
    }
    pause() {
      this.#paused ??= Promise.withResolvers();
      this.#passing.abort();
    }
    resume() {
      if (this.#paused) this.#passing = new AbortController();
      this.#paused?.resolve();
      this.#paused = null;
    }
    end(reason) {
      this.#reason ??= reason;
      this.#passing.abort();
      this.#paused?.resolve();
    }
  }

  // The page of a proxy is no JSON, but its status says enough.
  const parsed = (text) => { try { return JSON.parse(text) ?? {}; } catch { return {}; } };
  const refusal = (answer, { error = {} }) => {
    const after = answer.headers.get("Retry-After");
    const ms = after ? Number(after) * 1000 || Date.parse(after) - Date.now() : 0;
    const message = error.message ?? `The portal answered with ${answer.status}.`;
    return new UploadError(error.code ?? "unexpected", message, answer.status, ms || 0);
  };

  // Requests with the token of the moment, and again where the cause is a passing one.
  class Wire {
    #renewing = null;
    constructor(settings) {
      Object.assign(this, { parallel: 4, retries: 8, retryDelay: 1000, ...settings });
      this.apiUrl = this.apiUrl.replace(/\/+$/, "");
    }
    async ask(path, request, gate, onRetry) {
      for (let tries = 0, refused = 0; ;) {
        const [signal, token] = [await gate.signal(), this.authToken];
        try {
          return await this.#once(path, request, token, signal);
        } catch (error) {
          if (signal.aborted) continue; // the gate knows why
          if (error.status === 401 && !refused++ && await this.#renewed(token)) continue;
          if (!passing(error) || tries >= this.retries) throw error;
          const delay = this.#delay(tries++, error);
          onRetry?.({ error, delay });
          await gate.sleep(delay);
        }
      }
    }
    async #once(path, request, token, signal) {
      const headers = { Authorization: `Bearer ${token}`, ...request.headers };
      const listen = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT)]);
      const lost = (cause) => { throw new UploadError("network", `The portal does not answer: ${cause.message}`); };
      const answer = await fetch(this.apiUrl + path, { ...request, headers, signal: listen, credentials: "omit" }).catch(lost);
      const said = parsed(await answer.text().catch(lost));
      if (!answer.ok) throw refusal(answer, said);
      if (!said.upload_id) throw new UploadError("no_portal", `${this.apiUrl} is no portal; check apiUrl.`);
      return said;
    }
    // Whether there is another token than the refused one; one question serves all chunks.
    async #renewed(refused) {
      if (this.authToken === refused && this.refreshToken) {
        this.#renewing ??= Promise.resolve(this.refreshToken()).finally(() => { this.#renewing = null; });
        this.authToken = await this.#renewing;
      }
      return this.authToken !== refused;
    }
    // At least what Retry-After asks for, an hour at most, and up to half more, so that not all come back at once.
    #delay(tries, { retryAfter }) {
      const ours = Math.min(LONGEST_DELAY, this.retryDelay * 2 ** tries);
      return Math.max(Math.min(LONGEST_ASKED, retryAfter), ours) * (1 + Math.random() / 2);
    }
  }

  // A random key for each upload under way is all that stays in the browser; the portal knows the rest.
  // Where that is blocked or full, an upload cannot go on after a reload.
  const stored = (act) => { try { return act(localStorage); } catch { return null; } };
  const forget = (name) => stored((storage) => storage.removeItem(name));
  const keyOf = (name) => {
    const key = stored((storage) => storage.getItem(name)) ?? hex(crypto.getRandomValues(new Uint8Array(16)));
    stored((storage) => storage.setItem(name, key));
    return key;
  };

  // In no two tabs at once. On plain http there are no locks: there both send to the same upload.
  const alone = (name, work) => (navigator.locks?.request(name, { ifAvailable: true }, (lock) => {
    if (!lock) throw new UploadError("other_tab", "This file is being sent already, here or in another tab.");
    return work();
  }) ?? work());

  // One file on its way.
  class Upload {
    gate = new Gate();
    #id = null;
    #whole = new Sha256();
    #summed = 0; // chunks
    #read = Promise.resolve();
    #sent = 0; // bytes
    constructor(wire, file, told) { Object.assign(this, { wire, file, told }); }
    async run() {
      const { name, size, type, lastModified } = this.file;
      const about = [this.wire.apiUrl, name, size, type, lastModified].join("\n");
      this.name = `resumable-upload/${await sha256(new TextEncoder().encode(about))}`;
      return alone(this.name, () => this.#send());
    }
    async cancel() {
      this.gate.end(new UploadError("cancelled", "The upload was cancelled."));
      if (this.#id) await this.#post("/cancel", { upload_id: this.#id }, {}, new Gate());
      forget(this.name);
    }
    async #send() {
      try {
        const begun = await this.#begin();
        [this.#id, this.chunkSize] = [begun.upload_id, begun.chunk_size];
        for (let left; (left = await this.#missing()).length;) await this.#sendAll(left);
        return await this.#complete(begun.total_chunks);
      } catch (error) {
        this.gate.end(error); // the chunks beside the one that failed
        if (ENDED.includes(error.status) && error.code !== "unexpected") forget(this.name);
        throw error;
      }
    }
    // The same key gets the same upload, also after a reload.
    async #begin() {
      const said = { filename: this.file.name ?? "recording", total_size: this.file.size, mime_type: this.file.type };
      const ask = () => this.#post("/init", said, { "Idempotency-Key": keyOf(this.name) });
      return ask().catch((error) => {
        if (error.status !== 410) throw error;
        forget(this.name); // that upload has expired or was cancelled
        return ask();
      });
    }
    #ask(path, request, gate = this.gate) { return this.wire.ask(path, request, gate, this.told.onRetry); }
    #post(path, said, headers, gate) {
      return this.#ask(path, { method: "POST", headers: { "Content-Type": "application/json", ...headers }, body: JSON.stringify(said) }, gate);
    }
    async #missing() {
      const { progress } = await this.#ask(`/status/${this.#id}`, {});
      this.#progressed(progress);
      return progress.missing_chunks; // the first 1000
    }
    #progressed({ received_bytes: received, total_bytes: totalBytes }) {
      this.#sent = Math.max(this.#sent, received); // answers overtake each other
      this.told.onProgress?.(Math.floor((100 * this.#sent) / totalBytes), { sentBytes: this.#sent, totalBytes });
    }
    #sendAll(left) {
      const lane = async () => { for (let index; (index = left.shift()) !== undefined;) await this.#sendChunk(index); };
      return Promise.all(Array.from({ length: this.wire.parallel }, lane));
    }
    async #sendChunk(index) {
      const body = await this.#chunk(index);
      const named = { "X-Upload-ID": this.#id, "X-Chunk-Index": String(index), "X-Chunk-Checksum": await sha256(body) };
      const headers = { "Content-Type": "application/octet-stream", ...named };
      const taken = this.#ask("/chunk", { method: "POST", headers, body });
      await taken.then(({ progress }) => this.#progressed(progress), (error) => {
        // 409: another tab was quicker. Which bytes are there, the SHA-256 of the whole will tell.
        if (error.status !== 409) throw error;
      });
    }
    // Chunks are read one at a time, from the first on, for the SHA-256 of the whole.
    #chunk(index) {
      this.#read = this.#read.then(async () => {
        while (this.#summed < index) await this.#bytes(this.#summed);
        return this.#bytes(index);
      });
      return this.#read;
    }
    async #bytes(index) {
      await this.gate.signal();
      const piece = this.file.slice(index * this.chunkSize, (index + 1) * this.chunkSize);
      const changed = (cause) => { throw new UploadError("file_changed", `The file has changed or is gone; choose it again. ${cause.message}`); };
      const bytes = new Uint8Array(await piece.arrayBuffer().catch(changed));
      if (index === this.#summed) [this.#whole, this.#summed] = [this.#whole.update(bytes), index + 1];
      return bytes;
    }
    async #complete(total) {
      await this.#chunk(total - 1);
      const said = { upload_id: this.#id, file_hash: this.#whole.hex() };
      let done;
      while ((done = await this.#post("/complete", said)).status !== "completed") await this.gate.sleep(ASK_AGAIN);
      forget(this.name);
      this.told.onComplete?.(done);
      return done;
    }
  }

  // index.d.ts says what its methods take and give.
  globalThis.ResumableUploader = class ResumableUploader {
    static UploadError = UploadError;
    static Sha256 = Sha256;
    #running = new Set();
    #wire;
    constructor(settings) { this.#wire = new Wire(settings); }
    async uploadFile(file, told = {}) {
      const upload = new Upload(this.#wire, file, told);
      this.#running.add(upload);
      return upload.run().finally(() => this.#running.delete(upload));
    }
    pause() { this.#running.forEach((upload) => upload.gate.pause()); }
    resume() { this.#running.forEach((upload) => upload.gate.resume()); }
    async cancel() { await Promise.all([...this.#running].map((upload) => upload.cancel())); }
  };
}
