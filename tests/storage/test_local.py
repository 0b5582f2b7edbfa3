"""What only the store on the local disk promises: whole files, for us alone, in tidy folders."""

from __future__ import annotations

import multiprocessing
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from storage_backends import ObjectNotFound, StorageFull, Store, open_store
from storage_backends.local import LocalStore
from tests.storage.conftest import PROJECT, python, url_of


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def store(root: Path) -> LocalStore:
    return LocalStore(root)


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def content(store: Store, key: str) -> bytes:
    return b"".join(store.read(key))


def test_objects_are_plain_files_below_the_root(root: Path, store: LocalStore) -> None:
    store.write("parts/1/0.1", [b"plain"])
    assert (root / "parts/1/0.1").read_bytes() == b"plain"
    assert files(root) == ["parts/1/0.1"], "and nothing else is left there"
    path = store.local_path("parts/1/0.1")
    assert path is not None and path.read_bytes() == b"plain"
    with store.as_file("parts/1/0.1") as same:
        assert same.samefile(path)


@pytest.mark.parametrize("name", ["with blanks", "100%", "per%20cent", "a#b?c", "Zoë"])
def test_the_root_may_have_any_name(tmp_path: Path, name: str) -> None:
    store = open_store(url_of(tmp_path / name / "store"))
    store.write("parts/1/0.1", [b"x"])
    assert files(tmp_path) == [f"{name}/store/parts/1/0.1"]
    assert [each.key for each in store.find("parts")] == ["parts/1/0.1"]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "recordings",
        "/srv/recordings",
        "file:",
        "file:relative",
        "file://host/srv",
        "file://~/recordings",
        "file:///srv/take?2",
        "file:///srv/take#2",
        "memory://",
        "s3://",
        "s3:///x",
        "s3://bucket:9000/x",
        "abfs://container?x",
        "http://example.org/",
    ],
)
def test_an_address_that_is_none_is_refused_with_a_sentence(url: str) -> None:
    with pytest.raises(ValueError, match="is no storage address; write ") as refused:
        open_store(url)
    assert url in str(refused.value)


def test_a_password_in_an_address_is_in_no_message() -> None:
    with pytest.raises(ValueError, match="no storage address") as refused:
        open_store("s3://me:hunter2@bucket/x")
    assert "hunter2" not in str(refused.value)


@pytest.fixture
def no_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("no_umask")
def test_files_are_read_only_and_nothing_is_open_to_others(tmp_path: Path) -> None:
    root = tmp_path / "new" / "store"
    store = LocalStore(root)
    for key in ("parts/1/0", "parts/1/1"):
        store.write(key, [b"x"])
    store.join(["parts/1/0"], "recordings/ab/1/original")
    store.join(["parts/1/0", "parts/1/1"], "recordings/ab/2/original")
    made = [root, *root.rglob("*")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in made if path.is_file()} == {0o440}
    assert {path.stat().st_mode & 0o007 for path in made if path.is_dir()} == {0}


def test_what_another_process_does_is_seen_at_once(root: Path, store: LocalStore) -> None:
    assert list(store.find("")) == []
    script = "import sys; from storage_backends import open_store; store = open_store(sys.argv[1])"
    python(f"{script}; store.write('parts/1/0.1', [b'theirs'])", url_of(root)).check_returncode()
    assert content(store, "parts/1/0.1") == b"theirs"
    assert [each.key for each in store.find("parts")] == ["parts/1/0.1"]
    python(f"{script}; store.delete('parts/1/0.1')", url_of(root)).check_returncode()
    assert list(store.find("")) == []
    with pytest.raises(ObjectNotFound):
        store.stat("parts/1/0.1")


def test_a_store_works_on_after_a_fork(store: LocalStore) -> None:
    store.write("from/parent", [b"parent"])

    def child() -> None:
        assert content(store, "from/parent") == b"parent"
        store.write("from/child", [b"child"])

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join(30)
    assert process.exitcode == 0
    assert content(store, "from/child") == b"child"


WRITES_HALF = """
import sys, time
from storage_backends import open_store
def half():
    yield b"half"
    print("half", flush=True)
    time.sleep(60)
open_store(sys.argv[1]).write("parts/1/0.1", half())
"""


def test_a_process_killed_while_it_writes_leaves_no_object(root: Path, store: LocalStore) -> None:
    begun = time.time()
    command = [sys.executable, "-c", WRITES_HALF, url_of(root)]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None and writer.stdout.readline() == b"half\n"
        writer.send_signal(signal.SIGKILL)
    assert list(store.find("")) == []
    (left,) = store.find_abandoned()
    assert left.key.startswith("parts/1/0.1.") and left.size == 4
    assert begun - 1 <= left.modified.timestamp() <= time.time()
    store.write("parts/1/0.1", [b"whole"])
    assert [each.key for each in store.find("")] == ["parts/1/0.1"]
    store.delete(left.key)
    assert list(store.find_abandoned()) == []


