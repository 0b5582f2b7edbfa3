"""`python -m bench.direct`: what an upload straight to S3 spares the portal, and how fast it is.

The same film goes to the recordings portal's storage twice: as one request through the portal,
and in four parts at a time straight to SeaweedFS. Everything shares this machine's cores, and the
portal keeps what it receives on its own disk first: only the web processes' numbers say much.
"""

from __future__ import annotations

import secrets
import struct
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import requests

from portal import sample_media
from tests.conftest import Portal
from tests.storage.servers import seaweed_in
from tests.wire.directly import direct_portal

MIB = 1024 * 1024
SIZE = 200 * MIB
ROUNDS = 3


def film(folder: Path) -> bytes:
    """Most of it is what players skip."""
    name = "rdp-finance-server-2026.mp4"
    head = sample_media.make_sample(name, folder / name, 4).read_bytes()
    return head + struct.pack(">I4s", SIZE - len(head), b"free") + secrets.token_bytes(MIB) * 200


def through_portal(client: requests.Session, said: dict[str, Any], content: bytes) -> None:
    client.put(said["video_upload_url"], data=content).raise_for_status()


def straight(client: requests.Session, said: dict[str, Any], content: bytes) -> None:
    view, size = memoryview(content), said["direct"]["part_size"]

    def put(part: dict[str, Any]) -> None:
        piece = view[part["number"] * size :][: part["size"]]
        headers = part["headers"]
        answer = requests.request(
            part["method"], part["url"], data=piece, headers=headers, timeout=60
        )
        answer.raise_for_status()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(put, said["direct"]["parts"]))


def web(portal: Portal) -> list[psutil.Process]:
    return [psutil.Process(pid) for pid in portal.children("gunicorn")]


def spent(processes: list[psutil.Process]) -> float:
    """Seconds of a core."""
    return sum(each.cpu_times().user + each.cpu_times().system for each in processes)


def held(processes: list[psutil.Process]) -> float:
    """MiB of memory that nobody else uses."""
    return sum(each.memory_full_info().uss for each in processes) / MIB


def send(portal: Portal, content: bytes, way: Callable[..., None]) -> str:
    client = requests.Session()
    client.headers["Authorization"] = f"Bearer {portal.token()}"
    about = {"session_id": "a", "file_size": len(content), "direct": way is straight}
    processes, url = web(portal), f"{portal.url}/api/uploads"
    cpu, memory, begun = spent(processes), held(processes), time.perf_counter()
    said = client.post(f"{url}/create-session", json=about).json()
    way(client, said, content)
    sent = time.perf_counter() - begun
    more_cpu, more_memory = spent(processes) - cpu, held(processes) - memory
    client.post(f"{url}/{said['session_id']}/finalize").raise_for_status()
    portal.recording(said["session_id"], 120)
    whole = time.perf_counter() - begun
    rate = len(content) / MIB / sent
    return (
        f"{way.__name__:15} {rate:5.0f} MiB/s, recording after {whole:4.1f} s; the web processes: "
        f"{more_cpu:5.2f} s of a core, {more_memory:+5.1f} MiB"
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as name, seaweed_in(Path(name)) as options:
        folder = Path(name) / "portal"
        folder.mkdir()
        content = film(folder)
        with direct_portal(folder, options) as site:
            for way in (through_portal, straight):
                send(site.portal, content, way)  # loads libraries, and makes SeaweedFS's volumes
            for _ in range(ROUNDS):
                for way in (through_portal, straight):
                    print(send(site.portal, content, way))


if __name__ == "__main__":
    main()
