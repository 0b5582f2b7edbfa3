"""Processes that are killed in the middle of a join: one whole object or none, and no rubbish."""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from storage_backends import ObjectExists, ObjectNotFound, S3Options, Store, open_store
from storage_backends.part_plan import MiB
from tests.storage.conftest import url_of
from tests.storage.elsewhere import elsewhere
from tests.storage.servers import OPENERS, s3_call

TIMES = 20
PARTS = [f"parts/{number}" for number in range(4)]
JOINS_AND_DIES = """
import json, os, signal, time

def join(key, seconds):
    child = os.fork()
    if child == 0:
        open_store(sys.argv[1]).join(json.loads(sys.argv[2]), key)
        os._exit(0)
    begun = time.monotonic()
    if seconds is None:
        os.waitpid(child, 0)
        return time.monotonic() - begun
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])

takes = min(join(f"recordings/undisturbed/{number}", None) for number in range(2))
times, killed, number = int(sys.argv[3]), 0, 0
while killed < times:
    killed += join(f"recordings/{number}", takes * (number % times) / times)
    number += 1
print(number)
"""


@pytest.fixture(params=["local", "seaweed", "azurite"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, object]:
    if request.param == "local":
        return url_of(tmp_path), None
    options = request.getfixturevalue(request.param)
    OPENERS[request.param](options)
    scheme = "s3" if isinstance(options, S3Options) else "abfs"
    return f"{scheme}://shared/{secrets.token_hex(8)}", options


def test_a_killed_join_leaves_one_whole_object_or_none(place: tuple[str, object]) -> None:
    url, options = place
    store = open_store(url, options=options)
    whole = secrets.token_bytes(len(PARTS) * 6 * MiB)
    for number, key in enumerate(PARTS):
        store.write(key, [whole[number * 6 * MiB : (number + 1) * 6 * MiB]])
    ended = elsewhere(options, JOINS_AND_DIES, url, json.dumps(PARTS), str(TIMES))
    assert ended.returncode == 0, ended.stderr
    keys = [f"recordings/{number}" for number in range(int(ended.stdout))]
    for key in keys:
        assert_whole_or_none(store, key, len(whole))
        with contextlib.suppress(ObjectExists):
            store.join(PARTS, key)
        assert store.checksum(key) == hashlib.sha256(whole).hexdigest()
    store.sweep_abandoned(datetime.now(UTC) + timedelta(minutes=1))
    undisturbed = [f"recordings/undisturbed/{number}" for number in range(2)]
    assert_nothing_else_is_left(store, url, options, {*PARTS, *keys, *undisturbed})


def assert_whole_or_none(store: Store, key: str, size: int) -> None:
    with contextlib.suppress(ObjectNotFound):
        assert store.stat(key).size == size


def assert_nothing_else_is_left(store: Store, url: str, options: object, keys: set[str]) -> None:
    assert {each.key for each in store.find("")} == keys
    if isinstance(options, S3Options):
        prefix = url.removeprefix("s3://shared/")
        left = s3_call(options, "list_multipart_uploads", Bucket="shared", Prefix=prefix)
        assert not left.get("Uploads")
    if url.startswith("file:"):
        folder = Path(url.removeprefix("file://"))
        assert {str(path.relative_to(folder)) for path in files(folder)} == keys


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
