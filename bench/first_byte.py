"""`python -m bench.first_byte`: how long a player waits for the first byte of a Range.

A portal on each kind of storage, on servers of this machine; the middle of a sound is asked for
over the API, again and again. Wanted: less than 150 ms from a folder, 400 ms from S3.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import requests

from tests.backends import Backend, on_s3
from tests.conftest import Portal, Tus, upload_id
from tests.sounds import MIB, silence
from tests.storage.servers import seaweed_in

ROUNDS = 50
SIZE = 200 * MIB


@contextmanager
def kept(backend: Backend, folder: Path) -> Iterator[requests.Request]:
    """A portal with one recording, and the request for its middle."""
    portal = Portal(folder, **backend.settings).start()
    try:
        token = portal.token("uploader", "upload", "read")
        tus = Tus(portal, token)
        path = tus.begin(SIZE)
        assert tus.patch(path, 0, b"".join(silence(SIZE))).status_code == 204
        recording = portal.recording(upload_id(path), seconds=60)["id"]
        url = f"{portal.url}/api/recordings/{recording}/content"
        headers = {"Authorization": f"Bearer {token}", "Range": f"bytes={SIZE // 2}-"}
        yield requests.Request("GET", url, headers=headers)
    finally:
        portal.drop()


def first_byte(session: requests.Session, request: requests.Request) -> float:
    """Milliseconds until the first byte of the body is here."""
    begun = time.perf_counter()
    with session.send(session.prepare_request(request), stream=True) as answer:
        assert answer.status_code == 206, answer.text
        answer.raw.read(1)
        return (time.perf_counter() - begun) * 1000


def main() -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for name in ("weed", "local", "s3"):
            (folder / name).mkdir()
        options = stack.enter_context(seaweed_in(folder / "weed"))
        for name, backend in (("local", Backend({}, None)), ("s3", on_s3(options))):
            request = stack.enter_context(kept(backend, folder / name))
            with requests.Session() as session:
                times = sorted(first_byte(session, request) for _ in range(ROUNDS))
            late = times[int(0.95 * ROUNDS)]
            print(f"{name:6} p50 {statistics.median(times):6.1f} ms   p95 {late:6.1f} ms")


if __name__ == "__main__":
    main()
