"""The end of a recorder's work: what it has recorded is handed over."""

from __future__ import annotations

import logging
from pathlib import Path

from recordings_client.api_integration import ApiIntegrationManager
from recordings_client.errors import ApiError, ValidationError
from recordings_client.finding import SUFFIXES, metadata_of
from recordings_client.tasks import UploadStatus

log = logging.getLogger(__name__)


class RecordingManager:
    """A recorder inherits from it or holds one. `output_dir`: where its files are, named after
    their session: `<session_id>.mp4` or `<session_id>_….mp4`. Without an `api_manager`, nothing
    is ever sent, and nothing fails."""

    def __init__(self, output_dir: Path | str, api_manager: ApiIntegrationManager | None) -> None:
        self.output_dir = Path(output_dir)
        self.api_manager = api_manager

    def recording_finished(self, session_id: str) -> str | None:
        """Call it when a file is complete: it is queued if `auto_upload` is on. Whatever is wrong
        is logged, so that the recorder goes on. Returns the task's id."""
        wanted = self.api_manager is not None and self.api_manager.settings.auto_upload
        return self._queue_recording_upload(session_id) if wanted else None

    def _queue_recording_upload(self, session_id: str) -> str | None:
        """For recorders that ask for `auto_upload` themselves."""
        try:
            return self.manual_upload_recording(session_id)
        except ApiError as error:
            log.error("Recording %s is not queued: %s", session_id, error.message)
        except Exception:
            log.exception("Recording %s is not queued", session_id)
        return None

    def manual_upload_recording(self, session_id: str) -> str | None:
        """Queue the session's recording; None where uploads are off. Raises ValidationError."""
        if self.api_manager is None or not self.api_manager.is_initialized:
            return None
        video = self._video(session_id)
        return self.api_manager.upload_recording(video, metadata_of(video))

    def get_upload_status(self, task_id: str | None) -> UploadStatus | None:
        return self.api_manager.get_upload_status(task_id) if self.api_manager else None

    def upload_older(self) -> list[str]:
        """Queue what was recorded before, as far as the settings want it. Call it at the start."""
        if self.api_manager is None or not self.api_manager.settings.auto_upload:
            return []
        return self.api_manager.upload_older_recordings(self.output_dir)

    def _video(self, session_id: str) -> Path:
        """The newest file of this session. Raises ValidationError."""
        try:
            files = [each for each in self.output_dir.iterdir() if each.suffix.lower() in SUFFIXES]
        except OSError as error:
            reason = f"{self.output_dir} cannot be looked into: {error.strerror}."
            raise ValidationError(reason) from error
        ours = [each for each in files if f"{each.stem}_".startswith(f"{session_id}_")]
        if not ours:
            raise ValidationError(f"There is no recording of {session_id} in {self.output_dir}.")
        return max(ours, key=lambda each: each.stat().st_mtime_ns)
