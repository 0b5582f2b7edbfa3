"""Bytes on their way in: cuts, stalls, rivals, restarts, full disks, and memory."""

from __future__ import annotations

import hashlib
import os
import secrets
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
import requests

from portal.core import disks
from portal.core.transaction import utc_now
from portal.db import db
from portal.storage import stores
from tests.conftest import Portal, Tus, upload_id
from tests.waiting import wait_for

MIB = 1024 * 1024


def test_a_cut_request_keeps_every_byte_that_arrived(portal: Portal, tus: Tus) -> None:
    content = secrets.token_bytes(5 * MIB)
    path = tus.begin(len(content))
    with tus.raw(path, 0, len(content)) as connection:
        connection.sendall(content[: 3 * MIB + 17])
    wait_for(lambda: tus.offset(path) == 3 * MIB + 17)
    tus.patch(path, 3 * MIB + 17, content[3 * MIB + 17 :])
    assert portal.recording(upload_id(path))["sha256"] == hashlib.sha256(content).hexdigest()


def test_a_cut_request_in_chunks_keeps_them_too(portal: Portal, tus: Tus) -> None:
    path = tus.begin(1000_000)
    with tus.raw(path, 0, 0, "Transfer-Encoding: chunked") as connection:
        connection.sendall(b"186A0\r\n" + b"x" * 10_000)
    wait_for(lambda: tus.offset(path) == 10_000)


def test_twenty_cuts_in_a_row_lose_nothing(portal: Portal, tus: Tus) -> None:
    content = secrets.token_bytes(4 * MIB)
    path, offset = tus.begin(len(content)), 0
    for _ in range(20):
        stop = offset + secrets.randbelow(MIB // 8) + 1
        with tus.raw(path, offset, len(content) - offset) as connection:
            connection.sendall(content[offset:stop])
        wait_for(lambda stop=stop: tus.offset(path) == stop)
        offset = stop
    tus.patch(path, offset, content[offset:])
    assert portal.recording(upload_id(path))["sha256"] == hashlib.sha256(content).hexdigest()


def test_a_cut_request_with_a_checksum_keeps_nothing(tus: Tus) -> None:
    path = tus.begin(1000)
    connection = tus.raw(path, 0, 0)
    connection.close()
    header = {"Upload-Checksum": "sha1 AAAAAAAAAAAAAAAAAAAAAAAAAAA=", "Content-Length": "1000"}
    with pytest.raises(requests.ConnectionError):
        tus.session.patch(
            tus.portal.url + path,
            data=_cut_after(b"x" * 500),
            headers=header
            | {"Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"},
        )
    assert tus.offset(path) == 0


def _cut_after(content: bytes) -> Iterator[bytes]:
    yield content
    raise requests.ConnectionError("cut on purpose")


def test_a_new_connection_takes_over_from_a_stalled_one_at_once(portal: Portal, tus: Tus) -> None:
    content = secrets.token_bytes(2 * MIB)
    path = tus.begin(len(content))
    with tus.raw(path, 0, len(content)) as stalled:
        stalled.sendall(content[:MIB])
        wait_for(lambda: portal.stored_files(f"parts/{upload_id(path)}"), what="it has its turn")
        begun = time.monotonic()
        assert tus.offset(path) == 0
        assert tus.patch(path, 0, content).status_code == 204
        assert time.monotonic() - begun < 5
        # The zombie wakes up and brings other bytes: nothing of them counts.
        stalled.sendall(b"z" * MIB)
        assert stalled.recv(100).split()[1] == b"409"
    assert portal.recording(upload_id(path))["sha256"] == hashlib.sha256(content).hexdigest()


def test_rivals_on_one_upload_never_make_a_mixture(portal: Portal, token: str) -> None:
    content = secrets.token_bytes(8 * MIB)
    first = Tus(portal, token)
    path = first.begin(len(content))

    def send_all(number: int) -> None:
        rival = Tus(portal, token)
        for _ in range(50):
            offset = rival.offset(path)
            if offset == len(content):
                return
            rival.patch(path, offset, content[offset : offset + MIB + number * 1000])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(send_all, range(4)))
    assert portal.recording(upload_id(path))["sha256"] == hashlib.sha256(content).hexdigest()


def test_thirty_uploads_at_once_all_arrive_whole(portal: Portal, token: str) -> None:
    def send(number: int) -> tuple[str, str]:
        tus = Tus(portal, token)
        content = secrets.token_bytes(200_000 + number)
        path = tus.begin(len(content))
        for at in range(0, len(content), 50_000):
            assert tus.patch(path, at, content[at : at + 50_000]).status_code == 204
        return upload_id(path), hashlib.sha256(content).hexdigest()

    with ThreadPoolExecutor(30) as pool:
        sent = list(pool.map(send, range(30)))
    for each, digest in sent:
        assert portal.recording(each)["sha256"] == digest


def test_a_stop_in_the_middle_keeps_what_arrived(own_portal: Callable[..., Portal]) -> None:
    portal = own_portal(PORTAL_JOB_WORKERS="0")
    tus = Tus(portal, portal.token())
    path = tus.begin(MIB)
    with tus.raw(path, 0, MIB) as connection:
        connection.sendall(b"x" * 12345)
        temporary = wait_for(lambda: portal.stored_files(f"parts/{upload_id(path)}"))[0]
        wait_for(lambda: temporary.stat().st_size == 12345)
        assert portal.stop() < 10
    assert portal.children() == []
    portal.start()
    assert tus.offset(path) == 12345


