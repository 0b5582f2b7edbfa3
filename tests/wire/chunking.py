"""A client for uploads as JSON chunks, files for it, and what its refusals must look like."""

from __future__ import annotations

import base64
import io
import json
import secrets
import wave
from hashlib import sha256
from typing import Any

import pytest
import requests

from tests.conftest import Portal

CHUNK = 1024 * 1024


class Client:
    """Sends what a test says, and checks nothing."""

    def __init__(self, portal: Portal, token: str) -> None:
        self.portal, self.url = portal, f"{portal.url}/api/v1/upload"
        self.headers = {"Authorization": f"Bearer {token}"}

    def post(self, name: str, said: Any, **headers: str) -> requests.Response:
        body = said if isinstance(said, bytes | str) else json.dumps(said)
        sent = {"Content-Type": "application/json"} | self.headers | headers
        return requests.post(f"{self.url}/{name}", data=body, headers=sent)

    def init(self, content: bytes, **said: Any) -> requests.Response:
        about = {"filename": "call.wav", "total_size": len(content), "mime_type": "audio/wav"}
        return self.post("init", about | {"file_hash": sha256(content).hexdigest()} | said)

    def begin(self, content: bytes, **said: Any) -> str:
        answer = self.init(content, **said)
        assert answer.status_code == 201, answer.text
        return answer.json()["upload_id"]

    def chunk(self, begun: str, number: Any, piece: bytes, **said: Any) -> requests.Response:
        told = {"upload_id": begun, "chunk_index": number}
        told |= {"chunk_data": base64.b64encode(piece).decode()}
        return self.post("chunk", told | {"checksum": sha256(piece).hexdigest()} | said)

    def raw(self, begun: str, number: Any, piece: Any, **headers: str) -> requests.Response:
        sent = {"X-Upload-ID": begun, "X-Chunk-Index": str(number)}
        if isinstance(piece, bytes):
            sent["X-Chunk-Checksum"] = sha256(piece).hexdigest()
        return self.post_bytes(piece, sent | headers)

    def post_bytes(self, piece: Any, headers: dict[str, str]) -> requests.Response:
        sent = self.headers | {"Content-Type": "application/octet-stream"} | headers
        return requests.post(f"{self.url}/chunk", data=piece, headers=sent)

    def send(self, content: bytes, size: int = CHUNK, **said: Any) -> str:
        """A new upload whose chunks are all here."""
        begun = self.begin(content, **said)
        for number, piece in enumerate(pieces(content, size)):
            answer = self.chunk(begun, number, piece)
            assert answer.status_code == 200, answer.text
        return begun

    def complete(self, begun: str) -> requests.Response:
        return self.post("complete", {"upload_id": begun})

    def cancel(self, begun: str) -> requests.Response:
        return self.post("cancel", {"upload_id": begun})

    def status(self, begun: str) -> requests.Response:
        return requests.get(f"{self.url}/status/{begun}", headers=self.headers)


def pieces(content: bytes, size: int = CHUNK) -> list[bytes]:
    return [content[at : at + size] for at in range(0, len(content), size)]


def wav(size: int) -> bytes:
    """A recording of about so many bytes, unlike any other."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(16000)
        sound.writeframes(secrets.token_bytes(1000) * (size // 1000))
    return file.getvalue()


def refused(answer: requests.Response, status: int, code: str = "") -> str:
    """This status and code, and a sentence for people, which is returned."""
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert error["message"].endswith(".") and "Traceback" not in answer.text
    assert code in ("", error["code"])
    return error["message"]


@pytest.fixture
def client(portal: Portal, token: str) -> Client:
    return Client(portal, token)
