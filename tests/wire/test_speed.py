"""The speed that must not be lost: ratios within one run, with room for a busy machine.

`make bench` measures it in earnest; these three fail where a path is no longer the fast one.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.load import Load, Request, request
from bench.measures import MIB
from bench.portal import RAW, sound
from bench.server import BYTES
from tests.conftest import Portal, Tus, upload_id

BIG = 256 * MIB
ROUNDS = 3


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Load:
    folder = tmp_path_factory.mktemp("load")
    return Load(folder, sound(folder / "sound.wav", BIG))


@pytest.fixture(scope="module")
def relaxed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    folder = tmp_path_factory.mktemp("relaxed")
    portal = Portal(folder, PORTAL_DURABILITY="relaxed", PORTAL_JOB_WORKERS="1").start()
    yield portal
    portal.drop()


def piece(tus: Tus, path: str, offset: int, size: int) -> Request:
    said = {"Authorization": str(tus.session.headers["Authorization"]), "Tus-Resumable": "1.0.0"}
    said |= {"Content-Type": BYTES, "Upload-Offset": str(offset)}
    return request("PATCH", path, 204, said, offset, size)


def copied_through_python(load: Load, target: Path) -> float:
    """Seconds that a server takes that reads the same body block by block, and does no more."""

    def serve(listener: socket.socket) -> None:
        client, _ = listener.accept()
        block, left = bytearray(MIB), BIG + len(sent.head)
        with client, target.open("wb", buffering=0) as file:
            while left > 0:
                count = client.recv_into(block)
                file.write(memoryview(block)[:count])
                left -= count
            client.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    sent = request("PUT", "/", 204, {"Content-Type": RAW}, body=BIG)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve, args=(listener,))
        server.start()
        seconds = load.run(listener.getsockname()[1], [sent])
        server.join()
    target.unlink()
    return seconds


def test_a_large_upload_costs_little_more_than_copying_it_block_by_block(
    relaxed: Portal, load: Load, tmp_path: Path
) -> None:
    """It takes one and a half to two times as long, five times as long through `wsgi.input`."""
    tus, ours, plain = Tus(relaxed, relaxed.token()), [], []
    for _ in range(ROUNDS):
        path = tus.begin(BIG + 1)
        ours.append(load.run(relaxed.port, [piece(tus, path, 0, BIG)]))
        tus.delete(path)
        plain.append(copied_through_python(load, tmp_path / "copy"))
    assert min(ours) < 3.5 * min(plain), (ours, plain)


def test_a_small_patch_costs_little_more_than_asking_where_it_stands(
    relaxed: Portal, load: Load
) -> None:
    """About twice as long."""
    tus, count, patches, heads = Tus(relaxed, relaxed.token()), 100, [], []
    for _ in range(ROUNDS):
        path = tus.begin(4096 * count + 1)
        sent = [piece(tus, path, 4096 * number, 4096) for number in range(count)]
        patches.append(load.run(relaxed.port, sent))
        asked = {"Authorization": str(tus.session.headers["Authorization"])}
        asked |= {"Tus-Resumable": "1.0.0"}
        heads.append(load.run(relaxed.port, [request("HEAD", path, 200, asked)] * count))
    assert min(patches) < 3.5 * min(heads), (patches, heads)


def test_a_range_at_the_end_costs_no_more_than_one_at_the_beginning(
    relaxed: Portal, load: Load
) -> None:
    tus = Tus(relaxed, relaxed.token())
    path = tus.begin(BIG, "filename YS53YXY=")
    load.run(relaxed.port, [piece(tus, path, 0, BIG)])
    recording = relaxed.recording(upload_id(path))["id"]
    said = {"Authorization": f"Bearer {relaxed.token('officer', 'read')}"}
    seconds: dict[int, list[float]] = {0: [], BIG - MIB: []}
    for _ in range(ROUNDS):
        for at, took in seconds.items():
            wanted = said | {"Range": f"bytes={at}-{at + MIB - 1}"}
            asked = request("GET", f"/api/recordings/{recording}/content", 206, wanted)
            took.append(load.run(relaxed.port, [asked] * 20))
    near, far = (min(took) for took in seconds.values())
    assert far < 3 * near, seconds
