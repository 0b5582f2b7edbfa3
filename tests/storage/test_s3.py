"""What only a store in S3 promises: joins inside the server, versions gone, nothing half left."""

from __future__ import annotations

import dataclasses
import secrets
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from storage_backends import (
    ObjectExists,
    ObjectNotFound,
    S3Options,
    StorageUnavailable,
    Store,
    open_store,
)
from storage_backends.part_plan import MiB, plan_parts
from tests.storage.servers import new_bucket, port_of, s3_call
from tests.storage.wire import Wire, wire


@pytest.fixture
def bucket(server: S3Options) -> str:
    return new_bucket(server)


@pytest.fixture
def store(server: S3Options, bucket: str) -> Store:
    return open_store(f"s3://{bucket}/some/prefix", options=server)


@pytest.fixture
def watched(seaweed: S3Options) -> Iterator[tuple[Wire, Store]]:
    """A store whose traffic can be counted and disturbed."""
    bucket = new_bucket(seaweed)
    with wire(port_of(seaweed)) as between:
        options = dataclasses.replace(seaweed, endpoint_url=f"http://127.0.0.1:{between.port}")
        yield between, open_store(f"s3://{bucket}/", options=options)


class InterruptedUpload(Exception):
    """What a source raises in the middle."""


def content(store: Store, key: str) -> bytes:
    return b"".join(store.read(key))


def uploads(server: S3Options, bucket: str) -> list[dict[str, Any]]:
    found = s3_call(server, "list_multipart_uploads", Bucket=bucket)
    return list(found.get("Uploads", []))


def versions(server: S3Options, bucket: str) -> list[dict[str, Any]]:
    found = s3_call(server, "list_object_versions", Bucket=bucket)
    return [*found.get("Versions", []), *found.get("DeleteMarkers", [])]


@pytest.mark.parametrize("size", [8 * MiB - 1, 8 * MiB, 8 * MiB + 1, 20 * MiB])
def test_objects_of_any_number_of_parts_are_whole(store: Store, size: int) -> None:
    whole = secrets.token_bytes(size)
    odd = [whole[at : at + 1_000_003] for at in range(0, size, 1_000_003)]
    assert store.write("a/1", odd).size == size
    assert content(store, "a/1") == whole
    with pytest.raises(ObjectExists):
        store.write("a/1", odd)
    assert store.stat("a/1").size == size


def test_a_multipart_write_that_breaks_off_is_aborted(
    server: S3Options, bucket: str, store: Store
) -> None:
    def broken() -> Iterator[bytes]:
        for _ in range(20):
            yield bytes(MiB)
        raise InterruptedUpload

    with pytest.raises(InterruptedUpload):
        store.write("a/1", broken())
    assert uploads(server, bucket) == []
    assert list(store.find("")) == []


@pytest.mark.parametrize("equal", ["", "yes"])
def test_small_and_large_parts_join_in_their_order(
    server: S3Options, bucket: str, equal: str
) -> None:
    store = open_store(f"s3://{bucket}", options=dataclasses.replace(server, equal_parts=equal))
    sizes = [1, 6 * MiB, 5 * MiB, 0, 3 * MiB, 3 * MiB, 9 * MiB + 5, 7]
    pieces = [secrets.token_bytes(size) for size in sizes]
    for number, piece in enumerate(pieces):
        store.write(f"parts/{number}", [piece])
    keys = [f"parts/{number}" for number in range(len(pieces))]
    assert store.join(keys, "whole").size == sum(sizes)
    assert content(store, "whole") == b"".join(pieces)
    tag = s3_call(server, "head_object", Bucket=bucket, Key="whole")["ETag"]
    assert tag.endswith(f'-{len(plan_parts(sizes, equal=bool(equal)))}"'), "the number of parts"
    with pytest.raises(ObjectExists):
        store.join(keys, "whole")
    assert uploads(server, bucket) == []


def test_a_large_part_that_is_missing_is_named_and_nothing_is_left(
    server: S3Options, bucket: str, store: Store
) -> None:
    store.write("parts/1", [bytes(9 * MiB)])
    with pytest.raises(ObjectNotFound, match="lost"):
        store.join(["parts/1", "lost"], "whole")
    assert [each.key for each in store.find("")] == ["parts/1"]
    assert uploads(server, bucket) == []


def test_large_parts_are_joined_without_their_bytes_passing_us(
    watched: tuple[Wire, Store],
) -> None:
    between, store = watched
    for number in range(3):
        store.write(f"parts/{number}", [bytes([number]) * MiB] * 6)
    before = between.carried
    store.join([f"parts/{number}" for number in range(3)], "whole")
    assert between.carried - before < 50_000
    assert content(store, "whole") == b"".join(bytes([number]) * 6 * MiB for number in range(3))


