"""The operator's trial of a store: a good one passes every step, a bad one hears why not."""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from storage_backends import (
    AzureOptions,
    Options,
    S3Options,
    SignedRequest,
    Store,
    StoredObject,
    open_store,
)
from storage_backends.base import Source
from storage_backends.local import LocalStore
from storage_backends.trial import try_out
from tests.storage.servers import azure_options, port_of


def test_a_good_store_passes_every_step_and_nothing_is_left(store: Store) -> None:
    assert [step.problem for step in try_out(store)] == [None] * 12
    assert list(store.find("")) == []


class WrongClock(LocalStore):
    def stat(self, key: str) -> StoredObject:
        found = super().stat(key)
        return dataclasses.replace(found, modified=found.modified - timedelta(minutes=5))


class WrongRange(LocalStore):
    def read(self, key: str, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        return super().read(key, start, stop if stop is None else stop + 1)


class WrongJoin(LocalStore):
    def join(self, keys: Sequence[str], key: str) -> StoredObject:
        return super().join(keys[:1], key)


class Overwrites(LocalStore):
    def write(self, key: str, source: Source) -> StoredObject:
        super().delete(key)
        return super().write(key, source)


class WrongAddress(LocalStore):
    def direct_url(self, key: str) -> str | None:
        return "http://127.0.0.1:1/?signature=hunter2"


class WrongUpload(LocalStore):
    def direct_upload(self, key: str, size: int, seconds: int) -> SignedRequest | None:
        return SignedRequest("PUT", "http://127.0.0.1:1/?signature=hunter2", {})


class KeepsWhatIsDeleted(LocalStore):
    def delete(self, key: str) -> None:
        """As if it had."""


@pytest.mark.parametrize(
    ("kind", "step", "sentence"),
    [
        (WrongClock, "clock skew", "are 300 s apart"),
        (WrongRange, "read a range", "something else"),
        (WrongJoin, "join", "something else"),
        (Overwrites, "refuse to overwrite", "let an existing object be overwritten"),
        (WrongAddress, "presign", "was not accepted"),
        (WrongUpload, "direct upload", "was not accepted"),
        (KeepsWhatIsDeleted, "delete", "still there"),
    ],
)
def test_a_bad_store_fails_at_the_step_that_shows_it(
    tmp_path: Path, kind: type[LocalStore], step: str, sentence: str
) -> None:
    *_, last = try_out(kind(tmp_path / "store"))
    assert last.name == step
    assert last.problem and sentence in last.problem and "hunter2" not in last.problem


def first_problem(options: Options, place: str = "shared") -> str:
    """What the operator reads when the first step fails; it takes less than five seconds."""
    scheme = "s3" if isinstance(options, S3Options) else "abfs"
    (only,) = try_out(open_store(f"{scheme}://{place}/x", options=options))
    assert only.name == "write" and only.problem and only.seconds < 5
    return only.problem


def at(endpoint: str) -> list[Options]:
    """S3 and Azure, at this address."""
    said = f"BlobEndpoint={endpoint}/a;AccountName=a;AccountKey=YQ=="
    return [S3Options(endpoint, "us-east-1", "k", "s"), AzureOptions(connection_string=said)]


def test_a_wrong_key_is_told(seaweed: S3Options, azurite: AzureOptions) -> None:
    wrong = dataclasses.replace(seaweed, secret="wrong")
    assert "the secret key is wrong; correct AWS_SECRET_ACCESS_KEY" in first_problem(wrong)
    assert "the key is wrong" in first_problem(azure_options(port_of(azurite), key="d3Jvbmc="))


def test_a_missing_bucket_is_told(seaweed: S3Options, azurite: AzureOptions) -> None:
    assert "there is no such bucket; create it" in first_problem(seaweed, "not-there")
    assert "there is no such container; create it" in first_problem(azurite, "not-there")


@pytest.mark.parametrize("which", [0, 1], ids=["s3", "azure"])
def test_refused_unknown_and_silent_servers_are_told(which: int) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=100) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert "it does not answer in time" in first_problem(at(address)[which])
    assert "it refuses connections" in first_problem(at(address)[which])
    assert "(DNS)" in first_problem(at("http://nowhere.invalid")[which])


def test_a_wrong_clock_is_told(seaweed: S3Options, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond 15 minutes, when S3 itself refuses; below, the step `clock skew` tells."""

    def late(remove_tzinfo: bool = True) -> datetime:
        now = datetime.now(UTC) - timedelta(hours=1)
        return now.replace(tzinfo=None) if remove_tzinfo else now

    monkeypatch.setattr("botocore.auth.get_current_datetime", late)
    assert "clocks differ by more than 15 minutes" in first_problem(seaweed)


def test_what_a_store_cannot_do_is_named(tmp_path: Path) -> None:
    names = [step.name for step in try_out(LocalStore(tmp_path / "store"))]
    assert {"lock support: no", "presign: no", "direct upload: no"} <= set(names)
