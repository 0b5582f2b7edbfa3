"""A client of the IETF's resumable uploads that keeps every answer, interim ones too."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Portal

ROUTE = "/api/v1/resumable"
Media = Callable[[str], Path]


@dataclass(frozen=True)
class Said:
    status: int
    headers: dict[str, str]
    body: bytes = b""

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


class Client:
    """Sends exactly what a test says, and keeps every answer, 104 among them. `requests` would
    take a 104 for the answer."""

    def __init__(self, portal: Portal, token: str) -> None:
        self.portal, self.token = portal, token

    def open(self, method: str, path: str, **headers: str) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.portal.port), timeout=30)
        sent = {"Host": "localhost", "Authorization": f"Bearer {self.token}"}
        sent |= {"Upload-Draft-Interop-Version": "8"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [f"{method} {path} HTTP/1.1", *(f"{k}: {v}" for k, v in sent.items() if v), "", ""]
        connection.sendall("\r\n".join(lines).encode())
        return connection

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Said:
        return self.all(method, path, body, **headers)[-1]

    def all(self, method: str, path: str, body: bytes | None = None, **headers: str) -> list[Said]:
        if body is not None and "Transfer_Encoding" not in headers:
            headers.setdefault("Content_Length", str(len(body)))
        with self.open(method, path, **headers) as connection:
            connection.sendall(body or b"")
            return answers(connection, method)

    def create(self, body: bytes = b"", last: bool = False, **headers: str) -> Said:
        return self.ask("POST", ROUTE, body, Upload_Complete=f"?{last:d}", **headers)

    def begin(self, **headers: str) -> str:
        said = self.create(**headers)
        assert said.status == 201, said
        return said.headers["location"]

    def patch(self, path: str, offset: int, body: bytes, last: bool, **headers: str) -> Said:
        usual = {"Content_Type": "application/partial-upload", "Upload_Offset": str(offset)}
        usual |= {"Upload_Complete": f"?{last:d}"}
        return self.ask("PATCH", path, body, **(usual | headers))

    def head(self, path: str) -> Said:
        return self.ask("HEAD", path)


def answers(connection: socket.socket, method: str) -> list[Said]:
    """The interim answers and the final one."""
    found: list[Said] = []
    with connection.makefile("rb") as stream:
        while not found or found[-1].status < 200:
            status = int(stream.readline().split()[1])
            lines = iter(lambda: stream.readline().strip(), b"")
            headers = dict(line.decode().split(": ", 1) for line in lines)
            lower = {name.lower(): value for name, value in headers.items()}
            size = 0 if method == "HEAD" else int(lower.get("content-length", 0))
            found.append(Said(status, lower, stream.read(size)))
    return found


def in_chunks(*pieces: bytes, ends: bool = True) -> bytes:
    coded = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return coded + b"0\r\n\r\n" if ends else coded


@pytest.fixture
def client(portal: Portal, token: str) -> Client:
    return Client(portal, token)


@pytest.fixture
def wav(media: Media) -> bytes:
    return media("call-sales-0815.wav").read_bytes()