def memory(portal: Portal) -> int:
    """Bytes of memory that all the portal's processes hold for themselves."""
    return sum(_memory_of(pid) for pid in portal.children())


def _memory_of(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_full_info().uss)
    except psutil.Error:  # a job that has just ended
        return 0


def test_two_gibibytes_in_one_request_need_no_memory(own_portal: Callable[..., Portal]) -> None:
    portal = own_portal()  # in the one that all share, jobs of earlier tests still begin and end
    tus = Tus(portal, portal.token())
    length = 2 * 1024 * MIB
    path = tus.begin(length)
    before, peak = memory(portal), 0
    block = bytes(MIB)
    with tus.raw(path, 0, length) as connection:
        for sent in range(length // MIB):
            connection.sendall(block)
            if sent % 128 == 0:
                peak = max(peak, memory(portal))
        assert connection.recv(1000).split()[1] == b"204"
    assert max(peak, memory(portal)) - before < 64 * MIB
    assert portal.recording(upload_id(path), seconds=60)["size"] == length


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)], capture_output=True
    )
    if mounted.returncode:
        refuse = pytest.fail if os.environ.get("CI") else pytest.skip
        refuse("A small file system can only be mounted as root.")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_is_507_and_loses_nothing(
    own_portal: Callable[..., Portal], small_disk: Path
) -> None:
    places = {
        "PORTAL_STORAGE_URL": f"file://{small_disk}/store",
        "PORTAL_STAGING_URL": f"file://{small_disk}/staging",
    }
    portal = own_portal(**places, PORTAL_JOB_WORKERS="1")
    tus = Tus(portal, portal.token())
    content = secrets.token_bytes(10 * MIB)
    path = tus.begin(len(content))
    assert tus.patch(path, 0, content[: 4 * MIB]).status_code == 204
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(18 * MIB))
    answer = tus.patch(path, 4 * MIB, content[4 * MIB :])
    assert answer.status_code == 507
    assert "full" in answer.text
    assert tus.offset(path) == 4 * MIB
    assert not [each for each in small_disk.rglob("*.tmp")]
    ballast.unlink()
    assert tus.patch(path, 4 * MIB, content[4 * MIB :]).status_code == 204
    recording = portal.recording(upload_id(path))
    assert recording["sha256"] == hashlib.sha256(content).hexdigest()


def test_a_full_disk_takes_nothing_new_deletes_nothing_and_is_told_of(
    own_portal: Callable[..., Portal], small_disk: Path
) -> None:
    portal = own_portal(PORTAL_STAGING_URL=f"file://{small_disk}/staging")
    tus = Tus(portal, portal.token())
    kept = tus.begin(MIB)
    assert tus.patch(kept, 0, secrets.token_bytes(MIB)).status_code == 204
    key = portal.recording(upload_id(kept))["key"]
    open_one = tus.begin(2 * MIB)
    assert tus.patch(open_one, 0, bytes(MIB)).status_code == 204
    (small_disk / "ballast").write_bytes(bytes(22 * MIB))
    full_at = utc_now()
    assert tus.create(MIB).status_code == 507
    told = "SELECT details FROM audit_event WHERE action = 'storage.disk_level'"
    with portal.app.app_context():
        crossed = disks.watch(db.session, stores)
        assert disks.watch(db.session, stores) == 0, "told once"
    assert crossed and '"after": "full"' in str(portal.rows(told))
    looked = "SELECT 1 FROM job WHERE id = 'reconcile_uploads' AND started_at > ?"
    wait_for(lambda: portal.rows(looked, f"{full_at:%Y-%m-%d %H:%M:%S.%f}"))
    assert (portal.data / "store" / key).exists() and tus.offset(open_one) == MIB
    gone = "SELECT 1 FROM audit_event WHERE action LIKE 'deletion.%' OR action = 'upload.expired'"
    assert portal.rows(gone) == []


def test_a_database_on_a_full_disk_is_507_and_the_upload_goes_on_later(
    own_portal: Callable[..., Portal], small_disk: Path
) -> None:
    portal = own_portal(
        PORTAL_DATABASE_URL=f"sqlite:///{small_disk}/portal.sqlite3", PORTAL_JOB_WORKERS="0"
    )
    tus = Tus(portal, portal.token())
    path = tus.begin(2000)
    ballast = small_disk / "ballast"
    with ballast.open("wb", buffering=0) as file, pytest.raises(OSError):
        while True:
            file.write(bytes(4096))
    statuses = {tus.create(1).status_code for _ in range(50)}
    assert 507 in statuses and statuses <= {201, 507}
    ballast.unlink()
    assert tus.patch(path, 0, b"x" * 1000).status_code == 204
    assert tus.offset(path) == 1000


def test_the_process_that_is_killed_in_the_middle_loses_no_acknowledged_byte(
    portal: Portal, tus: Tus
) -> None:
    path = tus.begin(3 * MIB)
    assert tus.patch(path, 0, b"a" * MIB).status_code == 204
    with tus.raw(path, MIB, 2 * MIB) as connection:
        connection.sendall(b"b" * MIB)
        writes = "SELECT id FROM upload WHERE id = ? AND writing IS NOT NULL"
        wait_for(lambda: portal.rows(writes, upload_id(path)), what="the request has begun")
        killed = [psutil.Process(pid) for pid in portal.children("gunicorn")[1:]]
        for process in killed:
            process.kill()
        assert not psutil.wait_procs(killed, timeout=10)[1]
    wait_for(portal.answers)
    assert tus.offset(path) == MIB
