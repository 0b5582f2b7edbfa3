"""A desktop recorder that does exactly what a test says, and a look at what it sent."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.conftest import Portal

CREATE = "/api/uploads/create-session"
ASKED: dict[str, Any] = {
    "session_id": "rdp_123_1729950022",
    "connection_info": {
        "con_codigo": 123,
        "ip": "192.168.1.100",
        "name": "Production Server",
        "user": "administrator",
        "connection_type": "RDP",
        "wats_user": "jefferson.silva",
        "wats_user_machine": "DESKTOP-ABC123",
        "wats_user_ip": "192.168.1.50",
    },
    "file_size": 15728640,
    "metadata": {
        "start_time": "2024-10-26T15:00:22.123456",
        "recorder_settings": {
            "fps": 10,
            "quality": 23,
            "resolution_scale": 1.0,
            "max_file_size_mb": 100,
            "max_duration_minutes": 30,
        },
    },
}
"""The body of the contract's example."""


class Recorder:
    """Does exactly what a test says, and checks nothing."""

    def __init__(self, portal: Portal, token: str) -> None:
        self.portal = portal
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {token}"

    def create(self, body: Any = None, **said: Any) -> requests.Response:
        asked = {"session_id": "rdp_1"} | said if body is None else body
        return self.session.post(self.portal.url + CREATE, json=asked)

    def begin(self, **said: Any) -> str:
        """The path of a new session."""
        answer = self.create(**said)
        assert answer.status_code == 201, answer.text
        return f"/api/uploads/{answer.json()['session_id']}"

    def send(
        self, path: str, body: Any, name: str = "video", method: str = "POST", **headers: str
    ) -> requests.Response:
        url = f"{self.portal.url}{path}/{name}"
        return self.session.request(method, url, data=body, headers=headers)

    def form(self, path: str, name: str = "file", **files: Any) -> requests.Response:
        return self.session.post(f"{self.portal.url}{path}/{name}", files=files)

    def finalize(self, path: str, body: Any = None) -> requests.Response:
        return self.session.post(f"{self.portal.url}{path}/finalize", json=body)

    def status(self, path: str) -> dict[str, Any]:
        answer = self.session.get(f"{self.portal.url}{path}/status")
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def recorder(portal: Portal, token: str) -> Recorder:
    return Recorder(portal, token)


@pytest.fixture(scope="session")
def video(media: Callable[..., Path]) -> bytes:
    return media("rdp-finance-server-2026.mp4").read_bytes()


def stored(portal: Portal, path: str) -> bytes:
    recording = portal.recording(id_of(path))
    return (portal.data / "store" / recording["key"]).read_bytes()


def id_of(path: str) -> str:
    return path.rpartition("/")[2]


def raw(portal: Portal, token: str, path: str, length: int, *lines: str) -> socket.socket:
    """A connection on which a POST has been announced, and no byte of its body sent."""
    connection = socket.create_connection(("127.0.0.1", portal.port), timeout=30)
    head = [
        f"POST {path} HTTP/1.1",
        "Host: localhost",
        f"Authorization: Bearer {token}",
        f"Content-Length: {length}",
        *lines,
    ]
    connection.sendall("\r\n".join([*head, "", ""]).encode())
    return connection
