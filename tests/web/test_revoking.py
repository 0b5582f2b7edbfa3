"""What is revoked ends: the next request at once, what runs within ten seconds."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
import requests
from sqlalchemy import select

from portal.core import accounts, tokens
from portal.core.audit import SYSTEM
from portal.core.models import LoginSession, User
from portal.core.transaction import writing
from portal.db import db
from tests.conftest import PASSWORD, Portal, Tus, upload_id
from tests.waiting import wait_for
from tests.web.browsing import Person, csrf, sign_in

SECONDS = 10.0
MIB = 1024 * 1024
LENGTH = 48 * MIB


class Listener(threading.Thread):
    """Takes an answer slowly, as somebody does who listens while it arrives."""

    def __init__(self, portal: Portal, path: str, **headers: str) -> None:
        super().__init__(daemon=True)
        self.connection = socket.socket()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        self.connection.connect(("127.0.0.1", portal.port))
        lines = [f"GET {path} HTTP/1.1", "Host: localhost"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self.received, self.ended_at = 0, 0.0
        self.leaving = threading.Event()
        self.start()

    def run(self) -> None:
        while not self.leaving.wait(0.05):
            try:
                block = self.connection.recv(32 * 1024)
            except ConnectionError:
                block = b""
            if not block:
                self.ended_at = time.monotonic()
                return
            self.received += len(block)

    def leave(self) -> None:
        self.leaving.set()
        self.join()
        self.connection.close()


@pytest.fixture(scope="module")
def long(portal: Portal, token: str) -> str:
    """A recording of 48 MiB: four minutes of silence."""
    head = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", 36 + LENGTH, b"WAVE", b"fmt ", 16, 1, 2, 48000,
                       192000, 4, 16)  # fmt: skip
    content = head + struct.pack("<4sI", b"data", LENGTH) + bytes(LENGTH)
    tus = Tus(portal, token)
    path = tus.begin(len(content))
    assert tus.patch(path, 0, content).status_code == 204
    portal.recording(upload_id(path), 60)
    return upload_id(path)


def listen(person: Person, recording_id: str) -> Listener:
    cookie = "; ".join(f"{each.name}={each.value}" for each in person.session.cookies)
    return Listener(person.portal, person.media_path(recording_id), Cookie=cookie)


def revoke(portal: Portal, token: str) -> None:
    with portal.app.app_context():
        tokens.revoke(db.session, SYSTEM, token.split("_")[1])


def change(portal: Portal, act: Callable[..., object], email: str, *more: object) -> None:
    with portal.app.app_context():
        act(db.session, SYSTEM, email, *more)


def test_acceptance_21_a_running_stream_stops_within_ten_seconds(portal: Portal, long: str) -> None:
    auditors = [Person(portal, "auditor") for _ in range(5)]
    token = portal.token("officer", "read")
    streams = [listen(each, long) for each in auditors]
    content = f"/api/recordings/{long}/content"
    streams.append(Listener(portal, content, Authorization=f"Bearer {token}"))
    wait_for(lambda: all(each.received > MIB for each in streams))
    signed_out, disabled, unscoped, moved, untouched = auditors
    signed_out.post("/logout")
    change(portal, accounts.disable, disabled.email)
    change(portal, accounts.set_scope, unscoped.email, ["source:calls"])
    change(portal, accounts.set_role, moved.email, "admin")
    revoke(portal, token)
    begun = time.monotonic()
    revoked = [*streams[:4], streams[5]]
    wait_for(lambda: all(each.ended_at for each in revoked), SECONDS, "the streams end")
    assert all(each.ended_at - begun < SECONDS for each in revoked)
    assert all(each.received < LENGTH for each in revoked), "the client sees that bytes are missing"
    control = streams[4]
    before = control.received
    wait_for(lambda: control.received > before)
    assert untouched.get("/recordings").url.endswith("/recordings")
    for each in streams:
        each.leave()


def test_acceptance_21_a_revoked_token_is_refused_at_once(portal: Portal, long: str) -> None:
    token = portal.token("officer", "read")
    headers = {"Authorization": f"Bearer {token}"}
    address = f"{portal.url}/api/recordings/{long}"
    assert requests.get(address, headers=headers).ok
    revoke(portal, token)
    assert requests.get(address, headers=headers).status_code == 401


def test_acceptance_21_what_a_revoked_token_sends_is_cut_off_and_kept(portal: Portal) -> None:
    token = portal.token()
    tus = Tus(portal, token)
    path = tus.begin(MIB)
    with tus.raw(path, 0, MIB) as connection:
        connection.sendall(b"x" * 1000)
        connection.settimeout(0.5)
        query = "SELECT * FROM upload WHERE id = ?"
        wait_for(lambda: portal.rows(query, upload_id(path))[0]["writing"])
        revoke(portal, token)
        wait_for(lambda: is_closed(connection), SECONDS, "the request ends")
    wait_for(lambda: portal.rows(query, upload_id(path))[0]["offset"] >= 1000)


def is_closed(connection: socket.socket) -> bool:
    """Tries to go on sending, as a client does, and hears what the server has to say."""
    try:
        connection.sendall(b"x")
        return connection.recv(1000) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def copied(person: Person) -> requests.Session:
    """Another program with the same cookie."""
    thief = requests.Session()
    thief.cookies.update(person.session.cookies)
    return thief


def test_signing_out_ends_a_copied_cookie_too(portal: Portal) -> None:
    person = Person(portal, "auditor")
    thief = copied(person)
    assert thief.get(f"{portal.url}/recordings").url.endswith("/recordings")
    person.post("/logout")
    assert "/login" in thief.get(f"{portal.url}/recordings").url


def test_signing_in_makes_a_new_session(portal: Portal) -> None:
    """Whoever knows the cookie from before the sign-in knows nothing afterwards."""
    session, email = requests.Session(), portal.person("auditor")
    page = session.get(f"{portal.url}/login")
    planted = requests.Session()
    planted.cookies.update(session.cookies)
    form = {"email": email, "password": PASSWORD, "csrf_token": csrf(page.text)}
    assert session.post(f"{portal.url}/login", data=form).url == f"{portal.url}/"
    assert "/login" in planted.get(f"{portal.url}/recordings").url


def test_a_new_password_and_a_new_role_end_every_session(portal: Portal) -> None:
    one, other = Person(portal, "auditor"), Person(portal, "auditor")
    with portal.app.app_context():
        accounts.set_password(db.session, one.email, "another long password")
    change(portal, accounts.set_role, other.email, "reviewer")
    for person in (one, other):
        assert "/login" in person.get("/recordings").url


def test_a_disabled_account_is_out_at_its_next_request(portal: Portal) -> None:
    person = Person(portal, "auditor")
    change(portal, accounts.disable, person.email)
    assert "/login" in person.get("/recordings").url
    assert sign_in(requests.Session(), portal, person.email, PASSWORD).status_code == 401


@pytest.mark.parametrize(
    ("which", "hours"), [("seen_at", 3), ("expires_at", 13)], ids=["unused", "old"]
)
def test_a_session_ends_by_itself(portal: Portal, which: str, hours: int) -> None:
    """After two hours without a request, and after twelve in any case."""
    person = Person(portal, "auditor")
    with portal.app.app_context(), writing(db.session):
        mine = select(LoginSession).join(User, User.id == LoginSession.user_id)
        row = db.session.scalars(mine.where(User.email == person.email)).one()
        setattr(row, which, getattr(row, which) - timedelta(hours=hours))
    assert "/login" in person.get("/recordings").url
