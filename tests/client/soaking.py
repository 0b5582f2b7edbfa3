"""The program that the soak kills: queues all films of a folder and sends until it is killed.

`python -m tests.client.soaking CONFIG.JSON FOLDER`
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from recordings_client import ApiIntegrationManager


def main() -> None:
    manager = ApiIntegrationManager(sys.argv[1])
    for path in sorted(Path(sys.argv[2]).glob("*.mp4")):
        manager.upload_recording(path)
    while True:
        time.sleep(60)


if __name__ == "__main__":
    main()
