"""What only a store in Azure promises: blocks become one blob, which Azure may copy itself."""

from __future__ import annotations

import secrets
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from storage_backends import AzureOptions, ObjectExists, ObjectNotFound, Store
from storage_backends.azure import AzureStore
from storage_backends.part_plan import MiB
from tests.storage.servers import azure_store


@pytest.fixture
def store(azurite: AzureOptions) -> Store:
    return azure_store(azurite)


class InterruptedUpload(Exception):
    """What a source raises in the middle."""


def content(store: Store, key: str) -> bytes:
    return b"".join(store.read(key))


@pytest.mark.parametrize("size", [8 * MiB - 1, 8 * MiB, 8 * MiB + 1, 20 * MiB])
def test_objects_of_any_number_of_blocks_are_whole(store: Store, size: int) -> None:
    whole = secrets.token_bytes(size)
    odd = [whole[at : at + 1_000_003] for at in range(0, size, 1_000_003)]
    assert store.write("a/1", odd).size == size
    assert content(store, "a/1") == whole
    with pytest.raises(ObjectExists):
        store.write("a/1", odd)
    assert store.stat("a/1").size == size


@pytest.mark.parametrize("copies", [True, False])
def test_small_and_large_parts_join_in_their_order(store: Store, copies: bool) -> None:
    assert isinstance(store, AzureStore)
    store.copies = copies
    sizes = [1, 6 * MiB, 0, 3 * MiB, 9 * MiB + 5, 7]
    pieces = [secrets.token_bytes(size) for size in sizes]
    for number, piece in enumerate(pieces):
        store.write(f"parts/{number}", [piece])
    keys = [f"parts/{number}" for number in range(len(pieces))]
    assert store.join(keys, "whole").size == sum(sizes)
    assert content(store, "whole") == b"".join(pieces)
    with pytest.raises(ObjectExists):
        store.join(keys, "whole")
    with pytest.raises(ObjectNotFound, match="lost"):
        store.join([*keys, "lost"], "another")


def test_where_the_server_copies_no_blocks_they_are_sent(store: Store) -> None:
    """Azurite answers 501 to Put Block From URL; the copying itself only Azure can show."""
    for number in range(3):
        store.write(f"parts/{number}", [bytes([number]) * MiB] * 6)
    store.join([f"parts/{number}" for number in range(3)], "whole")
    assert isinstance(store, AzureStore) and not store.copies
    assert content(store, "whole") == b"".join(bytes([number]) * 6 * MiB for number in range(3))


def test_a_writer_that_breaks_off_leaves_no_block_in_another_writers_blob(store: Store) -> None:
    def broken() -> Iterator[bytes]:
        yield b"2" * 40 * MiB
        raise InterruptedUpload

    def whole() -> Iterator[bytes]:
        yield b"1" * 40 * MiB
        with pytest.raises(InterruptedUpload):
            store.write("a/1", broken())
        yield b"1" * MiB

    store.write("a/1", whole())
    assert content(store, "a/1") == b"1" * 41 * MiB


def test_the_later_of_two_writers_of_one_key_is_refused(store: Store) -> None:
    def later() -> Iterator[bytes]:
        yield b"1" * 9 * MiB
        store.write("a/1", [b"2" * 9 * MiB])
        yield b"1" * 9 * MiB

    with pytest.raises(ObjectExists):
        store.write("a/1", later())
    assert content(store, "a/1") == b"2" * 9 * MiB


def test_a_direct_address_gives_this_object_to_anybody(store: Store) -> None:
    store.write("a/1", [b"direct"])
    address = store.direct_url("a/1")
    assert address is not None and "sig=" in address
    assert urllib.request.urlopen(address, timeout=5).read() == b"direct"
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(address.split("?")[0], timeout=5)


def test_a_container_without_locks_says_so(store: Store) -> None:
    assert store.locking() == "no"
