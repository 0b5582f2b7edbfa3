"""`portal run`: one command starts everything, restarts what dies, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Callable

import psutil
import pytest
import requests

from tests.conftest import Portal, Tus, upload_id
from tests.waiting import free_port, wait_for


def alive(pids: list[int]) -> list[int]:
    return [pid for pid in pids if psutil.pid_exists(pid) and _runs(pid)]


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_the_first_start_tells_an_administrators_password_once_and_it_works(
    own_portal: Callable[..., Portal],
) -> None:
    portal = own_portal(PORTAL_JOB_WORKERS="0")
    email, password = re.search(r"(admin@\S+)\s+(\S+)\s+\(shown", portal.log.read_text()).groups()
    browser = requests.Session()
    page = browser.get(f"{portal.url}/login").text
    csrf = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)[1]
    form = {"email": email, "password": password, "csrf_token": csrf}
    assert browser.post(f"{portal.url}/login", data=form).url == f"{portal.url}/"
    portal.stop()
    portal.start()
    assert portal.log.read_text().count("shown only this once") == 1
    key = portal.data / "secret_key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert browser.get(f"{portal.url}/recordings").url.endswith("/recordings"), "still signed in"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_takes_less_than_ten_seconds_and_nothing_stays_behind(
    own_portal: Callable[..., Portal], number: int
) -> None:
    portal = own_portal(PORTAL_JOB_WORKERS="2")
    pids = portal.children()
    assert len(pids) >= 6
    assert portal.stop(number) < 10
    assert alive(pids) == []


def test_nothing_survives_even_a_kill_of_the_supervisor(own_portal: Callable[..., Portal]) -> None:
    portal = own_portal()
    pids = portal.children()
    portal.stop(signal.SIGKILL)
    wait_for(lambda: not alive(pids), 15, "all children end")


def test_what_dies_is_started_again_and_data_survives(own_portal: Callable[..., Portal]) -> None:
    portal = own_portal(PORTAL_WEB_PROCESSES="1", PORTAL_JOB_WORKERS="1")
    tus = Tus(portal, portal.token())
    path = tus.begin(8)
    tus.patch(path, 0, b"four")
    for name in ("valkey-server", "gunicorn", "jobs.worker", "jobs.schedule"):
        victim = wait_for(lambda name=name: portal.children(name), what=f"{name} runs")[0]
        os.kill(victim, signal.SIGKILL)
        wait_for(lambda name=name, gone=victim: set(portal.children(name)) - {gone}, what=name)
    wait_for(portal.answers)
    assert tus.offset(path) == 4
    tus.patch(path, 4, b"four")
    assert portal.recording(upload_id(path))


def start_with(**settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "portal", "run"],
        env=os.environ | settings,
        capture_output=True,
        text=True,
        timeout=30,
    )


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PORT", "eighty"),
        ("PORTAL_DURABILITY", "maybe"),
        ("PORTAL_DATABASE_URL", "mysql://x/y"),
        ("PORTAL_STORAGE_URL", "ftp://x"),
        ("PORTAL_DATA_DIR", "/proc/nowhere"),
        ("PORTAL_SECRET_KEY", "short"),
        ("PORTAL_STORAGE_URL", "file:///proc/nowhere"),
        ("PORTAL_DATABASE_URL", "sqlite:////proc/nowhere/portal.sqlite3"),
        ("PORTAL_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none"),
        ("PORTAL_REDIS_URL", "redis://127.0.0.1:1/0"),
        ("PORTAL_REDIS_URL", "redis://127.0.0.1:port/0"),
        ("PORTAL_DATABASE_URL", "postgresql://nobody@127.0.0.1:port/none"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_one_sentence_naming_it(
    tmp_path: os.PathLike[str], variable: str, value: str
) -> None:
    finished = start_with(**{"PORTAL_DATA_DIR": str(tmp_path), variable: value})
    assert finished.returncode == 1
    assert variable in finished.stderr
    assert len(finished.stderr.strip().splitlines()) == 1


def test_a_busy_port_or_folder_is_refused_with_a_sentence(portal: Portal) -> None:
    same_folder = start_with(PORTAL_DATA_DIR=str(portal.data), PORT=str(free_port()))
    assert "Another portal runs" in same_folder.stderr
    other = start_with(PORTAL_DATA_DIR=str(portal.data) + "-2", PORT=str(portal.port))
    assert f"PORT={portal.port}" in other.stderr
