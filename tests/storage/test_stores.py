"""The promises of the Store interface, kept by every store that there is."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from storage_backends import ObjectExists, ObjectNotFound, Store
from storage_backends.base import BLOCK_SIZE, Block
from storage_backends.fsspec_store import FsspecStore


def content(store: Store, key: str, start: int = 0, stop: int | None = None) -> bytes:
    return b"".join(store.read(key, start, stop))


def found(store: Store, prefix: str) -> list[str]:
    return sorted(each.key for each in store.find(prefix))


class ClientIsGone(Exception):
    """What a source raises in the middle."""


def broken_off(*blocks: bytes) -> Iterator[Block]:
    yield from blocks
    raise ClientIsGone


def test_what_was_written_is_read_back_with_its_size_and_time(store: Store) -> None:
    written = store.write("parts/1/0.1", [b"one", bytearray(b"two"), memoryview(b"three")])
    assert (written.key, written.size) == ("parts/1/0.1", 11)
    assert store.stat("parts/1/0.1") == written
    assert written.modified.tzinfo == UTC
    assert abs(datetime.now(UTC) - written.modified) < timedelta(minutes=1)
    assert content(store, "parts/1/0.1") == b"onetwothree"


def test_an_object_without_bytes_is_an_object(store: Store) -> None:
    assert store.write("empty", []).size == 0
    assert content(store, "empty") == b""
    assert found(store, "") == ["empty"]


def test_a_source_may_use_one_buffer_again_and_again(store: Store) -> None:
    def reused() -> Iterator[Block]:
        buffer = bytearray(4)
        for word in (b"once", b"more", b"then"):
            buffer[:] = word
            yield memoryview(buffer)

    store.write("reused", reused())
    assert content(store, "reused") == b"oncemorethen"


def test_an_object_is_never_overwritten(store: Store) -> None:
    first = store.write("a/1", [b"first"])
    with pytest.raises(ObjectExists):
        store.write("a/1", [b"second"])
    assert store.stat("a/1") == first
    assert content(store, "a/1") == b"first"


def test_a_source_that_breaks_off_leaves_nothing_behind(store: Store, tmp_path: Path) -> None:
    with pytest.raises(ClientIsGone):
        store.write("a/1", broken_off(b"half"))
    with pytest.raises(ObjectNotFound):
        store.stat("a/1")
    assert found(store, "") == []
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert store.write("a/1", [b"the whole"]).size == 9


def test_a_failed_second_write_leaves_the_first_alone(store: Store) -> None:
    store.write("a/1", [b"first"])
    with pytest.raises(ClientIsGone):
        store.write("a/1", broken_off(b"half"))
    assert content(store, "a/1") == b"first"


def test_an_unfinished_write_is_not_seen(store: Store) -> None:
    seen: list[object] = []

    def watched() -> Iterator[Block]:
        yield b"half"
        seen.extend(store.find(""))
        with pytest.raises(ObjectNotFound):
            store.stat("a/1")
        yield b" and half"

    store.write("a/1", watched())
    assert seen == []
    assert found(store, "") == ["a/1"]


SIZE = 2 * BLOCK_SIZE + 1000
RANGES = {
    "nothing at the start": (0, 0),
    "the first byte": (0, 1),
    "across a block": (BLOCK_SIZE - 1, BLOCK_SIZE + 1),
    "more than two blocks": (10, SIZE - 10),
    "exactly a block": (BLOCK_SIZE, 2 * BLOCK_SIZE),
    "the last byte": (SIZE - 1, SIZE),
    "the tail": (SIZE - 7, None),
    "up to beyond the end": (SIZE - 7, SIZE + 7),
    "from the end": (SIZE, None),
    "from beyond the end": (SIZE + 5, SIZE + 9),
    "backwards": (9, 5),
}


def test_any_range_can_be_read(store: Store) -> None:
    whole = secrets.token_bytes(SIZE)
    store.write("a/1", [whole])
    for name, (start, stop) in RANGES.items():
        assert content(store, "a/1", start, stop) == whole[start:stop], name


@pytest.mark.parametrize(("start", "stop"), [(0, 0), (0, 5), (0, None), (3, None)])
def test_any_range_of_an_empty_object_is_empty(store: Store, start: int, stop: int | None) -> None:
    store.write("empty", [])
    assert content(store, "empty", start, stop) == b""


def test_a_large_object_comes_in_blocks(store: Store) -> None:
    store.write("a/1", [bytes(SIZE)])
    assert max(len(block) for block in store.read("a/1")) <= BLOCK_SIZE


def test_a_missing_object_is_noticed_before_the_first_block(store: Store) -> None:
    with pytest.raises(ObjectNotFound):
        store.read("nowhere/1")  # not even asked for a block
    with pytest.raises(ObjectNotFound):
        store.stat("nowhere/1")
    with pytest.raises(ObjectNotFound):
        store.checksum("nowhere/1")
    with pytest.raises(ObjectNotFound), store.as_file("nowhere/1"):
        pass


def test_a_folder_is_no_object_and_an_object_no_folder(store: Store) -> None:
    store.write("parts/1/0.1", [b"x"])
    assert found(store, "parts/1/0.1") == []
    with pytest.raises(ObjectNotFound):
        store.stat("parts/1")


def test_a_deleted_object_is_gone_and_may_be_deleted_again(store: Store) -> None:
    store.write("a/1", [b"x"])
    store.delete("a/1")
    store.delete("a/1")
    store.delete("never/was")
    assert found(store, "") == []
    with pytest.raises(ObjectNotFound):
        store.read("a/1")
    assert store.write("a/1", [b"new"]).size == 3, "the key is free again"


def test_find_knows_whole_segments_only(store: Store) -> None:
    keys = ["parts/1/0.1", "parts/1/1.1", "parts/10/0.1", "parts/2/0.1", "recordings/1/original"]
    for key in keys:
        store.write(key, [b"x"])
    assert found(store, "parts/1") == ["parts/1/0.1", "parts/1/1.1"]
    assert found(store, "parts") == sorted(keys[:4])
    assert found(store, "") == sorted(keys)
    assert found(store, "part") == found(store, "nothing/here") == []


def test_find_tells_size_and_time_as_stat_does(store: Store) -> None:
    store.write("parts/1/0.1", [b"four"])
    assert list(store.find("parts")) == [store.stat("parts/1/0.1")]


def test_deleting_touches_nothing_else(store: Store) -> None:
    others = ["parts/1/10", "parts/10/1", "parts/2/1"]
    for key in ["parts/1/1", *others]:
        store.write(key, [key.encode()])
    store.delete("parts/1/1")
    assert found(store, "") == sorted(others)
    assert [content(store, key) for key in others] == [key.encode() for key in others]


def test_a_deleted_folder_is_gone_and_its_neighbours_stay(store: Store) -> None:
    others = ["parts/10/0", "parts/1.0", "recordings/1/0"]
    for key in ["parts/1/0", "parts/1/1", "parts/1/deep/er/2", *others]:
        store.write(key, [b"x"])
    store.delete_folder("parts/1")
    store.delete_folder("parts/1")
    store.delete_folder("never/was")
    assert found(store, "") == sorted(others)
    assert store.write("parts/1/0", [b"new"]).size == 3, "the keys are free again"


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_a_joined_object_outlives_its_parts(store: Store, count: int) -> None:
    pieces = [secrets.token_bytes(BLOCK_SIZE // 2 + number) for number in range(count)]
    keys = [f"parts/1/{number}.1" for number in range(count)]
    for key, piece in zip(keys, pieces, strict=True):
        store.write(key, [piece])
    joined = store.join(keys, "recordings/1/original")
    assert (joined.key, joined.size) == ("recordings/1/original", sum(map(len, pieces)))
    assert [content(store, key) for key in keys] == pieces, "the parts stay as they are"
    for key in keys:
        store.delete(key)
    assert content(store, "recordings/1/original") == b"".join(pieces)


def test_join_keeps_the_order_it_is_given(store: Store) -> None:
    for number in range(12):
        store.write(f"parts/1/{number}", [b"%d," % number])
    store.join([f"parts/1/{number}" for number in reversed(range(12))], "joined")
    assert content(store, "joined") == b"11,10,9,8,7,6,5,4,3,2,1,0,"


@pytest.mark.parametrize("keys", [["a/1"], ["a/1", "a/2"], []])
def test_join_never_overwrites(store: Store, keys: list[str]) -> None:
    for key in (*keys, "taken"):
        store.write(key, [key.encode()])
    with pytest.raises(ObjectExists):
        store.join(keys, "taken")
    assert content(store, "taken") == b"taken"


@pytest.mark.parametrize("keys", [["lost"], ["a/1", "lost"]])
def test_join_of_a_missing_part_leaves_nothing_and_names_it(store: Store, keys: list[str]) -> None:
    store.write("a/1", [b"x"])
    with pytest.raises(ObjectNotFound, match="lost"):
        store.join(keys, "joined")
    assert found(store, "") == ["a/1"]


def test_the_checksum_is_the_sha256_of_what_is_stored(store: Store) -> None:
    whole = secrets.token_bytes(SIZE)
    store.write("a/1", [whole])
    assert store.checksum("a/1") == hashlib.sha256(whole).hexdigest()


def test_an_object_can_be_read_as_a_file(store: Store) -> None:
    whole = secrets.token_bytes(SIZE)
    store.write("a/1", [whole])
    with store.as_file("a/1") as path:
        assert path.read_bytes() == whole
    assert content(store, "a/1") == whole


@pytest.fixture
def busy_threads() -> Iterator[None]:
    """Threads take turns a thousand times as often as usual."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("busy_threads")
def test_of_several_writers_of_one_key_exactly_one_wins(store: Store) -> None:
    turns = 100 if isinstance(store, FsspecStore) else 5  # a network is busy enough
    for turn in range(turns):
        winners = write_at_once(store, f"race/{turn}", writers=6)
        assert len(winners) == 1
        assert content(store, f"race/{turn}") == bytes(winners) * 1000
    assert len(found(store, "")) == turns


def write_at_once(store: Store, key: str, writers: int) -> list[int]:
    """All end their writes at the same moment; the numbers of those that were told they had won."""
    ready = threading.Barrier(writers)
    winners: list[int] = []

    def bytes_of(number: int) -> Iterator[Block]:
        yield bytes([number]) * 1000
        ready.wait()

    def write(number: int) -> None:
        with contextlib.suppress(ObjectExists):
            store.write(key, bytes_of(number))
            winners.append(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return winners
