// A form that sends one recording. The page gives its portal and token as data of #root.
import { createRoot } from "react-dom/client";
import { useResumableUpload } from "./useResumableUpload";

const root = document.getElementById("root")!;
const settings = { apiUrl: root.dataset.api!, authToken: root.dataset.token! };

function App() {
  const { state, percent, result, error, upload, pause, resume, cancel } = useResumableUpload(settings);
  const moving = state === "sending" || state === "waiting";
  return (
    <main>
      <label>
        Recording <input type="file" disabled={moving} onChange={(event) => event.target.files?.[0] && upload(event.target.files[0])} />
      </label>
      <progress aria-label="Sent" value={percent} max="100" />
      {moving && <button onClick={pause}>Pause</button>}
      {state === "paused" && <button onClick={resume}>Go on</button>}
      {(moving || state === "paused") && <button onClick={cancel}>Cancel</button>}
      <p role="status">
        {state === "done" ? `Available: ${result?.recording_id}` : state}
        {error && `: ${error.message}`}
      </p>
    </main>
  );
}

createRoot(root).render(<App />);
