"""The folder of a local store: without it, as when its disk is not mounted, nothing is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from storage_backends import StorageUnavailable, open_store
from storage_backends.local import LocalStore
from tests.storage.conftest import url_of


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def store(root: Path) -> LocalStore:
    return LocalStore(root)


def test_a_root_that_cannot_be_a_folder_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageUnavailable, match="Not a directory"):
        open_store(url_of(tmp_path / "file" / "store"))


def test_a_root_that_must_be_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable, match="is gone; mount its disk"):
        open_store(url_of(tmp_path / "disk"), make=False)
    assert not (tmp_path / "disk").exists()
    (tmp_path / "disk").mkdir()
    assert open_store(url_of(tmp_path / "disk"), make=False).write("a/1", [b"x"]).size == 1


def test_without_its_root_a_store_calls_nothing_missing_or_deleted(
    root: Path, store: LocalStore
) -> None:
    root.rename(root.with_name("unmounted"))
    acts: list[Callable[[], object]] = [
        lambda: store.stat("parts/1/0.1"),
        lambda: store.read("parts/1/0.1"),
        lambda: store.delete("parts/1/0.1"),
        lambda: store.delete_folder("parts/1"),
        lambda: list(store.find("parts")),
    ]
    for act in acts:
        with pytest.raises(StorageUnavailable, match="mount its disk"):
            act()


def test_a_root_that_goes_away_is_not_made_again_on_another_disk(
    root: Path, store: LocalStore
) -> None:
    store.write("parts/1/0.1", [b"x"])
    root.rename(root.with_name("unmounted"))
    with pytest.raises(StorageUnavailable, match="mount its disk"):
        store.write("parts/1/1.1", [b"x"])
    assert not root.exists()
