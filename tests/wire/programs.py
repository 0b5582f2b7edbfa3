"""A program with a token of its own, and the recordings that the tests of its API share."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.conftest import Portal, Tus, upload_id

LIST = "/api/recordings"
EVERYTHING = ("upload", "read", "delete")


class Program:
    """A caller of the API with a token of its own."""

    def __init__(self, portal: Portal, role: str = "uploader", *scopes: str) -> None:
        self.portal = portal
        self.token = portal.token(role, *(scopes or EVERYTHING))
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {self.token}"

    def get(self, path: str, **headers: str) -> requests.Response:
        return self.session.get(self.portal.url + path, headers=headers)

    def listed(self, query: str = "") -> list[str]:
        answer = self.get(f"{LIST}?{query}")
        assert answer.status_code == 200, answer.text
        return [each["file_id"] for each in answer.json()["recordings"]]

    def delete(self, recording_id: str, body: Any = None, query: str = "") -> requests.Response:
        return self.session.delete(f"{self.portal.url}{LIST}/{recording_id}{query}", json=body)

    def send(self, content: bytes, **metadata: str) -> str:
        """A recording that came by tus, whatever becomes of it; its id."""
        tus = Tus(self.portal, self.token)
        pairs = {name: base64.b64encode(text.encode()).decode() for name, text in metadata.items()}
        path = tus.begin(len(content), ",".join(f"{name} {text}" for name, text in pairs.items()))
        assert tus.patch(path, 0, content).status_code == 204
        self.portal.recording(upload_id(path))
        return upload_id(path)


@pytest.fixture(scope="module")
def sound(media: Callable[..., Path]) -> bytes:
    return media("call-sales-0815.wav").read_bytes()


@pytest.fixture(scope="module")
def owner(portal: Portal) -> Program:
    return Program(portal)


@pytest.fixture(scope="module")
def call(owner: Program, sound: bytes) -> str:
    return owner.send(sound, filename='Zoë’s call; "1".wav', wats_user="zoe", lead_id="7")
