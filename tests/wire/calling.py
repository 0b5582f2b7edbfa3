"""A client for call recordings, and what every refusal of theirs must look like."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.conftest import Portal

CALL_LOG = "123e4567-e89b-12d3-a456-426614174000"
NOBODYS = "00000000-0000-7000-8000-000000000000"


class Calls:
    """A client for the calls of one lead; it checks nothing."""

    def __init__(self, portal: Portal, token: str, lead: str = "lead-1") -> None:
        self.portal, self.token = portal, token
        self.url = f"{portal.url}/api/leads/{lead}/recordings"
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {token}"

    def whole(self, content: Any, name: str = "a.aac", **fields: str) -> requests.Response:
        """As the contract's curl sends it: the file first."""
        parts = [("file", (name, content))] + [
            (key, (None, value)) for key, value in (fields or {"call_log_id": CALL_LOG}).items()
        ]
        return self.session.post(self.url, files=parts)

    def step(self, action: str, **said: Any) -> requests.Response:
        return self.session.post(self.url, json={"action": action} | said)

    def begin(self, name: str = "a.wav", call_log_id: str = CALL_LOG, **headers: str) -> str:
        said = {"action": "init", "filename": name, "call_log_id": call_log_id}
        answer = self.session.post(self.url, json=said, headers=headers)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["data"]["upload_id"])

    def chunk(self, upload_id: str, number: int, content: bytes) -> requests.Response:
        encoded = base64.b64encode(content).decode()
        return self.step("append", upload_id=upload_id, chunk_index=number, chunk=encoded)

    def end(self, upload_id: str, total: int, call_log_id: str = CALL_LOG) -> requests.Response:
        said = {"upload_id": upload_id, "total_chunks": total, "call_log_id": call_log_id}
        return self.step("finalize", **said)

    def get(self, path: str = "", **headers: str) -> requests.Response:
        return self.session.get(self.url + path, headers=headers)

    def saved(self, content: bytes, name: str = "a.wav", call_log_id: str = CALL_LOG) -> str:
        answer = self.whole(content, name, call_log_id=call_log_id)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["data"]["id"])


@pytest.fixture(scope="module")
def caller_token(portal: Portal) -> str:
    return portal.token("uploader", "upload", "read", leads=["lead-1", "LEAD_ID"])


@pytest.fixture
def calls(portal: Portal, caller_token: str) -> Calls:
    return Calls(portal, caller_token)


@pytest.fixture(scope="module")
def wav(media: Callable[..., Path]) -> bytes:
    return media("call-sales-0815.wav", 1).read_bytes()


def refused(answer: requests.Response, status: int, code: str, message: str = "") -> None:
    """The contract's envelope, and nothing else in it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json().keys() == {"error"}, answer.text
    assert answer.json()["error"].keys() == {"code", "message"}
    assert answer.json()["error"]["code"] == code, answer.text
    assert message in answer.json()["error"]["message"]
