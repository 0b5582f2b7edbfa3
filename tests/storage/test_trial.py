"""The operator's trial of a store: a good one passes every step, a bad one hears why not."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from storage_backends import S3Options, Store, StoredObject, open_store
from storage_backends.base import Source
from storage_backends.local import LocalStore
from storage_backends.trial import try_out


def test_a_good_store_passes_every_step_and_nothing_is_left(store: Store) -> None:
    assert [step.problem for step in try_out(store)] == [None] * 11
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
        (KeepsWhatIsDeleted, "delete", "still there"),
    ],
)
def test_a_bad_store_fails_at_the_step_that_shows_it(
    tmp_path: Path, kind: type[LocalStore], step: str, sentence: str
) -> None:
    *_, last = try_out(kind(tmp_path / "store"))
    assert last.name == step
    assert last.problem and sentence in last.problem and "hunter2" not in last.problem


def test_a_wrong_key_is_told_at_the_first_step(seaweed: S3Options) -> None:
    store = open_store("s3://shared/x", options=dataclasses.replace(seaweed, secret="wrong"))
    (only,) = try_out(store)
    assert only.name == "write" and only.problem and "secret key is wrong" in only.problem


def test_what_a_store_cannot_do_is_named(tmp_path: Path) -> None:
    names = [step.name for step in try_out(LocalStore(tmp_path / "store"))]
    assert "lock support: no" in names and "presign: no" in names
