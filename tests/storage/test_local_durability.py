"""What the local store asks of the kernel, and in which order: seen, and spoilt, with strace."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from storage_backends.local import LocalStore
from tests.storage.conftest import python, url_of

ACTS = """
import os, sys
from storage_backends import StorageError, open_store
url, mode, act, marks = sys.argv[1:]
store = open_store(url, strict=mode == "strict")
os.mkdir(f"{marks}/begin")
try:
    exec(act)
except StorageError as error:
    print(type(error).__name__)
os.mkdir(f"{marks}/end")
"""
CALL = re.compile(r'\b(\w+)\((?:\d+<(?P<file>[^>]*)>|"(?P<path>[^"]*)"(?:, "(?P<new>[^"]*)")?)')
WRITE = 'store.write("one/two/1", [b"x" * 9_000_000] * 2)'
Call = tuple[str, str]


def calls_of(strace: str, folder: Path, mode: str, act: str) -> list[Call]:
    """What succeeded between begin and end, as (call, the path it changed)."""
    trace, marks = folder / "trace", folder / "marks"
    marks.mkdir()
    wanted = "trace=mkdir,fsync,fdatasync,link,linkat,unlink"
    under = [strace, "-f", "-y", "-s", "4096", "-o", str(trace), "-e", wanted]
    words = [url_of(folder / "store"), mode, act, str(marks)]
    python(ACTS, *words, under=under).check_returncode()
    lines = [line for line in trace.read_text().splitlines() if line.rstrip().endswith("= 0")]
    calls = [(match[1], _path_in(match, folder)) for line in lines if (match := CALL.search(line))]
    begin, end = calls.index(("mkdir", "marks/begin")), calls.index(("mkdir", "marks/end"))
    return calls[begin + 1 : end]


def _path_in(match: re.Match[str], folder: Path) -> str:
    path = match["new"] or match["file"] or match["path"]
    return re.sub(r"\.[0-9a-f]{8}\.tmp$", ".tmp", path.removeprefix(f"{folder}/"))


def assert_order(calls: list[Call], *wanted: Call) -> None:
    """These calls happened, each after the one before it."""
    rest = iter(calls)
    for each in wanted:
        assert each in rest, f"{each} is missing or too late in {calls}"


def syncs(calls: list[Call]) -> list[Call]:
    return [call for call in calls if "sync" in call[0]]


def test_a_strict_write_syncs_the_bytes_then_names_them_then_syncs_the_name(
    strace: str, tmp_path: Path
) -> None:
    calls = calls_of(strace, tmp_path, "strict", WRITE)
    assert_order(
        calls,
        ("fdatasync", "store/one/two/1.tmp"),
        ("link", "store/one/two/1"),
        ("fsync", "store/one/two"),
    )
    assert_order(calls, ("mkdir", "store/one"), ("fsync", "store"))
    assert_order(calls, ("mkdir", "store/one/two"), ("fsync", "store/one"))


def test_a_relaxed_write_waits_for_no_disk(strace: str, tmp_path: Path) -> None:
    calls = calls_of(strace, tmp_path, "relaxed", WRITE)
    assert ("link", "store/one/two/1") in calls
    assert syncs(calls) == []


@pytest.mark.parametrize("mode", ["strict", "relaxed"])
def test_a_join_is_durable_in_either_mode(strace: str, tmp_path: Path, mode: str) -> None:
    two_parts(tmp_path)
    calls = calls_of(strace, tmp_path, mode, 'store.join(["parts/0", "parts/1"], "new/1")')
    assert_order(
        calls, ("fdatasync", "store/new/1.tmp"), ("link", "store/new/1"), ("fsync", "store/new")
    )
    assert_order(calls, ("mkdir", "store/new"), ("fsync", "store"))


@pytest.mark.parametrize("mode", ["strict", "relaxed"])
def test_a_join_of_one_part_moves_no_byte_and_is_durable(
    strace: str, tmp_path: Path, mode: str
) -> None:
    two_parts(tmp_path)
    calls = calls_of(strace, tmp_path, mode, 'store.join(["parts/0"], "new/1")')
    assert_order(calls, ("link", "store/new/1"), ("fsync", "store/new"))
    assert_order(calls, ("mkdir", "store/new"), ("fsync", "store"))
    assert ("fsync", "store/new/1") in calls or ("fdatasync", "store/new/1") in calls
    store = tmp_path / "store"
    assert (store / "new/1").samefile(store / "parts/0")


def two_parts(folder: Path) -> None:
    store = LocalStore(folder / "store", strict=False)
    for number in range(2):
        store.write(f"parts/{number}", [b"x" * 3_000_000])


def outcome(strace: str, folder: Path, fault: str, act: str, path: Path | None = None) -> str:
    """The name of the store's error while the kernel fails so (at this path), or nothing."""
    (folder / "marks").mkdir()
    call = fault.partition(":")[0]
    under = [strace, "-f", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={fault}"]
    under += ["-P", str(path)] if path else []
    words = [url_of(folder / "store"), "strict", act, str(folder / "marks")]
    ended = python(ACTS, *words, under=under)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


@pytest.mark.parametrize("error", ["EIO", "ENOSPC", "EDQUOT"])
def test_bytes_that_the_disk_did_not_take_are_not_acknowledged(
    strace: str, tmp_path: Path, error: str
) -> None:
    expected = "StorageUnavailable" if error == "EIO" else "StorageFull"
    assert outcome(strace, tmp_path, f"fdatasync:error={error}", WRITE) == expected
    assert [path for path in (tmp_path / "store").rglob("*") if path.is_file()] == []


def test_a_name_that_the_disk_did_not_take_is_not_acknowledged(strace: str, tmp_path: Path) -> None:
    (tmp_path / "store/one/two").mkdir(parents=True)
    assert outcome(strace, tmp_path, "fsync:error=EIO", WRITE) == "StorageUnavailable"


@pytest.mark.parametrize("act", ['list(store.read("parts/0"))', 'store.checksum("parts/0")'])
def test_a_disk_that_cannot_be_read_is_told_as_the_stores_own_error(
    strace: str, tmp_path: Path, act: str
) -> None:
    two_parts(tmp_path)
    spoilt = tmp_path / "store/parts/0"
    assert outcome(strace, tmp_path, "pread64:error=EIO", act, spoilt) == "StorageUnavailable"
