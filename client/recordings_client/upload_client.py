"""The portal's endpoints for a recorder, one method each. Each is one request, never repeated here:
`UploadManager` repeats, and so does `upload_recording` for programs without a queue."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from recordings_client import once
from recordings_client.errors import ApiError, ValidationError
from recordings_client.standing import Standing, standing_in
from recordings_client.wire import Wire

log = logging.getLogger(__name__)
NO_UPLOAD = "00000000-0000-7000-8000-000000000000"
"""An id that no upload has: asking for it tells whether the token counts."""
HERE = ("127.0.0.1", "::1", "localhost")
PAGE = 500
STANDING = ("session_id", "status", "bytes_received")


class RecordingUploadClient:
    """Speaks with the portal at `base_url`, which ends with /api. `timeout`: seconds in which
    something has to move. All methods raise ApiError, and may be called by several threads."""

    def __init__(
        self, base_url: str, api_token: str, timeout: float = 60, max_retries: int = 3
    ) -> None:
        self.base_url, self.timeout = base_url.rstrip("/"), timeout
        self.max_retries = max_retries
        self._wire = Wire(self.base_url, api_token, timeout)
        self._storage = Wire("", None, timeout)
        log.info("RecordingUploadClient initialized for %s", self.base_url)
        address = urlsplit(self.base_url)
        if address.scheme == "http" and address.hostname not in HERE:
            log.warning("The token travels readable to %s; use https.", self.base_url)

    def __repr__(self) -> str:
        return f"RecordingUploadClient({self.base_url!r})"

    def test_connection(self) -> bool:
        """Whether the portal answers and takes the token; why not is logged."""
        try:
            self.check_connection()
        except ApiError as error:
            log.warning("API connection test failed: %s", error.message)
            return False
        log.info("API connection test successful")
        return True

    def check_connection(self) -> None:
        """Raises NetworkError, ServerError, AuthenticationError for what is in the way."""
        self._wire.ask("GET", "/health")
        try:
            self.status(NO_UPLOAD)
        except ApiError as error:
            if error.code != "not_found":  # which only the portal says, and only to its own
                raise

    def create_session(self, said: dict[str, Any], key: str) -> Standing:
        """Announce a recording. The same `key` and words again lead to the same session."""
        path, header = "/uploads/create-session", {"Idempotency-Key": key}
        return standing_in(self._wire.tell("POST", path, "session_id", json=said, headers=header))

    def send(self, session_id: str, offset: int, body: Any) -> Standing:
        """Bytes of the recording from `offset` on; `body` has a length and can be read."""
        path, at = f"/uploads/{session_id}/video", {"Upload-Offset": str(offset)}
        return standing_in(self._wire.tell("PUT", path, *STANDING, data=body, headers=at))

    def put_part(self, part: dict[str, Any], body: Any) -> None:
        """A part of a direct upload; its address is the permission, the token stays here."""
        self._storage.ask(part["method"], part["url"], data=body, headers=part["headers"])

    def finalize(self, session_id: str, sha256: str) -> Standing:
        """Say that all has been sent; `processing` where verification takes longer."""
        path = f"/uploads/{session_id}/finalize"
        try:
            return standing_in(self._wire.tell("POST", path, *STANDING, json={"sha256": sha256}))
        except ValidationError as error:
            if error.status != 422:
                raise
            return self.status(session_id)

    def status(self, session_id: str) -> Standing:
        return standing_in(self._wire.tell("GET", f"/uploads/{session_id}/status", *STANDING))

    def list_recordings(self, **wanted: str) -> Iterator[dict[str, Any]]:
        """All recordings that fit, newest first, page by page. `wanted`: filters of the portal,
        such as session_id. Needs the scope read."""
        cursor: dict[str, str] = {"limit": str(PAGE)}
        while True:
            page = self._wire.tell("GET", "/recordings", "recordings", params=wanted | cursor)
            yield from page["recordings"]
            if not page.get("next_cursor"):
                return
            cursor["cursor"] = page["next_cursor"]

    def get_recording(self, file_id: str) -> dict[str, Any]:
        return self._wire.tell("GET", f"/recordings/{file_id}", "file_id", "size", "sha256")

    def delete_recording(self, file_id: str, reason: str = "") -> str:
        """`deleting` or `deleted`. Needs the scope delete."""
        about = {"reason": reason} if reason else {}
        path = f"/recordings/{file_id}"
        return str(self._wire.tell("DELETE", path, "status", json=about)["status"])

    def open_content(self, file_id: str, start: int = 0) -> Any:
        """The recording's bytes from `start` on, as an answer whose body is still to be read."""
        path, headers = f"/recordings/{file_id}/content", {"Range": f"bytes={start}-"}
        return self._wire.ask("GET", path, headers=headers if start else {}, stream=True)

    def upload_recording(
        self,
        video_file: Path | str,
        metadata_file: Path | str | None = None,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> str:
        """Send one recording and return its `file_id` once it is available; without a queue, so a
        crash of this program begins it anew. `on_progress` is told bytes and all bytes."""
        return once.upload(self, Path(video_file), metadata_file, on_progress)
