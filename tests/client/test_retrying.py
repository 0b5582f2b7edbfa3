"""Trying again: what for, how often, how long after; and what is kept until then."""

from __future__ import annotations

import itertools
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from recordings_client import (
    ApiIntegrationManager,
    AuthenticationError,
    NetworkError,
    ServerError,
    UploadError,
)
from recordings_client.retrying import delay
from recordings_client.wire import refusal
from tests.client.conftest import film_of, sent, sha256
from tests.client.test_queue import uploads_of
from tests.client.unreliable import Unreliable, at_random
from tests.conftest import Portal
from tests.waiting import wait_for

Started = Callable[..., ApiIntegrationManager]


def test_the_pause_doubles_up_to_a_minute_and_is_never_quite_the_same() -> None:
    for retries, usual in enumerate((1, 2, 4, 8, 16, 32)):
        pauses = [delay(retries) for _ in range(200)]
        assert 0.8 * usual <= min(pauses) < max(pauses) <= 1.2 * usual
        assert len(set(pauses)) > 100
    assert max(delay(50) for _ in range(100)) <= 60
    assert delay(0, asked=90) == 90, "the server's wish is kept"


def fails(*first: str) -> Callable[[bytes], str]:
    """The first requests that send bytes fail so; the others pass."""
    acts = itertools.chain(first, itertools.repeat("pass"))
    return lambda line: next(acts) if line.startswith(b"PUT") else "pass"


@pytest.mark.parametrize("fault", ["500", "503", "cut", "reset", "lose", "delay"])
def test_after_each_fault_it_arrives_once(
    portal: Portal, started: Started, film: Path, fault: str
) -> None:
    with Unreliable(portal.port, fails(fault)) as proxy:
        manager = started(base_url=f"{proxy.url}/api")
        [file_id] = sent(manager, manager.upload_recording(film))
        assert proxy.done[fault] == 1
    assert portal.recording(file_id)["sha256"] == sha256(film)


def test_a_lost_answer_to_the_first_request_begins_no_second_upload(
    portal: Portal, started: Started, film: Path
) -> None:
    acts = itertools.chain(["lose"], itertools.repeat("pass"))
    begins = b"POST /api/uploads/create-session"
    with Unreliable(
        portal.port, lambda line: next(acts) if line.startswith(begins) else "pass"
    ) as proxy:
        manager = started(base_url=f"{proxy.url}/api")
        [file_id] = sent(manager, manager.upload_recording(film))
        assert proxy.done["lose"] == 1
    assert uploads_of(portal, film) == [file_id]


def test_it_fails_after_max_retries_without_progress_and_can_be_tried_again(
    portal: Portal, started: Started, film: Path
) -> None:
    with Unreliable(portal.port, fails("500", "500")) as proxy:
        manager = started(base_url=f"{proxy.url}/api", max_retries=1)
        task_id = manager.upload_recording(film)
        assert manager.upload_manager and task_id
        assert manager.upload_manager.wait([task_id], 30)
        status = manager.get_upload_status(task_id)
        assert status and (status["status"], status["retry_count"]) == ("failed", 1)
        assert manager.get_queue_status()["failed_uploads"] == 1
        assert manager.upload_manager.retry() == [task_id]
        sent(manager, task_id)
        assert proxy.done["500"] == 2


def test_what_failed_for_the_network_is_tried_again_at_the_next_start(
    portal: Portal, started: Started, film: Path, tmp_path: Path
) -> None:
    with Unreliable(portal.port, lambda line: "cut") as proxy:
        first = started(base_url=f"{proxy.url}/api", max_retries=0, state_dir=str(tmp_path / "s"))
        task_id = first.upload_recording(film)
        assert first.upload_manager and task_id and first.upload_manager.wait([task_id], 30)
        first.shutdown()
    second = started(state_dir=str(tmp_path / "s"))
    wait_for(lambda: second.get_queue_status()["completed_uploads"] == 1)


def test_what_the_portal_refused_is_not_tried_again_at_each_start(
    started: Started, tmp_path: Path
) -> None:
    text = tmp_path / "notes.mp4"
    text.write_text("This is no film. " * 500)
    first = started(state_dir=str(tmp_path / "s"))
    task_id = str(first.upload_recording(text))
    wait_for(lambda: _failed(first, task_id))
    assert first.upload_manager
    before = first.upload_manager.queue.find(task_id)
    first.shutdown()
    second = started(state_dir=str(tmp_path / "s")).upload_manager
    assert second and wait_for(lambda: second.is_sender)
    assert second.queue.find(task_id) == before


