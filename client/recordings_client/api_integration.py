"""What a recorder holds: `ApiIntegrationManager`, which puts client, queue and threads together."""

from __future__ import annotations

import atexit
import logging
import sqlite3
import time
from pathlib import Path

from recordings_client.errors import ApiError
from recordings_client.finding import older_recordings
from recordings_client.following import Callbacks
from recordings_client.options import ClientSettings, settings_of
from recordings_client.tasks import QueueStatus, UploadStatus
from recordings_client.upload_client import RecordingUploadClient
from recordings_client.upload_manager import UploadManager

log = logging.getLogger(__name__)
NOTHING: QueueStatus = {
    "queue_size": 0,
    "active_uploads": 0,
    "completed_uploads": 0,
    "failed_uploads": 0,
}


class ApiIntegrationManager(Callbacks):
    """Sends recordings in the background, from its making until `shutdown` or the program's end.

    `settings`: ClientSettings, the path or the content of the recorder's JSON file, or an object
    with attributes such as API_BASE_URL. Where sending is switched off or the settings are wrong,
    `is_initialized` is False, the reason is in `error`, and every method does nothing: a recorder
    goes on recording. A server that is away is no reason: what is queued waits for it.
    """

    def __init__(self, settings: object) -> None:
        super().__init__()
        self.settings = ClientSettings()
        self.upload_client: RecordingUploadClient | None = None
        self.upload_manager: UploadManager | None = None
        self.error: str = ""
        try:
            self.settings = settings_of(settings)
            self._start()
        except ApiError as error:
            self.error = error.message
            log.error("API upload system failed to initialize: %s", error.message)
        except (OSError, sqlite3.Error) as error:
            self.error = f"The queue in {self.settings.state_dir} cannot be used: {error}."
            log.error("API upload system failed to initialize: %s", self.error)

    def _start(self) -> None:
        chosen = self.settings
        if not chosen.enabled:
            self.error = "Uploads are switched off: api.enabled is false."
            log.info(self.error)
            return
        client = RecordingUploadClient(
            chosen.base_url, chosen.api_token, chosen.upload_timeout, chosen.max_retries
        )
        self.upload_manager = UploadManager(client, chosen, self)
        self.upload_client = client
        self.upload_manager.start()
        atexit.register(self.shutdown)

    @property
    def is_initialized(self) -> bool:
        return self.upload_manager is not None

    def upload_recording(
        self, video_file: Path | str, metadata_file: Path | str | None = None
    ) -> str | None:
        """Queue a recording and return its task's id at once; None where uploads are off.
        Raises ValidationError for a missing or empty file and for damaged metadata."""
        if self.upload_manager is None:
            return None
        described = Path(metadata_file) if metadata_file else None
        return self.upload_manager.queue_upload(Path(video_file), described)

    def get_upload_status(self, task_id: str | None) -> UploadStatus | None:
        """None for a task that we do not have."""
        if self.upload_manager is None or task_id is None:
            return None
        return self.upload_manager.get_upload_status(task_id)

    def upload_older_recordings(
        self, recordings_dir: Path | str, max_age_days: int | None = None
    ) -> list[str]:
        """Queue the recordings of a folder that have not been sent, at most so many days old
        (`max_file_age_days` without it). Returns the ids of their tasks; none where
        `upload_older_recordings` is switched off."""
        if self.upload_manager is None or not self.settings.upload_older_recordings:
            return []
        days = self.settings.max_file_age_days if max_age_days is None else max_age_days
        found = older_recordings(Path(recordings_dir), days, time.time(), _left_out)
        queued = (self._queue_older(video, metadata) for video, metadata in found)
        return [each for each in queued if each]

    def _queue_older(self, video: Path, metadata: Path | None) -> str | None:
        """None for what has been sent already, and for what cannot be."""
        if self.upload_manager is None:
            return None
        try:
            task_id = self.upload_manager.queue_upload(video, metadata)
        except ApiError as error:
            _left_out(video, error)
            return None
        status = self.upload_manager.get_upload_status(task_id)
        return task_id if status and status["status"] != "completed" else None

    def get_queue_status(self) -> QueueStatus:
        return self.upload_manager.get_queue_status() if self.upload_manager else NOTHING.copy()

    def shutdown(self) -> None:
        """Stop sending; what is not sent is sent when the next one starts."""
        if self.upload_manager is not None:
            self.upload_manager.stop()
            self.upload_manager = self.upload_client = None
            atexit.unregister(self.shutdown)


def _left_out(path: Path, error: ApiError) -> None:
    name = path.name.encode(errors="backslashreplace").decode()  # a log has to hold it
    log.warning("%s is left out: %s", name, error.message)
