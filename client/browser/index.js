// The same file that pages load with <script>, as names to import.
import "./resumable-upload-client.js";

export const { ResumableUploader } = globalThis;
export const { Sha256, UploadError } = ResumableUploader;
export default ResumableUploader;
