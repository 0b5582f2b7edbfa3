"""Requests on fsspec's event loop, asked for by threads: with a limit of time, several at once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine, Iterable, Iterator
from concurrent.futures import Future
from typing import Any, TypeVar

from fsspec.asyn import get_loop

from storage_backends.base import Source, StorageUnavailable
from storage_backends.network_errors import SILENT

Answer = TypeVar("Answer")
Request = Coroutine[Any, Any, Answer]

PROMPT = 4.0
"""Seconds for a request that moves few bytes: a frozen server is told within five, also where this
machine is busy itself."""
PATIENT = 120.0
"""Seconds for a request that moves or copies a part: 70 kB/s are enough."""
PART_SIZE = 8 * 1024 * 1024
IN_FLIGHT = 4
"""Parts on their way at the same time. 2: 0.8 × the speed; 8: 1.0 ×, and twice the memory."""


def submit(request: Request[Answer]) -> Future[Answer]:
    """Begin the request on the one loop of this process; after a fork, that is a new one."""
    return asyncio.run_coroutine_threadsafe(request, get_loop())


def run(request: Request[Answer], seconds: float) -> Answer:
    """The answer. Raises StorageUnavailable, and gives the request up, after so many seconds."""
    return run_all([request], seconds, 1)[0]


def run_all(requests: Iterable[Request[Answer]], seconds: float, width: int) -> list[Answer]:
    """The answers, in order, with up to `width` requests going on while the next one is made.

    Raises what the first that failed raised, or StorageUnavailable when it took longer than so
    many seconds; the others are given up.
    """
    waiting: deque[Future[Answer]] = deque()
    answers: list[Answer] = []
    try:
        for request in requests:
            waiting.append(submit(request))
            if len(waiting) == width:
                answers.append(_next(waiting, seconds))
        while waiting:
            answers.append(_next(waiting, seconds))
    finally:
        for future in waiting:
            future.cancel()
    return answers


def _next(waiting: deque[Future[Answer]], seconds: float) -> Answer:
    try:
        answer = waiting[0].result(seconds)
    except TimeoutError as error:
        raise StorageUnavailable(f"The storage cannot be used: {SILENT}.") from error
    waiting.popleft()
    return answer


def cut(source: Source, size: int) -> Iterator[bytearray]:
    """The bytes of `source` in parts of this size, in bytes; the last is smaller, even empty."""
    part = bytearray()
    for block in source:
        rest = memoryview(block).cast("B")
        while rest:
            taken = rest[: size - len(part)]
            part += taken
            rest = rest[len(taken) :]
            if len(part) == size:
                yield part
                part = bytearray()
    yield part
