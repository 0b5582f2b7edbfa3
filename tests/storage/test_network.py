"""Stores across a network: servers that fail in every way, several processes, bounded memory."""

from __future__ import annotations

import dataclasses
import re
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from storage_backends import (
    AzureOptions,
    ObjectExists,
    ObjectNotFound,
    S3Options,
    StorageError,
    StorageUnavailable,
    Store,
    open_store,
)
from storage_backends.options import Options
from tests.storage.conftest import url_of
from tests.storage.elsewhere import elsewhere
from tests.storage.servers import OPENERS, azure_options, port_of
from tests.storage.wire import wire

SCHEMES = {"seaweed": "s3", "azurite": "abfs"}


@pytest.fixture(params=SCHEMES)
def options(request: pytest.FixtureRequest) -> Options:
    found: Options = request.getfixturevalue(request.param)
    OPENERS[request.param](found)
    return found


@pytest.fixture
def folder() -> str:
    return secrets.token_hex(8)


@pytest.fixture
def store(options: Options, folder: str) -> Store:
    return open_store(f"{scheme(options)}://shared/{folder}", options=options)


def scheme(options: Options) -> str:
    return "s3" if isinstance(options, S3Options) else "abfs"


def at_port(port: int) -> list[Options]:
    s3 = S3Options(endpoint_url=f"http://127.0.0.1:{port}", key="k", secret="s", region="r")
    return [s3, azure_options(port)]


def acts(store: Store) -> dict[str, Callable[[], object]]:
    return {
        "write": lambda: store.write("a/1", [b"x"]),
        "write much": lambda: store.write("a/2", [bytes(1 << 20)] * 10),
        "write some": lambda: store.write("a/3", [bytes(1 << 20)] * 3),
        "read": lambda: store.read("a/1"),
        "stat": lambda: store.stat("a/1"),
        "delete": lambda: store.delete("a/1"),
        "find": lambda: list(store.find("a")),
        "join": lambda: store.join(["a/1", "a/2"], "b"),
        "lock support": lambda: store.locking(),
    }


def outcomes(store: Store) -> dict[str, tuple[float, StorageError]]:
    """What each act fails with, and after how many seconds; all at the same time."""
    found = {}

    def attempt(name: str, act: Callable[[], object]) -> None:
        begun = time.monotonic()
        try:
            act()
        except StorageError as error:
            found[name] = (time.monotonic() - begun, error)

    threads = [threading.Thread(target=attempt, args=each) for each in acts(store).items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found.keys() == acts(store).keys(), "every act fails"
    return found


def assert_all_say(store: Store, sentence: str) -> None:
    for name, (_, error) in outcomes(store).items():
        assert isinstance(error, StorageUnavailable), (name, error)
        assert re.search(sentence, str(error)), (name, error)


@pytest.mark.parametrize("which", [0, 1], ids=["s3", "azure"])
def test_a_frozen_server_is_told_within_five_seconds(which: int) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=100) as frozen:
        options = at_port(frozen.getsockname()[1])[which]
        store = open_store(f"{scheme(options)}://shared/x", options=options)
        for name, (seconds, error) in outcomes(store).items():
            assert seconds < 5, name
            assert "does not answer in time" in str(error), name