def test_progress_gives_the_tries_back(portal: Portal, started: Started, large: Path) -> None:
    """Five cuts with one try: each request brings a bit, so none is the last."""
    with Unreliable(portal.port, fails(*["cut"] * 5)) as proxy:
        manager = started(base_url=f"{proxy.url}/api", max_retries=1)
        [file_id] = sent(manager, manager.upload_recording(large))
        assert proxy.done["cut"] == 5
        assert proxy.passed < 2 * large.stat().st_size, "what had arrived is not sent again"
    assert portal.recording(file_id)["sha256"] == sha256(large)


def test_a_wrong_token_is_not_tried_again(started: Started, film: Path) -> None:
    manager = started(api_token="rp_wrong", max_retries=1000)
    task_id = manager.upload_recording(film)
    status = wait_for(lambda: _failed(manager, task_id))
    assert status["retry_count"] == 0 and "token" in status["error"].lower()


def _failed(manager: ApiIntegrationManager, task_id: str | None) -> object:
    status = manager.get_upload_status(task_id)
    return status if status and status["status"] == "failed" else None


def test_the_server_says_when_to_come_back(portal: Portal, started: Started, film: Path) -> None:
    """The proxy's 503 asks for one second; without it the first pause may be shorter."""
    with Unreliable(portal.port, fails("503")) as proxy:
        manager = started(base_url=f"{proxy.url}/api")
        task_id = manager.upload_recording(film)
        begun = wait_for(lambda: proxy.done.get("503") and time.monotonic())
        sent(manager, task_id)
        assert time.monotonic() - begun >= 0.9


def test_everything_at_random(
    portal: Portal, started: Started, media: Callable[..., Path], tmp_path: Path
) -> None:
    files = [film_of(media, tmp_path / f"random-{number}.mp4", 300_000) for number in range(10)]
    with Unreliable(portal.port, at_random(7, 0.3)) as proxy:
        manager = started(
            base_url=f"{proxy.url}/api", max_retries=20, max_concurrent_uploads=8, upload_timeout=20
        )
        ids = sent(manager, *[manager.upload_recording(each) for each in files], seconds=120)
    assert len(set(ids)) == len(files)
    for path, file_id in zip(files, ids, strict=True):
        assert portal.recording(file_id)["sha256"] == sha256(path)


def test_a_silent_server_is_given_up(started: Started, film: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/api"
        manager = started(base_url=url, upload_timeout=1, max_retries=0)
        task_id = manager.upload_recording(film)
        status = wait_for(lambda: _failed(manager, task_id))
        assert "in time" in status["error"]


def test_a_date_to_come_back_at_is_of_the_servers_clock() -> None:
    """Ours may be hours off."""
    answer = Answer(503, retry_after="Wed, 21 Oct 2015 07:28:30 GMT")
    answer.headers["Date"] = "Wed, 21 Oct 2015 07:28:00 GMT"
    assert refusal(answer).retry_after == 30  # type: ignore[arg-type]


class Answer:
    """As much of an answer as our errors are made from."""

    def __init__(self, status: int, code: str = "a", retry_after: str = "") -> None:
        self.status_code, self.code = status, code
        self.headers = {"Retry-After": retry_after} if retry_after else {}
        self.url = "https://portal.example/api/uploads?signature=secret"

    def json(self) -> object:
        return {"error": {"code": self.code, "message": "No."}}


def test_each_status_is_the_error_that_the_contract_names() -> None:
    def error(status: int, **more: str) -> object:
        return refusal(Answer(status, **more))  # type: ignore[arg-type]

    for status in (500, 502, 503, 504):
        assert isinstance(error(status), ServerError) and refusal(Answer(status)).retriable  # type: ignore[arg-type]
    assert not refusal(Answer(501)).retriable  # type: ignore[arg-type]
    for status in (401, 403):
        assert isinstance(error(status), AuthenticationError)
    assert isinstance(error(408), NetworkError)
    for code in ("offset_mismatch", "taken_over", "incomplete"):
        asked = refusal(Answer(409, code))  # type: ignore[arg-type]
        assert isinstance(asked, UploadError) and asked.retriable, "its status says what is next"
    assert not refusal(Answer(409, "conflict")).retriable  # type: ignore[arg-type]
    busy = refusal(Answer(429, retry_after="7"))  # type: ignore[arg-type]
    assert busy.retriable and busy.retry_after == 7
    dated = refusal(Answer(503, retry_after="Wed, 21 Oct 2037 07:28:00 GMT"))  # type: ignore[arg-type]
    assert dated.retry_after == 3600, "never longer than an hour"
    assert refusal(Answer(503, retry_after="soon")).retry_after is None  # type: ignore[arg-type]
