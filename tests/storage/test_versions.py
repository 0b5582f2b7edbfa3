"""Buckets that keep versions: what we wrote is what we read, whoever writes the key again."""

from __future__ import annotations

import dataclasses
import hashlib
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from storage_backends import (
    AzureOptions,
    ObjectNotFound,
    S3Options,
    StorageUnavailable,
    Store,
    open_store,
)
from storage_backends.part_plan import MiB
from tests.storage.servers import azure_store, new_bucket, port_of, s3_call
from tests.storage.wire import wire


@pytest.fixture
def bucket(server: S3Options) -> str:
    made = new_bucket(server)
    enabled = {"Status": "Enabled"}
    s3_call(server, "put_bucket_versioning", Bucket=made, VersioningConfiguration=enabled)
    return made


@pytest.fixture
def store(server: S3Options, bucket: str) -> Store:
    return open_store(f"s3://{bucket}", options=server)


def newest(server: S3Options, bucket: str, key: str) -> str:
    return str(s3_call(server, "head_object", Bucket=bucket, Key=key)["VersionId"])


@pytest.mark.parametrize("size", [5, 3 * MiB, 9 * MiB])
def test_somebody_elses_newer_version_is_not_what_we_read(
    server: S3Options, bucket: str, store: Store, size: int
) -> None:
    ours = b"ours!" * (size // 5)
    written = store.write("a/1", [ours])
    assert written.version == newest(server, bucket, "a/1")
    s3_call(server, "put_object", Bucket=bucket, Key="a/1", Body=b"theirs, and longer")
    assert b"".join(store.read("a/1", version=written.version)) == ours
    assert b"".join(store.read("a/1", 1, 4, written.version)) == ours[1:4]
    assert b"".join(store.read("a/1", 4, 4, written.version)) == b""
    assert store.stat("a/1", written.version) == written
    assert store.checksum("a/1", written.version) == hashlib.sha256(ours).hexdigest()
    address = store.direct_url("a/1", version=written.version)
    assert address and urllib.request.urlopen(address, timeout=5).read() == ours


def test_without_a_version_the_newest_is_read(server: S3Options, bucket: str, store: Store) -> None:
    store.write("a/1", [b"ours"])
    s3_call(server, "put_object", Bucket=bucket, Key="a/1", Body=b"theirs")
    assert b"".join(store.read("a/1")) == b"theirs"
    assert store.stat("a/1").version == newest(server, bucket, "a/1")


def test_a_version_is_read_from_behind_a_marker_of_deletion(
    server: S3Options, bucket: str, store: Store
) -> None:
    written = store.write("a/1", [b"ours"])
    s3_call(server, "delete_object", Bucket=bucket, Key="a/1")
    assert b"".join(store.read("a/1", version=written.version)) == b"ours"
    with pytest.raises(ObjectNotFound):
        store.stat("a/1")


def test_a_version_that_was_deleted_is_not_replaced_by_a_later_one(store: Store) -> None:
    version = store.write("a/1", [b"first"]).version
    store.delete("a/1")
    store.write("a/1", [b"second"])
    with pytest.raises(ObjectNotFound):
        store.read("a/1", version=version)
    with pytest.raises(ObjectNotFound):
        store.stat("a/1", version)


def test_joins_and_copies_name_their_version(server: S3Options, bucket: str, store: Store) -> None:
    for number in range(2):
        store.write(f"parts/{number}", [bytes(5 * MiB)])
    for joined in (
        store.join(["parts/0", "parts/1"], "large"),
        store.join(["parts/0"], "small"),
        store.copy_from(store, "large", "copied", store.checksum("large")),
    ):
        assert joined.version == newest(server, bucket, joined.key)
        assert store.stat(joined.key, joined.version) == joined


def test_a_listing_tells_the_newest_version_once_and_without_its_name(
    server: S3Options, bucket: str, store: Store
) -> None:
    store.write("a/1", [b"ours"])
    s3_call(server, "put_object", Bucket=bucket, Key="a/1", Body=b"theirs")
    assert [(each.size, each.version) for each in store.find("a")] == [(6, None)]


def kept(server: S3Options, bucket: str) -> list[str]:
    told = s3_call(server, "list_object_versions", Bucket=bucket)
    return [each["Key"] for each in [*told.get("Versions", []), *told.get("DeleteMarkers", [])]]


def test_of_a_deleted_folder_no_version_is_left_also_not_behind_a_marker(
    server: S3Options, bucket: str, store: Store
) -> None:
    for key in ("a/1", "a/2", "ab/1"):
        store.write(key, [b"ours"])
    s3_call(server, "put_object", Bucket=bucket, Key="a/1", Body=b"theirs")
    s3_call(server, "delete_object", Bucket=bucket, Key="a/2")  # hides it behind a marker
    store.delete_folder("a")
    assert kept(server, bucket) == ["ab/1"]


def test_a_folder_of_more_versions_than_one_page_is_deleted(
    server: S3Options, bucket: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage_backends.s3.PAGE", 3)
    for number in range(7):
        store.write(f"a/{number}", [b"x"])
    store.delete_folder("a")
    assert kept(server, bucket) == []


def test_acceptance_6_a_folder_with_a_locked_version_is_not_deleted_and_not_hidden(
    server: S3Options,
) -> None:
    bucket = new_bucket(server, ObjectLockEnabledForBucket=True)
    store = open_store(f"s3://{bucket}", options=server)
    until = datetime.now(UTC) + timedelta(minutes=1)
    lock = {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": until}
    s3_call(server, "put_object", Bucket=bucket, Key="a/1", Body=b"kept", **lock)
    with pytest.raises(StorageUnavailable, match="locked"):
        store.delete_folder("a")
    assert b"".join(store.read("a/1")) == b"kept"


@pytest.fixture
def plain(server: S3Options) -> Iterator[Store]:
    yield open_store(f"s3://{new_bucket(server)}", options=server)


def test_a_bucket_without_versions_names_none(plain: Store) -> None:
    assert plain.write("a/1", [b"x"]).version is None
    assert plain.write("a/2", [bytes(9 * MiB)]).version is None
    assert plain.stat("a/1").version is None


def test_where_versions_cannot_be_listed_objects_are_deleted_all_the_same(moto: S3Options) -> None:
    bucket = new_bucket(moto)
    with wire(port_of(moto)) as between:
        between.not_implemented = b"?versions"
        options = dataclasses.replace(moto, endpoint_url=f"http://127.0.0.1:{between.port}")
        store = open_store(f"s3://{bucket}", options=options)
        for key in ("a/1", "a/2", "b/1", "b/2"):
            store.write(key, [b"x"])
        store.delete_folder("a")
        store.delete("b/1")
        assert [each.key for each in store.find("")] == ["b/2"]


def test_azurite_keeps_no_versions_and_names_none(azurite: AzureOptions) -> None:
    store = azure_store(azurite)
    assert store.write("a/1", [b"x"]).version is None
    assert store.write("a/2", [bytes(9 * MiB)]).version is None
