"""Fetch the recordings of a session and compare them: `python fetch.py SESSION_ID FOLDER`.

RECORDINGS_BASE_URL and RECORDINGS_API_TOKEN, a token with the scope `read`, say where from and who.
"""

import os
import sys
from pathlib import Path

from recordings_client import RecordingUploadClient, download

client = RecordingUploadClient(
    os.environ["RECORDINGS_BASE_URL"], os.environ["RECORDINGS_API_TOKEN"]
)
for recording in client.list_recordings(session_id=sys.argv[1], state="ready"):
    path = download(client, recording["file_id"], Path(sys.argv[2]))
    print(f"{path.name}: {recording['sha256']}")
