"""A test of a store, step by step: does it keep bytes the way that we rely on?"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from storage_backends.base import ObjectExists, ObjectNotFound, StorageError, Store

CONTENT = secrets.token_bytes(64 * 1024)


@dataclass(frozen=True)
class Step:
    """One step: its name, how long it took, and the sentence of what went wrong, if anything."""

    name: str
    seconds: float
    problem: str | None


def try_out(store: Store) -> Iterator[Step]:
    """Write, read back, read a range, list, join, refuse to overwrite, delete. Stops at a failure,
    and leaves nothing behind that it can remove."""
    folder = f"trial/{secrets.token_hex(8)}"
    steps: list[tuple[str, Callable[[], object]]] = [
        ("write", lambda: store.write(f"{folder}/1", [CONTENT])),
        ("read back", lambda: _expect(_read(store, f"{folder}/1"), CONTENT)),
        (
            "read a range",
            lambda: _expect(b"".join(store.read(f"{folder}/1", 9, 99)), CONTENT[9:99]),
        ),
        ("list", lambda: _expect([each.key for each in store.find(folder)], [f"{folder}/1"])),
        ("join", lambda: _join(store, folder)),
        ("refuse to overwrite", lambda: _refuses(store, f"{folder}/1")),
        ("delete", lambda: _delete(store, folder)),
    ]
    try:
        for name, act in steps:
            step = _timed(name, act)
            yield step
            if step.problem:
                return
    finally:
        _timed("clean up", lambda: _delete(store, folder))


def _timed(name: str, act: Callable[[], object]) -> Step:
    begun = time.perf_counter()
    try:
        act()
        problem = None
    except StorageError as error:
        problem = str(error)
    return Step(name, time.perf_counter() - begun, problem)


def _read(store: Store, key: str, start: int = 0, stop: int | None = None) -> bytes:
    return b"".join(store.read(key, start, stop))


def _expect(found: object, expected: object) -> None:
    if found != expected:
        raise StorageError("The store returned something else than what was written.")


def _join(store: Store, folder: str) -> None:
    store.join([f"{folder}/1", f"{folder}/1"], f"{folder}/2")
    _expect(_read(store, f"{folder}/2"), CONTENT * 2)


def _refuses(store: Store, key: str) -> None:
    try:
        store.write(key, [b"other"])
    except ObjectExists:
        return
    raise StorageError("The store let an existing object be overwritten.")


def _delete(store: Store, folder: str) -> None:
    for name in ("1", "2"):
        store.delete(f"{folder}/{name}")
    try:
        store.stat(f"{folder}/1")
    except ObjectNotFound:
        return
    raise StorageError("The object is still there after deleting it.")
