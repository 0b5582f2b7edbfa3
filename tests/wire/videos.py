"""A client of the JSON endpoints beside tus, and what every refusal of theirs must look like."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
import requests

from tests.conftest import Portal

UPLOAD = "/api/v1/videos/upload"
NOBODYS = "00000000-0000-7000-8000-000000000000"
ASKED: dict[str, Any] = {
    "session_id": str(uuid.uuid4()),
    "filename": "practice_video.mp4",
    "file_size": 52428800,
    "duration_seconds": 180,
    "content_type": "video/mp4",
}


class Videos:
    """A client of these endpoints that does exactly what a test says."""

    def __init__(self, portal: Portal, token: str) -> None:
        self.url = portal.url + UPLOAD
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {token}"

    def init(self, headers: dict[str, str] | None = None, **other: Any) -> requests.Response:
        return self.session.post(f"{self.url}/init", json=ASKED | other, headers=headers)

    def begin(self, size: int, **other: Any) -> str:
        return str(self.init(file_size=size, **other).json()["upload_id"])

    def status(self, each: str) -> requests.Response:
        return self.session.get(f"{self.url}/{each}/status")

    def complete(self, each: Any) -> requests.Response:
        return self.session.post(f"{self.url}/complete", json={"upload_id": each})

    def abort(self, each: str) -> requests.Response:
        return self.session.delete(f"{self.url}/{each}")


@pytest.fixture
def videos(portal: Portal, token: str) -> Videos:
    return Videos(portal, token)


def refused(answer: requests.Response, status: int, code: str = "") -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    error: dict[str, Any] = answer.json()["error"]
    assert error["message"] and "Traceback" not in answer.text
    assert code in ("", error["code"])
    return error
