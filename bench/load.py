"""The load generator, compiled when it is needed, and the requests that it is given."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).with_name("load.c")


@dataclass(frozen=True)
class Request:
    """One request: its head with the empty line, `body` bytes of the content from `offset` on, and
    `tail`; and the status that its answer must have."""

    head: bytes
    status: int
    offset: int = 0
    body: int = 0
    tail: bytes = b""

    def planned(self, connection: int) -> bytes:
        sizes = (connection, len(self.head), self.offset, self.body, len(self.tail), self.status)
        return " ".join(map(str, sizes)).encode() + b"\n" + self.head + self.tail


def request(
    method: str,
    path: str,
    status: int,
    headers: dict[str, str] | None = None,
    offset: int = 0,
    body: int = 0,
    around: tuple[bytes, bytes] = (b"", b""),
) -> Request:
    """A request whose body is a stretch of the content; `around`: what stands before and after
    it."""
    before, after = around
    length = len(before) + body + len(after)
    said = {"Host": "localhost", "Content-Length": str(length)} | (headers or {})
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in said.items())]
    head = "\r\n".join([*lines, "", ""]).encode() + before
    return Request(head, status, offset, body, after)


class Load:
    """The compiled program, and the file that bodies are taken from."""

    def __init__(self, folder: Path, content: Path) -> None:
        self.program, self.content = folder / "load", content
        command = ["cc", "-O2", "-pthread", str(SOURCE), "-o", str(self.program)]
        subprocess.run(command, check=True)

    def run(self, port: int, *connections: Sequence[Request], content: Path | None = None) -> float:
        """Seconds from the first byte sent to the last answer; each connection sends its requests
        one after the other. Raises CalledProcessError where an answer is not the wanted one."""
        plan = b"".join(
            each.planned(number) for number, some in enumerate(connections) for each in some
        )
        command = [str(self.program), str(port), str(content or self.content)]
        done = subprocess.run(command, input=plan, stdout=subprocess.PIPE, check=True)
        return float(done.stdout)
