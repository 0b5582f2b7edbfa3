"""When bytes leave, and how fast."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from recordings_client import ApiIntegrationManager, ClientSettings
from recordings_client.hours import seconds_until_open
from recordings_client.pace import Pace
from tests.client.conftest import film_of, sent
from tests.waiting import wait_for

Started = Callable[..., ApiIntegrationManager]
KIB = 1024
MIB_A_SECOND = [{"kib_per_second": KIB}]


def test_all_files_together_stay_below_the_limit(
    started: Started, media: Callable[..., Path], tmp_path: Path
) -> None:
    manager = started(bandwidth_limits=[{"kib_per_second": 800}], max_concurrent_uploads=4)
    files = [film_of(media, tmp_path / f"{number}.mp4", 500 * KIB) for number in range(4)]
    begun = time.monotonic()
    sent(manager, *[manager.upload_recording(each) for each in files])
    assert time.monotonic() - begun > 0.9 * sum(each.stat().st_size for each in files) / 800 / KIB


def test_a_limit_is_kept_and_used() -> None:
    """By threads that have nothing else to do, for two seconds."""
    pace = Pace(
        ClientSettings.load({"api": {"bandwidth_limits": MIB_A_SECOND}}, {}).bandwidth_limits
    )
    begun, sizes = time.monotonic(), list[int]()

    def send() -> None:
        while time.monotonic() - begun < 2:
            pace.wait(size := pace.piece(10**6))
            sizes.append(size)

    threads = [threading.Thread(target=send) for _ in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    rate = sum(sizes) / (time.monotonic() - begun)
    assert 0.8 < rate / (KIB * KIB) < 1.2


def test_outside_of_its_hours_a_limit_is_none() -> None:
    day = {"from": "08:00", "to": "18:00", "kib_per_second": 1}
    said = {"bandwidth_limits": [day, {"days": "sun", "kib_per_second": 9}]}
    limits = ClientSettings.load({"api": said}, {}).bandwidth_limits
    moment = datetime(2026, 11, 23, 12)

    def allowed(now: datetime) -> int | None:
        return Pace(limits, now=lambda: now).allowed()

    assert allowed(moment) == KIB
    assert allowed(moment + timedelta(hours=7)) is None
    assert allowed(moment - timedelta(hours=17)) == 9 * KIB, "Sunday, 19:00"
    assert Pace(limits, now=lambda: moment).piece(10**6) == KIB // 8
    assert Pace().piece(10**6) == 10**6


def window(begin: timedelta, end: timedelta) -> list[dict[str, str]]:
    now = datetime.now()
    return [{"from": f"{now + begin:%H:%M}", "to": f"{now + end:%H:%M}"}]


def test_outside_of_its_windows_nothing_is_sent(started: Started, film: Path) -> None:
    closed = started(upload_windows=window(timedelta(hours=2), timedelta(hours=3)))
    task_id = closed.upload_recording(film)
    assert closed.upload_manager
    wait_for(lambda: closed.upload_manager and closed.upload_manager.is_sender)
    assert not closed.upload_manager.wait([str(task_id)], 1.5)
    assert closed.get_queue_status()["queue_size"] == 1
    opened = started(upload_windows=window(timedelta(hours=-2), timedelta(hours=3)))
    sent(opened, opened.upload_recording(film))


@pytest.mark.parametrize(
    ("moment", "seconds"),
    [
        ("2026-11-23 18:59:00", 60),
        ("2026-11-23 19:00:00", 0),
        ("2026-11-28 07:00:00", 2.5 * 86_400),
    ],
)
def test_the_next_window_is_waited_for(moment: str, seconds: float) -> None:
    said = '[{"from": "19:00", "to": "07:00", "days": "mon-fri"}]'
    windows = ClientSettings.load({"api": {"upload_windows": said}}, {}).upload_windows
    assert seconds_until_open(windows, datetime.fromisoformat(moment)) == seconds
    assert seconds_until_open((), datetime.fromisoformat(moment)) == 0


def test_an_upload_stops_when_the_hours_are_over_and_goes_on_later(
    started: Started, large: Path
) -> None:
    manager = started(bandwidth_limits=[{"kib_per_second": 4 * KIB}])
    assert manager.upload_manager
    task_id = str(manager.upload_recording(large))
    wait_for(lambda: (manager.get_upload_status(task_id) or {}).get("sent_bytes", 0) > 1_000_000)
    windows = ClientSettings.load(
        {"api": {"upload_windows": window(timedelta(hours=2), timedelta(hours=3))}}, {}
    ).upload_windows
    object.__setattr__(manager.settings, "upload_windows", windows)
    wait_for(lambda: manager.get_queue_status()["active_uploads"] == 0)
    status = manager.get_upload_status(task_id)
    assert status and (status["status"], status["retry_count"]) == ("pending", 0)
    object.__setattr__(manager.settings, "upload_windows", ())
    sent(manager, task_id)