@pytest.mark.parametrize("which", [0, 1], ids=["s3", "azure"])
def test_a_server_that_is_not_there_is_told(which: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        options = at_port(gone.getsockname()[1])[which]
    store = open_store(f"{scheme(options)}://shared/x", options=options)
    assert_all_say(store, "refuses connections")


@pytest.mark.parametrize(
    "options",
    [
        S3Options(endpoint_url="http://nowhere.invalid", key="k", secret="s", region="r"),
        AzureOptions(
            connection_string="BlobEndpoint=http://nowhere.invalid/a;AccountName=a;AccountKey=YQ=="
        ),
    ],
    ids=scheme,
)
def test_a_name_that_does_not_exist_is_told(options: Options) -> None:
    store = open_store(f"{scheme(options)}://shared/x", options=options)
    assert_all_say(store, "DNS")


def test_a_missing_bucket_is_no_missing_object(options: Options) -> None:
    store = open_store(f"{scheme(options)}://not-there-{secrets.token_hex(4)}", options=options)
    assert_all_say(store, "there is no such (bucket|container); create it")


def test_a_wrong_key_is_told_and_in_no_message(seaweed: S3Options, azurite: AzureOptions) -> None:
    wrong = secrets.token_hex(16)
    for options, sentence in [
        (dataclasses.replace(seaweed, secret=wrong), "secret key is wrong"),
        (dataclasses.replace(seaweed, key="nobody"), "access key id is not known"),
        (azure_options(port_of(azurite), key="d3Jvbmc="), "key is wrong"),
    ]:
        store = open_store(f"{scheme(options)}://shared/x", options=options)
        for name, (_, error) in outcomes(store).items():
            assert isinstance(error, StorageUnavailable), (name, error)
            assert sentence in str(error), (name, error)
            assert wrong not in str(error) and "d3Jvbmc" not in str(error)
        assert wrong not in repr(options) and "d3Jvbmc" not in repr(options)


@pytest.mark.parametrize("said", ["nonsense", "", "AccountKey=hunter2"])
def test_azure_without_a_login_is_refused_at_once(said: str) -> None:
    with pytest.raises(ValueError, match="AZURE_STORAGE_CONNECTION_STRING") as refused:
        open_store("abfs://container/x", options=AzureOptions(connection_string=said))
    assert "hunter2" not in str(refused.value)


def test_what_another_process_does_is_seen_at_once(
    options: Options, store: Store, folder: str
) -> None:
    url = f"{scheme(options)}://shared/{folder}"
    assert list(store.find("")) == []
    ended = elsewhere(options, "store.write('a/1', [b'theirs'])", url)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert b"".join(store.read("a/1")) == b"theirs"
    with pytest.raises(ObjectExists):
        store.write("a/1", [b"ours"])
    elsewhere(options, "store.delete('a/1')", url).check_returncode()
    assert list(store.find("")) == []
    with pytest.raises(ObjectNotFound):
        store.stat("a/1")


def through(options: Options, port: int) -> Options:
    """The same server, by another port."""
    if isinstance(options, AzureOptions):
        return azure_options(port)
    return dataclasses.replace(options, endpoint_url=f"http://127.0.0.1:{port}")


def test_a_write_whose_answer_got_lost_is_no_object_of_somebody_else(
    options: Options, folder: str
) -> None:
    with wire(port_of(options)) as between:
        store = open_store(
            f"{scheme(options)}://shared/{folder}", options=through(options, between.port)
        )
        store.write("warm", [b"up"])
        between.lose_answer_to = b"PUT /"
        assert store.write("a/1", [b"mine"]).size == 4
        assert between.lost == 1
        with pytest.raises(ObjectExists):
            store.write("a/1", [b"other"])
        assert b"".join(store.read("a/1")) == b"mine"


FORKS = """
import gc, os, time
from storage_backends.flight import run
async def collect():
    gc.collect()
store.write("from/parent", [b"parent"])
child = os.fork()
if child == 0:
    assert b"".join(store.read("from/parent")) == b"parent"
    store.write("from/child", [b"child"])
    run(collect(), 4)
    gc.collect()
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
begun = time.monotonic()
assert b"".join(store.read("from/child")) == b"child"
store.write("from/parent/again", [b"parent"])
print(time.monotonic() - begun)
"""


def test_a_store_works_on_after_a_fork(options: Options, store: Store, folder: str) -> None:
    """In the child, whose garbage collector finds the parent's connections, and in the parent."""
    ended = elsewhere(options, FORKS, f"{scheme(options)}://shared/{folder}")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert float(ended.stdout) < 3
    assert b"".join(store.read("from/parent/again")) == b"parent"


WRITES_MUCH = """
import resource
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
store.write("small", [b"x"])
before, block = peak(), bytearray(1 << 20)
assert store.write("large", (block for _ in range(256))).size == 256 << 20
print(peak() - before)
"""
PUSHES_MUCH = """
import resource
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
store.write("small", [b"x"])
local = open_store(sys.argv[2])
block = bytearray(1 << 20)
local.write("large", (block for _ in range(256)))
sha256 = local.checksum("large")
before = peak()
assert store.copy_from(local, "large", "large", sha256).size == 256 << 20
print(peak() - before)
"""


@pytest.mark.parametrize("script", [WRITES_MUCH, PUSHES_MUCH], ids=["write", "push"])
def test_sending_256_mib_takes_less_than_64_of_memory(
    options: Options, store: Store, folder: str, tmp_path: Path, script: str
) -> None:
    words = (f"{scheme(options)}://shared/{folder}", url_of(tmp_path / "local"))
    ended = elsewhere(options, script, *words)
    assert ended.returncode == 0, ended.stderr
    assert int(ended.stdout) < 64


def test_reading_stops_when_nobody_reads_on(store: Store) -> None:
    store.write("large", [bytes(1 << 20)] * 12)
    for _ in range(300):  # more than there are connections
        blocks = store.read("large")
        del blocks
    some: list[Any] = [store.read("large") for _ in range(20)]
    assert all(next(blocks) == bytes(1 << 20) for blocks in some)


def half() -> Iterator[bytes]:
    yield bytes(9 << 20)
    raise KeyboardInterrupt


def test_an_interrupted_multipart_write_leaves_nothing_visible(store: Store) -> None:
    with pytest.raises(KeyboardInterrupt):
        store.write("large", half())
    assert list(store.find("")) == []
    with pytest.raises(ObjectNotFound):
        store.stat("large")
    assert store.write("large", [b"whole"]).size == 5
