"""Send one recording, here and now: `python upload_one.py FILE [METADATA]`.

RECORDINGS_BASE_URL and RECORDINGS_API_TOKEN say where to and who.
"""

import os
import sys

from recordings_client import ApiError, RecordingUploadClient


def show(sent: int, size: int) -> None:
    print(f"\r{100 * sent // size} %", end="", file=sys.stderr)


client = RecordingUploadClient(
    os.environ["RECORDINGS_BASE_URL"], os.environ["RECORDINGS_API_TOKEN"]
)
try:
    file_id = client.upload_recording(sys.argv[1], *sys.argv[2:3], on_progress=show)
except ApiError as error:
    sys.exit(error.message)
print(f"available: {file_id}")
