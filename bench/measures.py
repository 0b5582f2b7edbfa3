"""What is measured: each function does it once with one server, and returns the figure."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import requests

from bench.load import Load, Request, request
from bench.portal import PortalServer
from bench.server import Server

MIB = 1024 * 1024
GIB = 1024 * MIB


@dataclass(frozen=True)
class Bench:
    """What the measures need: the generator and how much is to be sent. `served`: where each
    server has the content to fetch, by its name."""

    load: Load
    folder: Path
    big: int
    small_requests: int
    served: dict[str, str] = field(default_factory=dict)


def upload(bench: Bench, server: Server, size: int, piece: int, at_once: int = 1) -> float:
    """Seconds. One byte of each tus upload stays out, so that no worker competes with the server;
    afterwards they are removed."""
    announced = size + 1 if server.pieces else size
    paths = [server.begin(announced) for _ in range(at_once)]
    plans = [[server.piece(path, at, piece) for at in range(0, size, piece)] for path in paths]
    seconds = bench.load.run(server.port, *plans)
    for path in paths:
        server.forget(path)
    return seconds


def one_request(bench: Bench, server: Server) -> float:
    return bench.big / MIB / upload(bench, server, bench.big, bench.big)


def pieces_of_8_mib(bench: Bench, server: Server) -> float:
    return bench.big / MIB / upload(bench, server, bench.big, 8 * MIB)


def four_at_once(bench: Bench, server: Server) -> float:
    each = bench.big // 4
    return bench.big / MIB / upload(bench, server, each, each, at_once=4)


def pieces_of_4_kib(bench: Bench, server: Server) -> float:
    count = bench.small_requests
    return count / upload(bench, server, count * 4096, 4096)


def _get(bench: Bench, server: Server, start: int, stop: int) -> Request:
    said = server.reading | {"Range": f"bytes={start}-{stop - 1}"}
    return request("GET", bench.served[server.name], 206, said)


def whole_file(bench: Bench, server: Server) -> float:
    asked = request("GET", bench.served[server.name], 200, server.reading)
    return GIB / MIB / bench.load.run(server.port, [asked])


def ranges_of_1_mib(bench: Bench, server: Server) -> float:
    spread = [number * 7 % 1024 * MIB for number in range(bench.small_requests // 4)]
    asked = [_get(bench, server, at, at + MIB) for at in spread]
    return len(asked) / bench.load.run(server.port, asked)


def far_to_near(bench: Bench, server: Server) -> float:
    """How many times as long a range at 1000 MiB takes as one at 0."""
    asked = [[_get(bench, server, at, at + MIB)] * 32 for at in (0, 1000 * MIB)]
    near, far = (bench.load.run(server.port, each) for each in asked)
    return far / near


def _begin_chunks(server: PortalServer, count: int) -> str:
    said = {"filename": "a.wav", "total_size": count * MIB, "mime_type": "audio/wav"}
    said |= {"file_hash": ""}
    url = f"{server.url}/api/v1/upload"
    begun = requests.post(f"{url}/init", json=said, headers=server.headers, timeout=30)
    assert begun.status_code == 201, begun.text
    return str(begun.json()["upload_id"])


def _chunks(bench: Bench, server: PortalServer, in_json: bool) -> float:
    count = bench.big // 8 // MIB
    upload_id = _begin_chunks(server, count)
    content = bench.folder / "base64" if in_json else None
    size = content.stat().st_size if content else MIB
    make = server.chunk_in_json if in_json else server.chunk
    plan = [make(upload_id, number, size) for number in range(count)]
    rate = count / bench.load.run(server.port, plan, content=content)
    cancel = f"{server.url}/api/v1/upload/cancel"
    requests.post(
        cancel, json={"upload_id": upload_id}, headers=server.headers, timeout=30
    ).raise_for_status()
    return rate


def raw_chunks(bench: Bench, server: PortalServer) -> float:
    return _chunks(bench, server, in_json=False)


def json_chunks(bench: Bench, server: PortalServer) -> float:
    return _chunks(bench, server, in_json=True)


def to_available(bench: Bench, server: PortalServer) -> float:
    """Seconds from the first byte of 1 GiB to a recording whose hash is known."""
    path = server.begin(GIB)
    begun = time.perf_counter()
    bench.load.run(server.port, [server.piece(path, 0, GIB)])
    recording = server.wait_until_available(path)
    seconds = time.perf_counter() - begun
    server.drop_recording(recording)
    return seconds


def copy_and_hash(bench: Bench, server: None = None) -> float:
    """Seconds that `cp` and `sha256sum` take for the same file."""
    copy = bench.folder / "copy"
    begun = time.perf_counter()
    subprocess.run(["cp", "--sparse=never", str(bench.load.content), str(copy)], check=True)
    subprocess.run(["sha256sum", str(copy)], check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - begun
    copy.unlink()
    return seconds


def disk(bench: Bench, server: None = None) -> float:
    """MiB/s that `dd` writes and syncs."""
    out, blocks = bench.folder / "dd", bench.big // MIB
    words = ["dd", "if=/dev/zero", f"of={out}", "bs=1M", f"count={blocks}", "conv=fdatasync"]
    begun = time.perf_counter()
    subprocess.run(words, check=True, stderr=subprocess.DEVNULL)
    seconds = time.perf_counter() - begun
    out.unlink()
    return blocks / seconds


Act = Callable[[Bench, Server], float]


@dataclass(frozen=True)
class Measure:
    """A row of the table. `per_gib`: GiB that one run moves, where CPU seconds per GiB say
    something. `lower`: whether less is better."""

    name: str
    unit: str
    act: Act
    gib: Callable[[Bench], float] | None = None
    lower: bool = False


def _big(bench: Bench) -> float:
    return bench.big / GIB


UPLOADS = (Measure("one request", "MiB/s", one_request, _big),)
AT_ONCE = (Measure("four at once", "MiB/s", four_at_once, _big),)
PIECES = (
    Measure("8 MiB requests", "MiB/s", pieces_of_8_mib, _big),
    Measure("4 KiB requests", "/s", pieces_of_4_kib),
)
DOWNLOADS = (
    Measure("download, whole", "MiB/s", whole_file, lambda bench: 1),
    Measure("download, 1 MiB ranges", "MiB/s", ranges_of_1_mib),
)
FAR = (Measure("range at 1000 MiB : at 0", "times", far_to_near, lower=True),)
CHUNKS = (
    Measure("1 MiB chunks, raw", "MiB/s", raw_chunks),  # type: ignore[arg-type]
    Measure("1 MiB chunks, JSON", "MiB/s", json_chunks),  # type: ignore[arg-type]
)
AVAILABLE = Measure("1 GiB until available", "s", to_available, lower=True)  # type: ignore[arg-type]
COPYING = Measure("1 GiB until available", "s", copy_and_hash, lower=True)  # type: ignore[arg-type]
DISK = Measure("one request", "MiB/s", disk)  # type: ignore[arg-type]
