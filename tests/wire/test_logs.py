"""The log of a real portal: whose request each line is of, in both forms, and no secret in any."""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from portal.logs import blotted
from tests.conftest import PASSWORD, Portal, Tus, upload_id
from tests.waiting import wait_for
from tests.web.browsing import Person, csrf, sign_in
from tests.wire.chunking import Client

METRICS_TOKEN = secrets.token_urlsafe(32)
NUMBER = re.compile("[0-9a-f]{32}")


@pytest.fixture(scope="module", params=["json", "plain"])
def logged(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[Portal]:
    settings = {"PORTAL_LOG_FORMAT": request.param, "PORTAL_METRICS_TOKEN": METRICS_TOKEN}
    started = Portal(tmp_path_factory.mktemp("logged"), PORTAL_JOB_WORKERS="1", **settings)
    yield started.start()
    started.drop()


@pytest.fixture(scope="module")
def in_json(tmp_path_factory: Any) -> Iterator[Portal]:
    started = Portal(
        tmp_path_factory.mktemp("json"), PORTAL_LOG_FORMAT="json", PORTAL_JOB_WORKERS="1"
    )
    yield started.start()
    started.drop()


def lines(portal: Portal) -> list[dict[str, Any]]:
    """What the programs logged; `portal run` tells people where it runs in lines of its own."""
    return [json.loads(line) for line in portal.log.read_text().splitlines() if line[:1] == "{"]


def find(portal: Portal, **facts: Any) -> dict[str, Any]:
    """The first line with these facts, once there is one."""

    def found() -> dict[str, Any] | None:
        fits = (line for line in lines(portal) if facts.items() <= line.items())
        return next(fits, None)

    return wait_for(found, what=str(facts))


def broken(portal: Portal, text: str) -> None:
    """Something that is no request."""
    with socket.create_connection(("127.0.0.1", portal.port), timeout=10) as connection:
        connection.sendall(text.encode())
        connection.recv(1000)


def test_a_request_is_one_line_and_its_jobs_line_names_it(in_json: Portal, media: Callable) -> None:
    tus = Tus(in_json, in_json.token())
    content = media("call-support-4711.aac").read_bytes()
    path = tus.begin(len(content))
    answer = tus.patch(path, 0, content)
    number = answer.headers["X-Request-ID"]
    line = find(in_json, request_id=number, logger="gunicorn.access")
    assert (line["program"], line["method"], line["status"]) == ("web", "PATCH", 204)
    assert (line["path"], line["ip"]) == (path, "127.0.0.1")
    of_job = find(in_json, request_id=number, program="worker")
    assert upload_id(path) in of_job["message"]
    assert upload_id(path) in of_job["job"]


def test_the_number_is_ours_whatever_a_client_sends(in_json: Portal) -> None:
    theirs = "0" * 32
    answer = Tus(in_json, "").session.get(
        f"{in_json.url}/login", headers={"X-Request-ID": theirs, "Authorization": ""}
    )
    assert NUMBER.fullmatch(answer.headers["X-Request-ID"])
    assert answer.headers["X-Request-ID"] != theirs
    assert not [line for line in lines(in_json) if line.get("request_id") == theirs]


def test_requests_on_one_connection_have_numbers_of_their_own(in_json: Portal) -> None:
    session = Tus(in_json, "").session
    numbers = [session.get(f"{in_json.url}/health").headers["X-Request-ID"] for _ in range(3)]
    assert len(set(numbers)) == 3
    broken(in_json, "NONSENSE\r\n\r\n")
    complaint = wait_for(
        lambda: [line for line in lines(in_json) if "Invalid request" in line["message"]]
    )[0]
    assert "request_id" not in complaint
    assert complaint["level"] == "warning"


def test_what_the_web_server_refuses_by_itself_is_a_line_too(in_json: Portal) -> None:
    packed = "Host: x\r\nTransfer-Encoding: gzip, chunked"
    broken(in_json, f"POST /login?password=secret HTTP/1.1\r\n{packed}\r\n\r\n")
    line = find(in_json, status=501)
    assert (line["method"], line["path"]) == ("POST", "/login")


def test_an_error_page_says_the_number_of_its_lines(in_json: Portal) -> None:
    person = Person(in_json, "admin")
    page = person.get("/recordings/none")
    assert page.status_code == 404
    assert f"<code>{page.headers['X-Request-ID']}</code>" in page.text
    assert find(in_json, request_id=page.headers["X-Request-ID"])["status"] == 404


def test_all_programs_write_json(in_json: Portal) -> None:
    for pid in in_json.children("jobs.schedule"):
        os.kill(pid, signal.SIGKILL)
    line = find(in_json, program="supervisor")
    assert "jobs.schedule ended" in line["message"]
    odd = [line for line in in_json.log.read_text().splitlines() if line[:1] not in "{ T F"]
    assert not odd


def test_a_line_cannot_be_made_up(logged: Portal) -> None:
    made_up = "2030-01-01T00:00:00.000Z ERROR web portal made up"
    Tus(logged, "").session.get(f"{logged.url}/x%0A{made_up}%1B[2J")
    wait_for(lambda: "made up" in logged.log.read_text())
    assert not [line for line in logged.log.read_text().splitlines() if line.startswith("2030")]
    assert "\x1b" not in logged.log.read_text()


class Secrets:
    """Everything that lets somebody in, as a run has used it."""

    def __init__(self, portal: Portal) -> None:
        self.portal, self.used = portal, [METRICS_TOKEN]
        self.token = self.add(portal.token("uploader", "upload", "read"))
        self.person = Person(portal, "source_owner")
        self.add(PASSWORD)
        self.note_cookies()

    def add(self, secret: str) -> str:
        self.used.append(secret)
        return secret

    def note_cookies(self) -> None:
        self.used += [each.value for each in self.person.session.cookies if each.value]


def uploads(run: Secrets, media: Path) -> str:
    tus, content = Tus(run.portal, run.token), media.read_bytes()
    path = tus.begin(len(content))
    assert tus.patch(path, 0, content).status_code == 204
    Client(run.portal, run.add("rp_4711_" + secrets.token_urlsafe(32))).init(b"x")
    Tus(run.portal, run.add(run.person.post("/uploads/pass").json()["pass"])).begin(3)
    return str(run.portal.recording(upload_id(path))["id"])


def plays(run: Secrets, recording_id: str) -> None:
    address = run.person.media_path(recording_id)
    run.add(address.partition("play=")[2])
    assert run.person.get(address).status_code == 200
    run.person.get(f"{address}x&X-Amz-Signature={run.add(secrets.token_hex(32))}&sig=no")
    reader = Tus(run.portal, run.token).session
    assert reader.get(f"{run.portal.url}/api/recordings/{recording_id}/content").ok


def signs_in(run: Secrets) -> None:
    wrong = run.add("wrong " + secrets.token_hex(8))
    sign_in(Tus(run.portal, "").session, run.portal, run.person.email, wrong)
    reset = f"/login?next=/&password={run.add(secrets.token_hex(8))}"
    run.person.get(reset)
    new = run.add("new one " + secrets.token_hex(8))
    run.add(csrf(run.person.get("/account").text))
    assert run.person.post("/account/password", old=PASSWORD, new=new, again=new).ok
    run.note_cookies()
    assert run.person.sign_in(new).ok
    run.note_cookies()


def goes_wrong(run: Secrets) -> None:
    hidden = run.add(secrets.token_hex(16))
    for text in (
        f"password={hidden}\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: x\r\nAuthorization Bearer {hidden}\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: x\r\nCookie : portal_session={hidden}\r\n\r\n",
        f"GET /?token={hidden} HTTP/7\r\n\r\n",
        f"GET /rp_12_{hidden} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    ):
        broken(run.portal, text)
    bearer = {"Authorization": f"Bearer {METRICS_TOKEN}"}
    assert Tus(run.portal, "").session.get(f"{run.portal.url}/metrics", headers=bearer).ok


def test_no_secret_comes_into_the_log(logged: Portal, media: Callable[[str], Path]) -> None:
    run = Secrets(logged)
    plays(run, uploads(run, media("call-support-4711.aac")))
    signs_in(run)
    goes_wrong(run)
    wait_for(lambda: "/metrics" in logged.log.read_text())
    text = logged.log.read_text()
    assert text.count("/recordings/") > 2  # what is looked through is there
    assert len(run.used) > 10
    assert [secret for secret in run.used if secret in text] == []


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("no answer: https://a:b@host/x?sig=abc&se=1 (3)", "no answer: https://…@host/x?… (3)"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer …"),
        ("rp_0192-af_Secret-9 was tried", "rp_0192-af_… was tried"),
        ("What now? Nothing = nothing.", "What now? Nothing = nothing."),
    ],
)
def test_what_another_program_says_is_blotted(text: str, left: str) -> None:
    assert blotted(text) == left
