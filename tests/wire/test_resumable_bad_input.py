"""The IETF's resumable uploads as nobody should send them: damaged, too large, another's."""

from __future__ import annotations

import base64

import pytest

from tests.conftest import Portal, Tus
from tests.wire.resuming import ROUTE, Client, Said, answers, client, in_chunks, wav

__all__ = ["client", "wav"]

KINDS = "https://iana.org/assignments/http-problem-types#"


def test_a_wrong_offset_is_told_the_right_one(client: Client) -> None:
    path = client.begin(Upload_Length="10")
    client.patch(path, 0, b"12345", last=False)
    said = client.patch(path, 3, b"45", last=False)
    assert (said.status, said.headers["upload-offset"]) == (409, "5")
    assert said.headers["content-type"] == "application/problem+json"
    assert said.json["type"] == f"{KINDS}mismatching-upload-offset"
    assert (said.json["expected-offset"], said.json["provided-offset"]) == (5, 3)
    assert client.patch(path, 3, b"4567890", last=True).status == 409
    assert client.head(path).headers["upload-offset"] == "5"


def test_a_complete_upload_is_not_added_to(client: Client, wav: bytes) -> None:
    path = client.create(wav, last=True).headers["location"]
    more = client.patch(path, len(wav), b"x", last=True)
    assert (more.status, more.json["type"]) == (400, f"{KINDS}inconsistent-upload-length")
    none = client.patch(path, len(wav), b"", last=True)
    assert (none.status, none.json["type"]) == (400, f"{KINDS}completed-upload")
    assert none.headers["upload-complete"] == "?1"
    assert client.ask("DELETE", path).status == 403
    assert client.ask("GET", path).json["size"] == len(wav)


def test_lengths_that_differ_are_refused(client: Client) -> None:
    def refused(said: Said) -> bool:
        kind = said.json["type"] == f"{KINDS}inconsistent-upload-length"
        return said.status == 400 and said.headers["upload-complete"] == "?0" and kind

    assert refused(client.create(b"12345", last=True, Upload_Length="6"))
    path = client.begin(Upload_Length="10")
    assert refused(client.patch(path, 0, b"12345", last=True))
    assert refused(client.patch(path, 0, b"12345", last=False, Upload_Length="11"))
    chunked = {"Transfer_Encoding": "chunked"}
    assert refused(client.patch(path, 0, in_chunks(b"12345"), last=True, **chunked))
    assert client.head(path).headers["upload-offset"] == "5"
    assert client.patch(path, 5, b"123456", last=False).status == 413
    assert client.patch(path, 5, in_chunks(b"123456"), last=False, **chunked).status == 413
    assert client.head(path).headers["upload-offset"] == "5"


def test_what_is_no_recording_is_refused_after_it_is_complete(
    portal: Portal, client: Client
) -> None:
    said = client.create(b"Dear diary", last=True)
    assert (said.status, said.json["code"]) == (422, "not_accepted")
    assert said.headers["upload-complete"] == "?1"
    assert "only audio and video recordings" in said.json["detail"]
    assert client.ask("GET", said.headers["location"]).json["state"] == "quarantined"
    empty = client.create(b"", last=True)
    assert (empty.status, empty.headers["upload-complete"]) == (422, "?1")


def test_a_file_that_is_not_the_declared_one_is_refused(client: Client, wav: bytes) -> None:
    digest = base64.b64encode(bytes(32)).decode()
    said = client.create(wav, last=True, Repr_Digest=f"sha-256=:{digest}:")
    assert (said.status, said.headers["upload-complete"]) == (422, "?1")
    assert "SHA-256" in said.json["detail"]
    assert client.head(said.headers["location"]).status == 410


@pytest.mark.parametrize("length", ["+5", "5_0", "05.0", "-5", "٥", "5;a", "5, 5", "1" * 16, '"5"'])
def test_a_length_that_is_no_integer_counts_as_not_sent(client: Client, length: str) -> None:
    path = client.begin(Upload_Length=length)
    assert "upload-length" not in client.head(path).headers


@pytest.mark.parametrize(
    "headers",
    [
        {"Upload_Complete": ""},
        {"Upload_Complete": "1"},
        {"Upload_Complete": "?1, ?1"},
        {"Upload_Complete": "?2"},
        {"Upload_Draft_Interop_Version": ""},
        {"Upload_Draft_Interop_Version": "6"},
        {"Idempotency_Key": "x" * 256},
        {"Repr_Digest": "sha-256=:short:"},
        {"Content_Disposition": "attachment; filename=\"a%00b\"; filename*=UTF-8''a%00b"},
    ],
)
def test_a_damaged_creation_is_refused(client: Client, headers: dict[str, str]) -> None:
    said = client.ask("POST", ROUTE, b"x", **({"Upload_Complete": "?0"} | headers))
    assert (said.status, said.headers["content-type"]) == (400, "application/problem+json")
    assert "location" not in said.headers


def test_a_damaged_append_is_refused_and_adds_nothing(client: Client) -> None:
    path = client.begin()
    assert client.patch(path, 0, b"x", last=False, Content_Type="text/plain").status == 415
    for headers in ({"Upload_Offset": ""}, {"Upload_Offset": "+0"}, {"Upload_Complete": "true"}):
        assert client.patch(path, 0, b"x", last=False, **headers).status == 400
    broken = client.patch(path, 0, b"zz\r\n", last=False, Transfer_Encoding="chunked")
    assert broken.status == 400
    assert client.head(path).headers["upload-offset"] == "0"


def test_too_large_is_refused_before_the_body_is_read(client: Client) -> None:
    size = str(10737418240 + 1)
    with client.open("POST", ROUTE, Upload_Complete="?1", Content_Length=size) as connection:
        (said,) = answers(connection, "POST")
    assert (said.status, said.json["code"]) == (413, "too_large")


def test_nobody_reaches_what_is_not_theirs(portal: Portal, client: Client, tus: Tus) -> None:
    path = client.begin()
    other = Client(portal, portal.token())
    foreign = tus.begin(5).rpartition("/")[2]  # ours, but begun by the rules of tus
    for who, where in [
        (other, path),
        (client, f"{ROUTE}/{foreign}"),
        (client, f"{ROUTE}/{'0' * 36}"),
        (client, f"{ROUTE}/..%2f..%2fetc"),
    ]:
        assert who.head(where).status == 404
        assert who.ask("GET", where).status == 404
        assert who.patch(where, 0, b"x", last=True).status == 404
        assert who.ask("DELETE", where).status == 404
    for method, where in [("POST", ROUTE), ("HEAD", path), ("PATCH", path), ("DELETE", path)]:
        assert client.ask(method, where, Authorization="").status == 401
        reader = Client(portal, portal.token("auditor", "read"))
        wrong = {"Upload_Complete": "?0", "Upload_Offset": "0"}
        wrong |= {"Content_Type": "application/partial-upload"}
        assert reader.ask(method, where, **wrong).status == 403
    assert client.ask("PUT", path).status == 405
