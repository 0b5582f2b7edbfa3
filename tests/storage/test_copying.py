"""Copies from one store into another: inside a server where one login is good for both."""

from __future__ import annotations

import dataclasses
import hashlib
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from storage_backends import (
    AzureOptions,
    ObjectExists,
    ObjectNotFound,
    S3Options,
    StorageUnavailable,
    Store,
    open_store,
)
from storage_backends.azure_blocks import Blocks
from storage_backends.local import LocalStore
from storage_backends.network_store import NetworkStore
from storage_backends.part_plan import MiB
from storage_backends.s3_parts import Multipart
from tests.storage.conftest import url_of
from tests.storage.servers import azure_options, azure_store, new_bucket, port_of, s3_store
from tests.storage.wire import Wire, wire

SIZES = [0, 5, 3 * MiB, 8 * MiB, 21 * MiB + 7]


@pytest.fixture
def local(tmp_path: Path) -> Store:
    return open_store(url_of(tmp_path / "from"))


def content(store: Store, key: str) -> bytes:
    return b"".join(store.read(key))


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("size", SIZES)
def test_a_local_object_is_copied_into_every_store(store: Store, local: Store, size: int) -> None:
    whole = secrets.token_bytes(size)
    local.write("a/1", [whole])
    copied = store.copy_from(local, "a/1", "b/1", sha256(whole))
    assert (copied.key, copied.size) == ("b/1", size)
    assert content(store, "b/1") == whole == content(local, "a/1")
    with pytest.raises(ObjectExists):
        store.copy_from(local, "a/1", "b/1", sha256(whole))


@pytest.mark.parametrize("size", SIZES)
def test_an_object_of_every_store_is_copied_to_a_folder(
    store: Store, local: Store, size: int
) -> None:
    whole = secrets.token_bytes(size)
    store.write("a/1", [whole])
    assert local.copy_from(store, "a/1", "b/1", sha256(whole)).size == size
    assert content(local, "b/1") == whole == content(store, "a/1")


@pytest.mark.parametrize("size", [5, 21 * MiB])
def test_bytes_that_changed_on_their_way_are_no_object(
    store: Store, local: Store, size: int
) -> None:
    if isinstance(store, LocalStore):
        return  # it gives the file one more name: no byte moves
    local.write("a/1", [bytes(size)])
    with pytest.raises(StorageUnavailable, match="reads differently"):
        store.copy_from(local, "a/1", "b/1", sha256(b"something else"))
    assert list(store.find("")) == []


def test_a_copy_of_a_missing_object_names_it(store: Store, local: Store) -> None:
    with pytest.raises(ObjectNotFound, match="lost"):
        store.copy_from(local, "lost", "b/1", sha256(b""))
    with pytest.raises(ObjectNotFound, match="lost"):
        store.copy_from(store, "lost", "b/1", sha256(b""))


@pytest.mark.parametrize("size", SIZES)
def test_an_object_is_copied_within_a_store(store: Store, size: int) -> None:
    whole = secrets.token_bytes(size)
    store.write("a/1", [whole])
    assert store.copy_from(store, "a/1", "b/1", sha256(whole)).size == size
    with pytest.raises(ObjectExists):
        store.copy_from(store, "a/1", "b/1", sha256(whole))
    store.delete("a/1")
    assert content(store, "b/1") == whole


