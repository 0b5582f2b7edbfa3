// An upload as React state: what to show, and what its buttons do. It goes on when the component is
// taken off the page; a page that is closed goes on once the same file is chosen again.
import { useCallback, useRef, useState } from "react";
import { ResumableUploader, UploadError, type UploaderSettings, type UploadResult } from "resumable-upload-client";

export type UploadState = "idle" | "sending" | "waiting" | "paused" | "done" | "failed";

export function useResumableUpload(settings: UploaderSettings) {
  const uploader = useRef<ResumableUploader>(undefined);
  const [state, setState] = useState<UploadState>("idle");
  const [percent, setPercent] = useState(0);
  const [result, setResult] = useState<UploadResult>();
  const [error, setError] = useState<UploadError>();

  const upload = useCallback(async (file: File) => {
    const current = new ResumableUploader(settings);
    uploader.current = current;
    setState("sending");
    setError(undefined);
    const onProgress = (reached: number) => {
      setPercent(reached);
      setState((was) => (was === "paused" ? was : "sending"));
    };
    try {
      setResult(await current.uploadFile(file, { onProgress, onRetry: () => setState("waiting") }));
      setState("done");
    } catch (cause) {
      if (!(cause instanceof UploadError)) throw cause;
      setState(cause.code === "cancelled" ? "idle" : "failed");
      setError(cause);
    }
  }, [settings]);

  const pause = useCallback(() => {
    uploader.current?.pause();
    setState("paused");
  }, []);
  const resume = useCallback(() => {
    uploader.current?.resume();
    setState("sending");
  }, []);
  const cancel = useCallback(() => uploader.current?.cancel().catch(setError), []);

  return { state, percent, result, error, upload, pause, resume, cancel };
}
