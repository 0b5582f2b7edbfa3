"""One small client for each dialect, all with the same few verbs: what they say is on the wire,
what they mean is the same. They check nothing: that is the tests' work."""

from __future__ import annotations

import base64
import hashlib
import socket
import struct
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import requests

from tests.conftest import TUS, Portal

CHUNK = 1024
"""Bytes of a chunk; portals that are tested with these clients announce the same."""
LEAD, CALL = "lead-7", "123e4567-e89b-12d3-a456-426614174000"


class Client(ABC):
    """One upload of one file. `pieces`: (start, stop) of each, in the order of their numbers."""

    any_order: ClassVar[bool]

    def __init__(self, portal: Portal, token: str, content: bytes, name: str) -> None:
        self.portal, self.content, self.name = portal, content, name
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {token}"
        self.id = ""
        size = len(content)
        self.pieces = [(at, min(at + CHUNK, size)) for at in range(0, size, CHUNK)]

    def ask(self, method: str, path: str, **more: Any) -> requests.Response:
        return self.session.request(method, self.portal.url + path, timeout=60, **more)

    @abstractmethod
    def begin(self, **headers: str) -> requests.Response:
        """Afterwards `id` is the upload's."""

    @abstractmethod
    def send(self, number: int, content: bytes | None = None) -> requests.Response:
        """One piece; other bytes than the file's, where some are given."""

    @abstractmethod
    def here(self) -> set[int] | int | None:
        """What the server says it has: numbers of pieces, or an offset. None: it is gone."""

    @abstractmethod
    def finish(self) -> requests.Response: ...

    @abstractmethod
    def cancel(self) -> requests.Response | None:
        """None where the dialect has no word for it."""


class TusClient(Client):
    any_order = False

    def begin(self, **headers: str) -> requests.Response:
        name = base64.b64encode(self.name.encode()).decode()
        sent = {"Upload-Length": str(len(self.content)), "Upload-Metadata": f"filename {name}"}
        response = self.ask("POST", TUS, headers=self._sign() | sent | headers)
        self.id = response.headers.get("Location", "").rpartition("/")[2]
        return response

    def _sign(self, **headers: str) -> dict[str, str]:
        return {"Tus-Resumable": "1.0.0"} | headers

    def send(self, number: int, content: bytes | None = None) -> requests.Response:
        start, stop = self.pieces[number]
        kind = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": str(start)}
        body = self.content[start:stop] if content is None else content
        return self.ask("PATCH", f"{TUS}/{self.id}", data=body, headers=self._sign(**kind))

    def cut(self, number: int, keep: int) -> None:
        """Announces a piece, sends so many bytes of it, and vanishes."""
        start, stop = self.pieces[number]
        head = (
            f"PATCH {TUS}/{self.id} HTTP/1.1\r\nHost: localhost\r\nTus-Resumable: 1.0.0\r\n"
            f"Authorization: {self.session.headers['Authorization']}\r\n"
            "Content-Type: application/offset+octet-stream\r\n"
            f"Upload-Offset: {start}\r\nContent-Length: {stop - start}\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", self.portal.port), timeout=30) as line:
            line.sendall(head.encode() + self.content[start : start + keep])
            line.shutdown(socket.SHUT_WR)
            line.settimeout(10)
            while line.recv(4096):
                pass
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def here(self) -> int | None:
        response = self.ask("HEAD", f"{TUS}/{self.id}", headers=self._sign())
        return int(response.headers["Upload-Offset"]) if response.status_code == 200 else None

    def finish(self) -> requests.Response:
        return self.ask("POST", "/api/v1/videos/upload/complete", json={"upload_id": self.id})

    def cancel(self) -> requests.Response:
        return self.ask("DELETE", f"{TUS}/{self.id}", headers=self._sign())


