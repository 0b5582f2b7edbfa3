/** Sends files to the portal in numbered chunks. See docs/browser-upload.md. */
export class ResumableUploader {
  constructor(settings: UploaderSettings);
  /**
   * Sends the file, or what the portal has not got of it yet, and resolves when the recording is
   * available. Rejects with an `UploadError`; calling it again with the same file goes on.
   * `file` can be a `Blob`; a `File`, which has a name and a date, is told from others more surely.
   */
  uploadFile(file: File | Blob, told?: Told): Promise<UploadResult>;
  /** Ends the requests under way and begins no other; the promises of `uploadFile` stay pending. */
  pause(): void;
  resume(): void;
  /**
   * Gives up what this uploader is sending: its bytes are removed from the portal, and `uploadFile`
   * rejects with the code `cancelled`. Rejects itself if the portal could not be told.
   */
  cancel(): Promise<void>;
  static readonly UploadError: typeof UploadError;
  static readonly Sha256: typeof Sha256;
}

export default ResumableUploader;

export interface UploaderSettings {
  /** Such as `https://recordings.example.org/api/v1/upload`; a path on the portal's own pages. */
  apiUrl: string;
  /** A token with the scope `upload`. */
  authToken: string;
  /** Asked when the portal refuses the token (401), once for each request. What it rejects with ends the uploads. */
  refreshToken?: () => string | Promise<string>;
  /** Chunks under way at a time, 3 to 5; 4 by default. */
  parallel?: number;
  /** How often one request is repeated after passing failures; 8 by default, about four minutes. */
  retries?: number;
  /** Milliseconds before the first repetition, doubled each time up to a minute; 1000 by default. */
  retryDelay?: number;
}

export interface Told {
  /** Whole percents of what the portal has acknowledged: 100 means all bytes, not yet the end. */
  onProgress?: (percent: number, bytes: { sentBytes: number; totalBytes: number }) => void;
  onComplete?: (result: UploadResult) => void;
  /** A request failed and is repeated after `delay` milliseconds. */
  onRetry?: (retry: { error: UploadError; delay: number }) => void;
}

export interface UploadResult {
  upload_id: string;
  status: "completed";
  recording_id: string;
  filename: string;
  size: number;
  /** SHA-256 of the stored bytes; the portal has compared it with the one summed up here. */
  file_hash: string;
  mime_type: string | null;
}

export class UploadError extends Error {
  /**
   * `network`, `cancelled`, `file_changed`, `other_tab`, `no_portal`, `unexpected` (not an answer of
   * the portal's), or one of the portal's codes.
   */
  readonly code: string;
  /** The HTTP status, or 0. */
  readonly status: number;
  /** Milliseconds that the portal asked to wait, or 0. */
  readonly retryAfter: number;
}

/** SHA-256 of bytes that come one after another. */
export class Sha256 {
  update(bytes: Uint8Array): this;
  /** The sum in hexadecimal digits. Ends it: nothing can be added afterwards. */
  hex(): string;
}
