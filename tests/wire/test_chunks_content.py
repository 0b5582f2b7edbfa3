"""What a chunked upload holds: hashes, declared types, and what the content turns out to be."""

from __future__ import annotations

import struct
import zlib
from hashlib import sha256
from typing import Any

import pytest

from tests.conftest import Portal
from tests.web.browsing import Person
from tests.wire.chunking import Client, client, refused, wav

__all__ = ["client"]


def png() -> bytes:
    def part(name: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + check

    header = part(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0))
    lines = zlib.compress((b"\0" + b"\xc0\x40\x20" * 8) * 8)
    return b"\x89PNG\r\n\x1a\n" + header + part(b"IDAT", lines) + part(b"IEND", b"")


PDF = b"""%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 72 72]>>endobj
trailer<</Root 1 0 R>>
%%EOF
"""


def test_what_is_no_sha256_matches_nothing(client: Client) -> None:
    begun = client.send(wav(2000), file_hash="abc123")
    assert refused(client.complete(begun), 422, "checksum_mismatch").startswith("Hash mismatch")


def test_an_upper_case_hash_is_the_same_hash(client: Client) -> None:
    content = wav(2000)
    begun = client.begin(content, file_hash=sha256(content).hexdigest().upper())
    client.chunk(begun, 0, content, checksum=sha256(content).hexdigest().upper())
    assert client.complete(begun).status_code == 200


def test_without_hash_and_type_the_content_decides(portal: Portal, client: Client) -> None:
    content = wav(2000)
    answer = client.post("init", {"filename": "a", "total_size": len(content)})
    begun = answer.json()["upload_id"]
    assert client.chunk(begun, 0, content, checksum=None).status_code == 200
    assert client.complete(begun).json()["mime_type"] == "audio/wav"
    assert portal.recording(begun)["sha256_declared"] == 0


def test_a_wrong_file_hash_is_the_same_refusal_each_time(client: Client) -> None:
    begun = client.send(wav(2000), file_hash="0" * 64)
    answers = [client.complete(begun) for _ in range(2)]
    for answer in answers:
        assert "Hash mismatch" in refused(answer, 422, "checksum_mismatch")
    said = client.status(begun).json()
    assert (said["status"], said["error"]["code"]) == ("failed", "checksum_mismatch")
    assert client.cancel(begun).json() == {"upload_id": begun, "status": "failed"}
    refused(client.chunk(begun, 0, b"x"), 410)


@pytest.mark.parametrize(
    ("content", "mime_type", "code", "words"),
    [
        (png(), "image/jpeg", "not_as_declared", "image/png, not image/jpeg"),
        (b"MZ" + bytes(3000), "audio/wav", "not_media", "."),
    ],
)
def test_content_that_is_not_what_it_claims_is_refused_with_the_reason(
    portal: Portal, client: Client, content: bytes, mime_type: str, code: str, words: str
) -> None:
    begun = client.send(content, mime_type=mime_type)
    for _ in range(2):
        assert words in refused(client.complete(begun), 422, code)
    assert portal.recording(begun)["state"] == "quarantined"
    said = client.status(begun).json()
    assert (said["status"], said["error"]["code"]) == ("failed", code)


@pytest.mark.parametrize(
    ("mime_type", "status"),
    [
        ("text/html", 415),
        ("application/zip", 415),
        ("jpeg", 415),
        ("audio/x-wav; codecs=1", 201),
        ("", 201),
        ("application/octet-stream", 201),
        ("audio/\n", 400),
        (None, 400),
        (7, 400),
        ("a" * 256, 400),
    ],
)
def test_a_type_that_is_not_accepted_is_refused_at_once(
    client: Client, mime_type: Any, status: int
) -> None:
    answer = client.init(b"x", mime_type=mime_type)
    assert answer.status_code == status, answer.text
    if status == 415:
        assert "only audio/*, video/*, image/*" in refused(answer, 415, "not_accepted")


@pytest.mark.parametrize(
    ("content", "mime_type", "kind", "word"),
    [(png(), "image/png", "image", "Picture"), (PDF, "application/pdf", "document", "Document")],
    ids=["png", "pdf"],
)
def test_pictures_and_documents_are_kept_and_never_shown_inline(
    portal: Portal, client: Client, content: bytes, mime_type: str, kind: str, word: str
) -> None:
    begun = client.send(content, filename=f"claim.{kind}", mime_type=mime_type)
    assert client.complete(begun).json()["mime_type"] == mime_type
    recording = portal.recording(begun)
    assert (recording["state"], recording["kind"]) == ("ready", kind)
    auditor = Person(portal, "auditor")
    page = auditor.get(f"/recordings/{begun}")
    assert page.status_code == 200
    assert f"{word} · {mime_type}" in page.text
    assert "<audio" not in page.text and "<video" not in page.text
    assert 'src="/recordings' not in page.text
    assert "player.js" not in page.text and f'"/recordings/{begun}/download"' in page.text
    for role, name in (("auditor", f'; filename="claim.{kind}"'), ("reviewer", "")):
        file = Person(portal, role).post(f"/recordings/{begun}/play")
        assert file.content == content
        assert file.headers["Content-Disposition"].startswith(f"attachment{name}")
        assert file.headers["X-Content-Type-Options"] == "nosniff"
    assert word in auditor.get("/recordings").text


def test_a_recording_is_still_played_in_its_page(portal: Portal, client: Client) -> None:
    begun = client.send(wav(20_000))
    client.complete(begun)
    auditor = Person(portal, "auditor")
    played = auditor.get(auditor.media_path(begun))
    assert played.headers["Content-Disposition"] == "inline"
