"""A recorder that sends what it has recorded: `python recorder.py CONFIG.JSON SESSION_ID`.

The recordings are in the folder `output_dir` of the section `recording`, as the contract has it.
"""

import json
import sys
import threading
from pathlib import Path

from recordings_client import ApiIntegrationManager, RecordingManager

config, session_id = Path(sys.argv[1]), sys.argv[2]
ended = threading.Event()


def started(task_id: str, filename: str) -> None:
    print(f"started: {filename}")


def completed(task_id: str, file_id: str) -> None:
    print(f"completed: {file_id}")
    ended.set()


def failed(task_id: str, error: str) -> None:
    print(f"failed: {error}")
    ended.set()


api_manager = ApiIntegrationManager(config)
if not api_manager.is_initialized:
    sys.exit(api_manager.error)
api_manager.on_upload_started = started
api_manager.on_upload_completed = completed
api_manager.on_upload_failed = failed

output_dir = json.loads(config.read_text("utf-8"))["recording"]["output_dir"]
recordings = RecordingManager(output_dir, api_manager)
recordings.upload_older()
task_id = recordings.recording_finished(session_id)
print(f"queued: {task_id}")
ended.wait(60)
api_manager.shutdown()
