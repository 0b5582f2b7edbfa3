"""`python -m bench.slow`: 500 uploads of 16 KiB/s at once, and 50 headers that never end.

What others notice meanwhile: how long /health takes, how much memory the web processes have, and
whether an upload is dropped. Straight and behind nginx, with the settings that we ship, or those
given as NAME=value. Wanted: p99 under 200 ms, 400 MiB, none.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import statistics
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.conftest import Portal, Tus
from tests.nginx import in_front

UPLOADS, UNENDING = 500, 50
PIECE, SECONDS = 16 * 1024, 30
"""Each upload sends a piece every second."""


@dataclass
class Noticed:
    """By the others: how many seconds each /health took, and the most MiB that there were."""

    over: threading.Event = field(default_factory=threading.Event)
    health: list[float] = field(default_factory=list)
    memory: float = 0.0

    def ask(self, port: int) -> None:
        """Ask again and again, each time on a new connection as load balancers do."""
        while not self.over.wait(0.02):
            begun = time.perf_counter()
            asked = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            asked.request("GET", "/health")
            assert asked.getresponse().status == 200
            asked.close()
            self.health.append(time.perf_counter() - begun)

    def weigh(self, portal: Portal) -> None:
        while not self.over.wait(1):
            self.memory = max(self.memory, memory_of(portal))


def memory_of(portal: Portal) -> float:
    """MiB of its web processes; what they share is counted once."""
    return sum(map(_pss, portal.children("gunicorn"))) / 1024**2


def _pss(pid: int) -> int:
    with contextlib.suppress(psutil.NoSuchProcess):
        return int(psutil.Process(pid).memory_full_info().pss)
    return 0


async def send(port: int, head: bytes, after: float) -> bool:
    """One upload, begun so many seconds later; whether it was taken whole."""
    await asyncio.sleep(after)
    answer, connection = await asyncio.open_connection("127.0.0.1", port)
    connection.write(head)
    begun = time.monotonic()
    for number in range(SECONDS):
        connection.write(bytes(PIECE))
        await connection.drain()
        await asyncio.sleep(max(0.0, begun + number + 1 - time.monotonic()))
    said = await answer.readline()
    connection.close()
    return said.startswith(b"HTTP/1.1 204")


async def never_end(port: int) -> None:
    """A connection whose headers never end; opened anew when it is given up."""
    while True:
        answer, connection = await asyncio.open_connection("127.0.0.1", port)
        connection.write(b"GET /health HTTP/1.1\r\nHost: x\r\nX-Never-Ends: ")
        try:
            await answer.read()
        except ConnectionError:
            await asyncio.sleep(0.1)
        connection.close()


async def crowd(port: int, heads: list[bytes]) -> int:
    """How many uploads were taken whole."""
    idlers = [asyncio.create_task(never_end(port)) for _ in range(UNENDING)]
    begun = [send(port, head, number / len(heads)) for number, head in enumerate(heads)]
    sent = await asyncio.gather(*begun, return_exceptions=True)
    for each in idlers:
        each.cancel()
    return sum(each is True for each in sent)


def measure(portal: Portal, port: int) -> tuple[int, Noticed]:
    """How many uploads arrived, and what was noticed of them."""
    tus = Tus(portal, portal.token())
    size = PIECE * SECONDS  # a byte short of each upload: none is assembled meanwhile
    heads = [tus.announced(tus.begin(size + 1), 0, size) for _ in range(UPLOADS)]
    noticed = Noticed()
    watchers = [
        threading.Thread(target=noticed.ask, args=(port,)),
        threading.Thread(target=noticed.weigh, args=(portal,)),
    ]
    for each in watchers:
        each.start()
    whole = asyncio.run(crowd(port, heads))
    noticed.over.set()
    for each in watchers:
        each.join()
    return whole, noticed


def told(way: str, whole: int, noticed: Noticed) -> str:
    p50, p99 = statistics.median(noticed.health), statistics.quantiles(noticed.health, n=100)[98]
    times = f"p50 {p50 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms, worst {max(noticed.health):.2f} s"
    return f"{way:12}  {whole} of {UPLOADS} uploads  /health {times}  {noticed.memory:.0f} MiB"


def main() -> None:
    settings = dict(word.split("=", 1) for word in sys.argv[1:])
    for way in ("straight", "behind nginx"):
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            portal = Portal(folder, **settings).start()
            stack.callback(portal.drop)
            behind = way != "straight"
            port = stack.enter_context(in_front(portal.port, folder)) if behind else portal.port
            print(told(way, *measure(portal, port)), flush=True)


if __name__ == "__main__":
    main()
