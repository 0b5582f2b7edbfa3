"""Range requests for a recording's bytes, as RFC 9110 wants them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Portal, Tus, upload_id
from tests.web.browsing import Person


@pytest.fixture(scope="module")
def content(media: Callable[..., Path]) -> bytes:
    return media("call-sales-0815.wav").read_bytes()


@pytest.fixture(scope="module")
def played(portal: Portal, token: str, content: bytes) -> tuple[Person, str]:
    """An auditor, and the address that the player uses."""
    tus = Tus(portal, token)
    path = tus.begin(len(content))
    tus.patch(path, 0, content)
    portal.recording(upload_id(path))
    auditor = Person(portal, "auditor")
    return auditor, auditor.media_path(upload_id(path))


@pytest.mark.parametrize(
    ("header", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-", 0, None),
        ("bytes=100-199", 100, 200),
        ("bytes=1000-", 1000, None),
        ("bytes=-10", -10, None),
        ("bytes=100-99999999999", 100, None),
    ],
)
def test_one_range_is_206_with_exactly_those_bytes(
    played: tuple[Person, str], content: bytes, header: str, start: int, stop: int | None
) -> None:
    person, path = played
    answer = person.get(path, Range=header)
    expected = content[start:stop]
    first = start if start >= 0 else len(content) + start
    assert answer.status_code == 206
    assert answer.content == expected
    last = first + len(expected) - 1
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{len(content)}"
    assert answer.headers["Content-Length"] == str(len(expected))


@pytest.mark.parametrize(
    "header",
    [
        "bytes=0-1,5-6",
        "bytes=-99999999999",
        "bytes=5-4",
        "bytes=a-b",
        "bytes=-",
        "items=0-5",
        "bytes 0-5",
        "bytes=0-5x",
        "bytes=٠-٥".encode().decode("latin-1"),
    ],
)
def test_what_is_not_one_simple_range_gets_the_whole(
    played: tuple[Person, str], content: bytes, header: str
) -> None:
    person, path = played
    answer = person.get(path, Range=header)
    assert answer.content == content
    assert answer.status_code == (206 if header.startswith("bytes=-9") else 200)


@pytest.mark.parametrize("header", ["bytes=99999999-", "bytes=-0", "bytes=99999999-999999999"])
def test_a_range_beyond_the_end_is_416_and_says_how_long_it_is(
    played: tuple[Person, str], content: bytes, header: str
) -> None:
    person, path = played
    answer = person.get(path, Range=header)
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{len(content)}"


def test_head_tells_the_length_and_sends_nothing(
    played: tuple[Person, str], content: bytes
) -> None:
    person, path = played
    answer = person.session.head(person.portal.url + path)
    assert answer.headers["Content-Length"] == str(len(content))
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.content == b""


def test_what_has_not_changed_is_not_sent_again(played: tuple[Person, str]) -> None:
    person, path = played
    etag = person.get(path, Range="bytes=0-0").headers["ETag"]
    assert person.get(path, **{"If-None-Match": etag}).status_code == 304
    assert person.get(path, **{"If-None-Match": '"other"'}).status_code == 200
    same = person.get(path, **{"If-Range": etag, "Range": "bytes=0-9"})
    other = person.get(path, **{"If-Range": '"other"', "Range": "bytes=0-9"})
    assert (same.status_code, other.status_code) == (206, 200)


def test_served_media_is_nothing_but_media(played: tuple[Person, str]) -> None:
    person, path = played
    headers = person.get(path, Range="bytes=0-0").headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"].startswith("sandbox")
    assert headers["Cache-Control"] == "private, no-store"


def test_raw_aac_is_played_from_a_copy_in_which_browsers_can_seek(
    portal: Portal, tus: Tus, media: Callable[..., Path]
) -> None:
    raw = media("call-support-4711.aac").read_bytes()
    path = tus.begin(len(raw))
    tus.patch(path, 0, raw)
    recording = portal.recording(upload_id(path))
    assert (recording["content_type"], recording["size"]) == ("audio/aac", len(raw))
    auditor = Person(portal, "auditor")
    answer = auditor.get(auditor.media_path(upload_id(path)), Range="bytes=4-7")
    assert answer.status_code == 206
    assert answer.headers["Content-Type"] == "audio/mp4"
    assert answer.content == b"ftyp"