def test_a_deleted_folder_leaves_no_temporary_file(root: Path, store: LocalStore) -> None:
    store.write("parts/1/0.1", [b"x"])
    (root / "parts/1/1.1.0123abcd.tmp").write_bytes(b"half")
    store.delete_folder("parts/1")
    assert files(root) == []


def test_a_write_under_way_is_listed_with_the_abandoned_until_it_ends(store: LocalStore) -> None:
    def watched() -> Iterator[bytes]:
        yield b"half"
        assert len(list(store.find_abandoned())) == 1

    store.write("parts/1/0.1", watched())
    assert list(store.find_abandoned()) == []


def test_folders_go_with_their_last_object_and_the_root_stays(
    root: Path, store: LocalStore
) -> None:
    store.write("parts/1/0.1", [b"x"])
    store.write("parts/2/0.1", [b"x"])
    store.delete("parts/1/0.1")
    assert sorted(path.name for path in (root / "parts").iterdir()) == ["2"]
    store.delete("parts/2/0.1")
    assert root.is_dir() and list(root.iterdir()) == []


def come_and_go(store: Store, number: int, faults: list[Exception]) -> None:
    """Write and delete in folders that become empty, and disappear, all the time."""
    for turn in range(1000):
        part, whole = f"one/two/three/{number}.{turn}", f"one/four/five/{number}.{turn}"
        try:
            store.write(part, [b"x"])
            if turn % 25 == 0:  # a join waits for the disk
                store.join([part], whole)
            store.delete(part)
            store.delete(whole)
        except Exception as fault:
            faults.append(fault)


def test_writers_do_not_mind_that_others_remove_their_folder(root: Path) -> None:
    store = LocalStore(root, strict=False)
    faults: list[Exception] = []
    threads = [
        threading.Thread(target=come_and_go, args=(store, number, faults)) for number in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert list(root.rglob("*")) == []


USES_UP_A_DISK = """
import subprocess, sys
from pathlib import Path
from tests.storage.test_local import use_up_the_disk
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", sys.argv[1]], check=True)
use_up_the_disk(Path(sys.argv[1]))
"""


def test_a_full_disk_is_told_and_leaves_nothing_half(tmp_path: Path, own_mounts: list[str]) -> None:
    ended = python(USES_UP_A_DISK, str(tmp_path), under=own_mounts)
    assert ended.returncode == 0, ended.stderr


def use_up_the_disk(disk: Path) -> None:
    """Runs where `disk` has room for 4 MiB."""
    store = LocalStore(disk / "store")
    megabyte = bytes(1024 * 1024)
    store.write("parts/1/0.1", [megabyte])
    store.write("parts/1/1.1", [megabyte])
    with pytest.raises(StorageFull, match="make room"):
        store.write("parts/1/2.1", [megabyte] * 3)
    with pytest.raises(StorageFull):
        store.join(["parts/1/0.1", "parts/1/1.1", "parts/1/0.1"], "recordings/ab/1/original")
    assert files(disk) == ["store/parts/1/0.1", "store/parts/1/1.1"]
    assert content(store, "parts/1/0.1") == content(store, "parts/1/1.1") == megabyte
    store.delete("parts/1/0.1")
    assert store.write("parts/1/2.2", [megabyte] * 2).size == 2 * len(megabyte)
    assert store.join(["parts/1/2.2"], "recordings/ab/1/original").size == 2 * len(megabyte)


def test_temporary_files_of_other_programs_are_left_alone(root: Path, store: LocalStore) -> None:
    names = ["download.tmp", "a/report.0123abcd.tmp.tmp", "a/.0123abcd.tmp", "a/x.0123ABCD.tmp"]
    (root / "a").mkdir()
    for name in [*names, "a/1.0123abcd.tmp"]:
        (root / name).write_bytes(b"x")
    assert store.sweep_abandoned(datetime.now(UTC) + timedelta(minutes=1)) == 1
    assert files(root) == sorted(names)


def test_a_file_may_be_as_old_as_its_clock(root: Path, store: LocalStore) -> None:
    store.write("a/1", [b"x"])
    os.utime(root / "a/1", (0, 0))
    assert store.stat("a/1").modified == datetime(1970, 1, 1, tzinfo=UTC)
