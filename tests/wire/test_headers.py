"""Headers that ask for something special: proxies' words, transfer codings, `Expect`."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from tests.conftest import PASSWORD, Portal, Tus
from tests.web.browsing import csrf

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
EXPECT = "Expect: 100-continue"


def send(portal: Portal, text: str) -> bytes:
    """The whole answer to a request that is written out, its connection being closed after it."""
    with socket.create_connection(("127.0.0.1", portal.port), timeout=10) as connection:
        connection.sendall(text.encode())
        return rest_of(connection)


def rest_of(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65536), b""))


def status(answer: bytes) -> int:
    return int(answer.split()[1])


@pytest.mark.parametrize("path", ["/login", "/language", "/nowhere", "/api/v1/videos/tus"])
@pytest.mark.parametrize("chunks", ["zz\r\nnonsense", "5\r\nabcdefgh\r\n0\r\n\r\n", "1;\x01\r\n"])
def test_chunks_that_are_none_are_the_clients_fault(portal: Portal, path: str, chunks: str) -> None:
    kind = "Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked"
    logged = portal.log.stat().st_size
    answer = send(portal, f"POST {path} HTTP/1.1\r\nHost: x\r\n{kind}\r\n\r\n{chunks}")
    assert 400 <= status(answer) < 500
    assert b"\r\nConnection: close\r\n" in answer
    assert b"Traceback" not in portal.log.read_bytes()[logged:]


@pytest.mark.parametrize("coding", ["gzip, chunked", "gzip\r\nTransfer-Encoding: chunked"])
def test_a_transfer_coding_that_nobody_undoes_is_refused(tus: Tus, coding: str) -> None:
    path = tus.begin(10)
    with tus.raw(path, 0, 0, f"Transfer-Encoding: {coding}") as connection:
        connection.sendall(b"2\r\n\x1f\x8b\r\n0\r\n\r\n")
        assert status(rest_of(connection)) == 501
    assert tus.offset(path) == 0


def sign_in_through(portal: Portal, **headers: str) -> int:
    """The status that somebody gets who signs in without saying where they come from."""
    browser = requests.Session()
    browser.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    token = csrf(browser.get(f"{portal.url}/login").text)
    form = {"email": portal.person("auditor"), "password": PASSWORD, "csrf_token": token}
    return browser.post(f"{portal.url}/login", data=form, allow_redirects=False).status_code


def test_without_a_proxy_nobody_is_believed_to_be_one(portal: Portal) -> None:
    script = {"SCRIPT_NAME": "/elsewhere", "PATH_INFO": "/login", "REMOTE_USER": "admin"}
    assert requests.get(f"{portal.url}/health", headers=script).status_code == 200
    torn = {"X-Forwarded-Proto": "https", "X-Forwarded-Ssl": "off"}
    assert requests.get(f"{portal.url}/health", headers=torn).status_code == 200
    # Over https a form has to say where it comes from: http it is, whatever the header claims.
    assert sign_in_through(portal, X_Forwarded_Proto="https") == 302


def test_behind_one_its_three_headers_count_and_no_others(
    own_portal: Callable[..., Portal],
) -> None:
    portal = own_portal(PORTAL_PROXY_HOPS="1", PORTAL_JOB_WORKERS="0")
    assert requests.get(f"{portal.url}/health", headers={"SCRIPT_NAME": "/x"}).status_code == 200
    assert sign_in_through(portal, X_Forwarded_Proto="http", X_Forwarded_For="192.0.2.7") == 302
    query = "SELECT ip FROM audit_event WHERE action = 'auth.login'"
    assert portal.rows(query) == [{"ip": "192.0.2.7"}]
    assert sign_in_through(portal, X_Forwarded_Proto="https") == 400
    assert sign_in_through(portal, X_Forwarded_Ssl="on") == 302


def test_a_client_that_waits_is_asked_for_its_body_and_then_served(tus: Tus) -> None:
    path = tus.begin(1000)
    for framing, body in (
        ("Content-Length: 600", b"x" * 600),
        ("Transfer-Encoding: chunked", b"190\r\n" + b"y" * 400 + b"\r\n0\r\n\r\n"),
    ):
        with tus.raw(path, tus.offset(path), 0, f"{framing}\r\n{EXPECT}") as connection:
            assert connection.recv(len(CONTINUE), socket.MSG_WAITALL) == CONTINUE
            connection.sendall(body)
            assert status(connection.recv(4096)) == 204
    assert tus.offset(path) == 1000


def test_so_is_one_whose_body_is_a_form(portal: Portal) -> None:
    with socket.create_connection(("127.0.0.1", portal.port), timeout=10) as connection:
        kind = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 3"
        connection.sendall(
            f"POST /login HTTP/1.1\r\nHost: x\r\n{kind}\r\n{EXPECT}\r\n\r\n".encode()
        )
        assert connection.recv(len(CONTINUE), socket.MSG_WAITALL) == CONTINUE
        connection.sendall(b"a=b")
        assert status(connection.recv(4096)) == 400, "the form has no token against forgery"


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("PATCH {path} HTTP/1.1\r\nUpload-Offset: 0\r\nContent-Length: 10", 401),
        ("PATCH {path} HTTP/1.1\r\n{token}\r\nUpload-Offset: 7\r\nContent-Length: 10", 409),
        ("PATCH {path} HTTP/1.1\r\n{token}\r\nUpload-Offset: 0\r\nContent-Length: 9999", 413),
        ("PATCH {path}x HTTP/1.1\r\n{token}\r\nUpload-Offset: 0\r\nContent-Length: 10", 404),
        ("POST /nowhere HTTP/1.1\r\nTransfer-Encoding: chunked", 404),
        ("POST /login HTTP/1.1\r\nContent-Length: 99999999", 413),
    ],
)
def test_a_client_that_waits_is_refused_before_it_sends_a_byte(
    tus: Tus, head: str, expected: int
) -> None:
    token = f"Authorization: {tus.session.headers['Authorization']}"
    head = head.format(path=tus.begin(1000), token=token)
    kind = "x-www-form-urlencoded" if "login" in head else "offset+octet-stream"
    more = f"Host: x\r\nTus-Resumable: 1.0.0\r\nContent-Type: application/{kind}\r\n{EXPECT}"
    answer = send(tus.portal, f"{head}\r\n{more}\r\n\r\n")
    assert status(answer) == expected
    assert b"\r\nConnection: close\r\n" in answer and CONTINUE not in answer


def test_curl_may_wait_too(portal: Portal, token: str, tmp_path: Path) -> None:
    assert shutil.which("curl"), "curl is needed, as for the examples of docs/wire"
    tus, file = Tus(portal, token), tmp_path / "body"
    path = tus.begin(100_000)
    file.write_bytes(b"x" * 100_000)
    command = ["curl", "-sv", "--max-time", "20", "--expect100-timeout", "60", "-X", "PATCH"]
    headers = {
        "Authorization": f"Bearer {token}",
        "Tus-Resumable": "1.0.0",
        "Upload-Offset": "0",
        "Content-Type": "application/offset+octet-stream",
        "Expect": "100-continue",
    }
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    done = subprocess.run(
        [*command, "--data-binary", f"@{file}", portal.url + path], capture_output=True, text=True
    )
    assert re.findall(r"^< HTTP/1.1 (\d+)", done.stderr, re.M) == ["100", "204"]
    assert tus.offset(path) == 100_000