class ChunksClient(Client):
    any_order = True

    def begin(self, **headers: str) -> requests.Response:
        said = {
            "filename": self.name,
            "total_size": len(self.content),
            "mime_type": "audio/wav",
            "file_hash": hashlib.sha256(self.content).hexdigest(),
        }
        response = self.ask("POST", "/api/v1/upload/init", json=said, headers=headers)
        self.id = response.json().get("upload_id", "")
        return response

    def send(self, number: int, content: bytes | None = None) -> requests.Response:
        start, stop = self.pieces[number]
        body = self.content[start:stop] if content is None else content
        said = {
            "upload_id": self.id,
            "chunk_index": number,
            "chunk_data": base64.b64encode(body).decode(),
            "checksum": hashlib.sha256(body).hexdigest(),
        }
        return self.ask("POST", "/api/v1/upload/chunk", json=said)

    def here(self) -> set[int] | None:
        response = self.ask("GET", f"/api/v1/upload/status/{self.id}")
        said = response.json()
        if response.status_code != 200 or said["status"] in ("cancelled", "expired"):
            return None
        return set(range(len(self.pieces))) - set(said["progress"]["missing_chunks"])

    def finish(self) -> requests.Response:
        return self.ask("POST", "/api/v1/upload/complete", json={"upload_id": self.id})

    def cancel(self) -> requests.Response:
        return self.ask("POST", "/api/v1/upload/cancel", json={"upload_id": self.id})


class CallsClient(Client):
    any_order = True
    path = f"/api/leads/{LEAD}/recordings"

    def begin(self, **headers: str) -> requests.Response:
        said = {"action": "init", "filename": self.name, "call_log_id": CALL}
        response = self.ask("POST", self.path, json=said, headers=headers)
        self.id = response.json().get("data", {}).get("upload_id", "")
        self.received = 0
        return response

    def send(self, number: int, content: bytes | None = None) -> requests.Response:
        start, stop = self.pieces[number]
        body = self.content[start:stop] if content is None else content
        said = {
            "action": "append",
            "upload_id": self.id,
            "chunk_index": number,
            "chunk": base64.b64encode(body).decode(),
        }
        return self.ask("POST", self.path, json=said)

    def here(self) -> None:
        return None  # the dialect has no such question

    def finish(self) -> requests.Response:
        total = {"total_chunks": len(self.pieces), "call_log_id": CALL}
        said = {"action": "finalize", "upload_id": self.id} | total
        return self.ask("POST", self.path, json=said)

    def cancel(self) -> None:
        return None


class SessionsClient(Client):
    any_order = False

    def begin(self, **headers: str) -> requests.Response:
        said = {
            "session_id": "rdp_123_1729950022",
            "connection_info": {"con_codigo": 123, "wats_user": "jefferson.silva"},
            "file_size": len(self.content),
            "metadata": {"start_time": "2024-10-26T15:00:22.123456"},
        }
        response = self.ask("POST", "/api/uploads/create-session", json=said, headers=headers)
        self.id = response.json().get("session_id", "")
        return response

    def send(self, number: int, content: bytes | None = None) -> requests.Response:
        start, stop = self.pieces[number]
        body = self.content[start:stop] if content is None else content
        where = {"Content-Range": f"bytes {start}-{stop - 1}/{len(self.content)}"}
        kind = {"Content-Type": "video/mp4"}
        return self.ask("PUT", f"/api/uploads/{self.id}/video", data=body, headers=where | kind)

    def here(self) -> int | None:
        response = self.ask("GET", f"/api/uploads/{self.id}/status")
        said = response.json()
        gone = response.status_code != 200 or said["status"] == "expired"
        return None if gone else int(said["bytes_received"])

    def finish(self) -> requests.Response:
        return self.ask("POST", f"/api/uploads/{self.id}/finalize")

    def cancel(self) -> None:
        return None


CLIENTS: dict[str, Callable[[Portal, str, bytes, str], Client]] = {
    "tus": TusClient,
    "chunks": ChunksClient,
    "calls": CallsClient,
    "sessions": SessionsClient,
}