def test_abandoned_uploads_are_aborted_when_they_are_old(
    server: S3Options, bucket: str, store: Store
) -> None:
    for key in ("some/prefix/parts/1", "another/parts/1"):
        s3_call(server, "create_multipart_upload", Bucket=bucket, Key=key)
    now = datetime.now(UTC)
    assert store.sweep_abandoned(datetime(2000, 1, 1, tzinfo=UTC)) == 0
    assert store.sweep_abandoned(now + timedelta(minutes=1)) == 1
    assert [each["Key"] for each in uploads(server, bucket)] == ["another/parts/1"]


def test_in_a_shared_bucket_only_our_uploads_are_aborted(server: S3Options, bucket: str) -> None:
    ours = ["parts/1/0", "recordings/ab/1/original", "assembling/1", "seals/1", "trial/1"]
    for key in [*ours, "backups/1", "parts", "apps/parts/1"]:
        s3_call(server, "create_multipart_upload", Bucket=bucket, Key=key)
    store = open_store(f"s3://{bucket}", options=server)
    assert store.sweep_abandoned(datetime.now(UTC) + timedelta(minutes=1)) == len(ours)
    left = sorted(each["Key"] for each in uploads(server, bucket))
    assert left == ["apps/parts/1", "backups/1", "parts"]


@pytest.fixture
def versioned(server: S3Options) -> str:
    bucket = new_bucket(server, ObjectLockEnabledForBucket=True)
    enabled = {"Status": "Enabled"}
    s3_call(server, "put_bucket_versioning", Bucket=bucket, VersioningConfiguration=enabled)
    return bucket


def test_a_versioned_bucket_keeps_no_version_of_what_was_deleted(
    server: S3Options, versioned: str
) -> None:
    store = open_store(f"s3://{versioned}", options=server)
    store.write("a/1", [b"one"])
    store.write("a/10", [b"another"])
    s3_call(server, "delete_object", Bucket=versioned, Key="a/1")  # hides it behind a marker
    with pytest.raises(ObjectNotFound):
        store.stat("a/1")
    store.write("a/1", [b"two"])
    assert len([each for each in versions(server, versioned) if each["Key"] == "a/1"]) == 3
    store.delete("a/1")
    assert [each["Key"] for each in versions(server, versioned)] == ["a/10"]


def test_acceptance_6_a_locked_object_is_not_deleted_and_not_hidden(
    server: S3Options, versioned: str
) -> None:
    store = open_store(f"s3://{versioned}", options=server)
    s3_call(
        server,
        "put_object",
        Bucket=versioned,
        Key="a/1",
        Body=b"kept",
        ObjectLockMode="COMPLIANCE",
        ObjectLockRetainUntilDate=datetime.now(UTC) + timedelta(minutes=1),
    )
    with pytest.raises(StorageUnavailable, match="locked"):
        store.delete("a/1")
    assert content(store, "a/1") == b"kept"
    assert store.locking() == "yes"


def test_a_bucket_without_locks_says_so(store: Store) -> None:
    assert store.locking() == "no"


def test_a_direct_address_gives_this_object_to_anybody(store: Store) -> None:
    store.write("a/1", [b"direct"])
    address = store.direct_url("a/1")
    assert address is not None and "X-Amz-Algorithm=AWS4-HMAC-SHA256" in address
    assert urllib.request.urlopen(address, timeout=5).read() == b"direct"


def test_what_options_leave_out_is_not_taken_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A further storage in AWS beside a first one elsewhere."""
    for name, value in {
        "AWS_ENDPOINT_URL": "http://minio.internal:9000",
        "AWS_ENDPOINT_URL_S3": "http://minio.internal:9000",
        "AWS_ACCESS_KEY_ID": "theirs",
        "AWS_SECRET_ACCESS_KEY": "theirs",
        "AWS_SESSION_TOKEN": "theirs",
    }.items():
        monkeypatch.setenv(name, value)
    options = S3Options(key="ours", secret="secret", region="eu-central-1")
    address = open_store("s3://archive/p", options=options).direct_url("a/1")
    assert address is not None
    assert (urlsplit(address).hostname or "").endswith(".amazonaws.com")
    assert "X-Amz-Credential=ours%2F" in address and "theirs" not in address
    first = open_store("s3://first").direct_url("a/1")
    assert first is not None and "minio.internal:9000" in first and "=theirs%2F" in first


def test_an_address_without_its_signature_gives_nothing(seaweed: S3Options) -> None:
    store = open_store(f"s3://{new_bucket(seaweed)}", options=seaweed)
    store.write("a/1", [b"direct"])
    address = store.direct_url("a/1")
    assert address is not None
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(address.split("?")[0], timeout=5)


def test_a_listing_of_several_pages_is_whole(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage_backends.s3.PAGE", 3)
    for number in range(7):
        store.write(f"a/{number}", [b"x"])
    assert [each.key for each in store.find("a")] == [f"a/{number}" for number in range(7)]


def test_folders_drawn_by_a_console_are_no_objects(
    server: S3Options, bucket: str, store: Store
) -> None:
    s3_call(server, "put_object", Bucket=bucket, Key="some/prefix/a/", Body=b"")
    assert list(store.find("")) == []
