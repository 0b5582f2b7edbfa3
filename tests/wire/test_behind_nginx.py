"""Behind nginx, with the file that we ship."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests

from tests.conftest import Portal, Tus, upload_id
from tests.nginx import in_front
from tests.sounds import silence
from tests.waiting import wait_for

SOUND = b"".join(silence(3_000_000))


@contextmanager
def behind(portal: Portal, folder: Path, token: str) -> Iterator[Tus]:
    """A client that reaches the portal through nginx."""
    with in_front(portal.port, folder, portal.data / "store") as port:
        yield Tus(SimpleNamespace(url=f"http://127.0.0.1:{port}", port=port), token)  # type: ignore[arg-type]


def test_a_cut_upload_keeps_its_bytes(portal: Portal, token: str, tmp_path: Path) -> None:
    with behind(portal, tmp_path, token) as tus:
        path = tus.begin(len(SOUND))
        with tus.raw(path, 0, len(SOUND)) as connection:
            connection.sendall(SOUND[:1_000_000])
            # What nginx has not read when the client goes, it drops.
            wait_for(lambda: arrived(portal, path) == 1_000_000, what="nginx hands it on at once")
        wait_for(lambda: tus.offset(path) == 1_000_000, what="what had arrived is kept")
        assert tus.patch(path, 1_000_000, SOUND[1_000_000:]).status_code == 204


def arrived(portal: Portal, path: str) -> int:
    """Bytes of the part that is being written."""
    return sum(each.stat().st_size for each in portal.stored_files(f"parts/{upload_id(path)}"))


@pytest.fixture
def helped(own_portal: Callable[..., Portal]) -> Portal:
    """A portal whose downloads nginx sends."""
    return own_portal(PORTAL_ACCEL_REDIRECT="/stored/", PORTAL_PROXY_HOPS="1")


@pytest.fixture
def reader(helped: Portal, tmp_path: Path) -> Iterator[Tus]:
    with behind(helped, tmp_path, helped.token("officer", "read")) as client:
        yield client


@pytest.fixture
def address(helped: Portal, reader: Tus) -> str:
    """Where nginx has a recording to fetch."""
    tus = Tus(helped, helped.token())
    path = tus.begin(len(SOUND), f"filename {base64.b64encode(b'sum 1.wav').decode()}")
    assert tus.patch(path, 0, SOUND).status_code == 204
    found = helped.recording(upload_id(path))["id"]
    return f"{reader.portal.url}/api/recordings/{found}/content"


def downloads(portal: Portal) -> int:
    return len(portal.rows("SELECT 1 FROM audit_event WHERE action = 'recording.download'"))


def test_nginx_sends_downloads_whole_or_a_range_and_the_log_knows(
    helped: Portal, reader: Tus, address: str
) -> None:
    whole = reader.session.get(address)
    part = reader.session.get(address, headers={"Range": "bytes=1000000-1000099"})
    assert (whole.status_code, whole.content) == (200, SOUND)
    assert (part.status_code, part.content) == (206, SOUND[1_000_000:1_000_100])
    assert part.headers["Content-Range"] == f"bytes 1000000-1000099/{len(SOUND)}"
    assert len(whole.headers["ETag"]) < 66, "ours is a SHA-256; this one is nginx's"
    assert downloads(helped) == 1, "pieces of one download"


def test_what_nginx_sends_is_as_inert_as_what_we_send(
    helped: Portal, reader: Tus, address: str
) -> None:
    answer = reader.session.get(address)
    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.headers["Content-Type"] == "audio/wav"
    assert "sum%201.wav" in answer.headers["Content-Disposition"]
    assert len(answer.headers["X-Request-ID"]) == 32
    assert "X-Accel-Redirect" not in answer.headers


def test_nobody_gets_there_without_us(helped: Portal, reader: Tus, address: str) -> None:
    key = helped.recording(address.split("/")[-2])["key"]
    assert requests.get(f"{reader.portal.url}/stored/{key}").status_code == 404
    assert requests.get(address).status_code == 401
    other = helped.token("uploader", "read")
    assert requests.get(address, headers={"Authorization": f"Bearer {other}"}).status_code == 404
    (helped.data / "store" / key).unlink()
    gone = reader.session.get(address)
    assert gone.status_code == 404 and "missing" in gone.text
    assert downloads(helped) == 0
