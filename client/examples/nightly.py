"""Queue the recordings of a folder, and send them at night, slowly by day: `python nightly.py DIR`.

RECORDINGS_BASE_URL and RECORDINGS_API_TOKEN say where to and who. Run it every hour: what has been
sent is not sent again.
"""

import os
import sys
from pathlib import Path

from recordings_client import ApiIntegrationManager

settings = {
    "api": {
        "enabled": True,
        "max_concurrent_uploads": 3,
        "bandwidth_limits": [
            {"from": "08:00", "to": "18:00", "days": "mon-fri", "kib_per_second": 2048}
        ],
        "upload_windows": [
            {"from": "18:00", "to": "08:00"},
            {"from": "08:00", "to": "18:00"},  # leave this line out to send at night only
        ],
        "state_dir": os.environ.get("STATE_DIR", "queue"),
    }
}
api_manager = ApiIntegrationManager(settings)
if api_manager.upload_manager is None:
    sys.exit(api_manager.error)
task_ids = api_manager.upload_older_recordings(Path(sys.argv[1]), max_age_days=30)
done = api_manager.upload_manager.wait(task_ids, seconds=3000)
counts = api_manager.get_queue_status()
api_manager.shutdown()
print(
    f"{len(task_ids)} queued, {counts['completed_uploads']} sent, {counts['failed_uploads']} failed"
)
sys.exit(0 if done and not counts["failed_uploads"] else 1)
