"""Our own server under measurement, started as `portal run` starts it."""

from __future__ import annotations

import subprocess
from functools import cached_property
from pathlib import Path

from bench.load import Request, request
from bench.server import TusServer
from tests.conftest import TUS, Portal, wait_for

RAW = "application/octet-stream"


class PortalServer(TusServer):
    """The portal with its two web server processes, its workers and its Valkey."""

    durability: str
    base = TUS
    version = "this commit"

    def command(self) -> list[str]:
        raise NotImplementedError("tests.conftest.Portal knows")

    def _started(self) -> subprocess.Popen[bytes]:
        settings = {"PORTAL_DURABILITY": self.durability, "PORTAL_RECONCILE_SECONDS": "30"}
        settings |= {"PORTAL_WEB_PROCESSES": "2", "PORTAL_LEASE_SECONDS": "30"}
        self.portal = Portal(self.folder, **settings).start()
        self.port, self.url = self.portal.port, self.portal.url
        assert self.portal.process is not None
        return self.portal.process

    @cached_property
    def headers(self) -> dict[str, str]:  # type: ignore[override]
        return {"Tus-Resumable": "1.0.0", "Authorization": f"Bearer {self.portal.token()}"}

    @cached_property
    def reading(self) -> dict[str, str]:
        """What fetches recordings: another account."""
        return {"Authorization": f"Bearer {self.portal.token('officer', 'read')}"}

    def wait_until_available(self, path: str) -> str:
        """The path of the recording that this upload has become."""
        found = path.rpartition("/")[2]
        query = "SELECT 1 FROM recording WHERE id = ? AND state = 'ready'"
        wait_for(lambda: self.portal.rows(query, found), 120, f"{found} is available")
        return f"/api/recordings/{found}/content"

    def drop_recording(self, path: str) -> None:
        """Its bytes only: the disk has to have room for the next one."""
        found = path.split("/")[3]
        for each in self.portal.stored_files("recordings"):
            if found in str(each):
                each.unlink()

    def chunk(self, upload_id: str, number: int, size: int) -> Request:
        """One chunk as it is."""
        said = self.headers | {"Content-Type": RAW, "X-Upload-ID": upload_id}
        said["X-Chunk-Index"] = str(number)
        return request("POST", "/api/v1/upload/chunk", 200, said, 0, size)

    def chunk_in_json(self, upload_id: str, number: int, size: int) -> Request:
        """One chunk as JSON; the content holds its base64, `size` characters of it."""
        said = self.headers | {"Content-Type": "application/json"}
        tail = f'", "upload_id": "{upload_id}", "chunk_index": {number}}}'
        around = b'{"chunk_data": "', tail.encode()
        return request("POST", "/api/v1/upload/chunk", 200, said, 0, size, around)

    def stop(self) -> None:
        self.portal.stop()


class Relaxed(PortalServer):
    name = "portal relaxed"
    durability = "relaxed"


class Strict(PortalServer):
    name = "portal strict"
    durability = "strict"


def sound(path: Path, size: int) -> Path:
    """A recording of so many bytes that is mostly a hole: it costs no disk to read."""
    from tests.sounds import silence

    with path.open("wb") as file:
        file.write(next(silence(size)))
        file.truncate(size)
    return path
