"""Sessions with damaged, hostile and too large requests: each is refused and changes nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.conftest import Portal
from tests.wire.recorder import CREATE, Recorder, raw, recorder

__all__ = ["recorder"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no",
        b"[]",
        b"[" * 100_000,
        b'{"session_id": "a", "file_size": NaN}',
        b'{"session_id": "a", "file_size": Infinity}',
        b'{"session_id": "a", "x": ' + b"[" * 20 + b"1" + b"]" * 20 + b"}",
        b'{"session_id": "\xff"}',
        b'{"session_id": "a", "n": ' + b"9" * 5000 + b"}",
    ],
)
def test_a_damaged_body_is_a_bad_request(recorder: Recorder, body: bytes) -> None:
    answer = recorder.session.post(recorder.portal.url + CREATE, data=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["code"] == "invalid_request"


@pytest.mark.parametrize(
    "said",
    [
        {"session_id": None},
        {"session_id": ""},
        {"session_id": 5},
        {"session_id": "x" * 256},
        {"session_id": "a\ud800"},
        {"session_id": "a\u0000"},
        {"session_id": "a\r\nSet-Cookie: b"},
        {"file_size": -1},
        {"file_size": "5"},
        {"file_size": True},
        {"file_size": 5.5},
        {"file_size": 10**18},
        {"file_hash": "123"},
        {"sha256": "g" * 64},
        {"filename": "a\nb"},
        {"filename": 7},
        {"connection_info": "none"},
        {"connection_info": {"con_codigo": "123"}},
        {"connection_info": {"con_codigo": True}},
        {"connection_info": {"ip": 7}},
        {"connection_info": {"wats_user": "\u0000"}},
        {"connection_info": {"\ud800": "a"}},
        {"connection_info": {"other": "\u0085"}},
        {"metadata": []},
        {"metadata": {"start_time": "yesterday"}},
        {"metadata": {"recorder_settings": "fast"}},
        {"metadata": {"x" * 101: 1}},
        {"extra": "x" * 2000},
        {"extra": list(range(300))},
    ],
)
def test_what_cannot_be_believed_is_refused_by_name(
    recorder: Recorder, said: dict[str, Any]
) -> None:
    answer = recorder.create({"session_id": "a"} | said)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["message"].endswith(".")


def test_too_large_is_refused_before_the_body_is_read(
    portal: Portal, recorder: Recorder, token: str
) -> None:
    assert recorder.create(file_size=10**14).status_code == 413
    sized, unsized = recorder.begin(file_size=10), recorder.begin()
    form = "Content-Type: multipart/form-data; boundary=b"
    announced = [
        (f"{sized}/video", 11, "X-Raw: yes"),
        (f"{unsized}/video", 10**14, "X-Raw: yes"),
        (f"{unsized}/file", 10**14, form),
        (f"{unsized}/metadata", 10**9, "Content-Type: application/json"),
        (CREATE, 10**9, "Content-Type: application/json"),
        (f"{unsized}/finalize", 10**9, "Content-Type: application/json"),
    ]

    def status(request: tuple[str, int, str]) -> bytes:
        with raw(portal, token, *request) as connection:
            return connection.recv(4096).split()[1]

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(status, announced)) == [b"413"] * 6
    more = recorder.form(sized, "video", file=("a", b"x" * 11))
    assert (more.status_code, recorder.status(sized)["bytes_received"]) == (413, 0)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"Content-Range": "bytes 5-4/10"}, b"x"),
        ({"Content-Range": "bytes 0-10/10"}, b"x" * 11),
        ({"Content-Range": "bytes 0-4/10"}, b"x"),
        ({"Content-Range": "bytes */10"}, b"x"),
        ({"Content-Range": "items 0-0/1"}, b"x"),
        ({"Content-Range": "bytes +0-0/1"}, b"x"),
        ({"Content-Range": "bytes 0-0/" + "9" * 30}, b"x"),
        ({"Upload-Offset": "+0"}, b"x"),
        ({"Upload-Offset": "0x0"}, b"x"),
        ({"Upload-Offset": "1_0"}, b"x"),
        ({"Upload-Offset": "9" * 30}, b"x"),
        ({}, b""),
        ({"Content-Type": "multipart/form-data"}, b"x"),
        ({"Content-Type": "multipart/form-data; boundary=b"}, b"x"),
        ({"Content-Type": "multipart/form-data; boundary=b"}, b"--b--\r\n"),
        ({"Content-Type": "multipart/form-data; boundary=é"}, b"x"),
    ],
)
def test_a_damaged_request_leaves_what_was_there(
    recorder: Recorder, headers: dict[str, str], body: bytes
) -> None:
    path = recorder.begin(file_size=100)
    recorder.send(path, b"kept")
    sent = {name: value.encode("latin-1") for name, value in headers.items()}
    for name in ("video", "file"):
        answer = recorder.send(path, body, name, **sent)  # type: ignore[arg-type]
        assert answer.status_code == 400, answer.text
    assert recorder.status(path)["bytes_received"] == 4


def test_a_second_file_in_a_form_is_refused(recorder: Recorder) -> None:
    path = recorder.begin()
    files = [("file", ("a.mp4", b"one")), ("file", ("b.mp4", b"two"))]
    answer = recorder.session.post(f"{recorder.portal.url}{path}/file", files=files)
    assert (answer.status_code, recorder.status(path)["bytes_received"]) == (400, 3)