@pytest.mark.parametrize("size", [30 * MiB, 30 * MiB + 1])
def test_parts_grow_where_the_usual_ones_would_be_too_many(
    store: Store, local: Store, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """As with more than 78 GiB in S3, in small."""
    for kind in (Multipart, Blocks):
        monkeypatch.setattr(kind, "most_parts", 3)
    if isinstance(store, NetworkStore):
        store.copies = False
    whole = secrets.token_bytes(size)
    local.write("a/1", [whole])
    assert store.copy_from(local, "a/1", "b/1", sha256(whole)).size == len(whole)
    assert content(store, "b/1") == whole
    assert store.join(["b/1", "b/1"], "joined").size == 2 * len(whole)


@pytest.fixture
def lesser(moto: S3Options) -> Iterator[tuple[Wire, Store]]:
    """A store and its wire to a server that compares no signatures."""
    with wire(port_of(moto)) as between:
        options = dataclasses.replace(moto, endpoint_url=f"http://127.0.0.1:{between.port}")
        yield between, open_store(f"s3://{new_bucket(moto)}", options=options)


def test_where_s3_copies_no_parts_the_bytes_pass_us(lesser: tuple[Wire, Store]) -> None:
    between, store = lesser
    between.not_implemented = b"x-amz-copy-source"
    whole = secrets.token_bytes(9 * MiB)
    store.write("a/1", [whole])
    assert store.copy_from(store, "a/1", "b/1", sha256(whole)).size == len(whole)
    assert store.join(["a/1", "b/1"], "joined").size == 2 * len(whole)
    assert content(store, "b/1") == whole


def test_a_server_that_copies_too_little_is_told_and_its_copy_goes(
    lesser: tuple[Wire, Store],
) -> None:
    between, store = lesser
    whole = secrets.token_bytes(9 * MiB)
    store.write("a/1", [whole])
    between.replaced = (b"bytes=0-9437183", b"bytes=0-9437182")
    with pytest.raises(StorageUnavailable, match="9437183 bytes of 9437184"):
        store.copy_from(store, "a/1", "b/1", sha256(whole))
    assert [each.key for each in store.find("")] == ["a/1"]


@pytest.fixture
def watched(seaweed: S3Options) -> Iterator[tuple[Wire, Callable[[], Store]]]:
    """Stores of one server in buckets of their own, and the wire to it."""
    with wire(port_of(seaweed)) as between:
        options = dataclasses.replace(seaweed, endpoint_url=f"http://127.0.0.1:{between.port}")
        yield between, lambda: open_store(f"s3://{new_bucket(seaweed)}/folder", options=options)


def test_the_server_copies_between_buckets_without_the_bytes_passing_us(
    watched: tuple[Wire, Callable[[], Store]],
) -> None:
    between, opened = watched
    source, target = opened(), opened()
    whole = secrets.token_bytes(20 * MiB)
    source.write("a/1", [whole])
    before = between.carried
    assert target.copy_from(source, "a/1", "b/1", sha256(whole)).size == len(whole)
    assert between.carried - before < 50_000
    assert content(target, "b/1") == whole


def test_between_two_servers_the_bytes_pass_us_and_are_checked(
    seaweed: S3Options, moto: S3Options
) -> None:
    source, target = s3_store(moto), s3_store(seaweed)
    whole = secrets.token_bytes(9 * MiB)
    source.write("a/1", [whole])
    assert target.copy_from(source, "a/1", "b/1", sha256(whole)).size == len(whole)
    assert content(target, "b/1") == whole
    with pytest.raises(StorageUnavailable, match="reads differently"):
        target.copy_from(source, "a/1", "b/2", sha256(b"something else"))


def test_where_azure_copies_no_blocks_the_bytes_pass_us(azurite: AzureOptions) -> None:
    """Azurite answers 501 to Put Block From URL; the copying itself only Azure can show."""
    source, target = azure_store(azurite), azure_store(azurite)
    whole = secrets.token_bytes(9 * MiB)
    source.write("a/1", [whole])
    assert target.copy_from(source, "a/1", "b/1", sha256(whole)).size == len(whole)
    assert content(target, "b/1") == whole


def test_a_container_of_another_login_is_copied_through_us(azurite: AzureOptions) -> None:
    source = azure_store(azurite)
    source.write("a/1", [b"x" * 9 * MiB])
    with wire(port_of(azurite)) as between:
        other = open_store("abfs://shared/other", options=azure_options(between.port))
        other.copy_from(source, "a/1", f"b/{secrets.token_hex(8)}", sha256(b"x" * 9 * MiB))
        assert between.carried > 9 * MiB
