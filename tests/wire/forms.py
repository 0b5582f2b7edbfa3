"""Forms as bytes: their parts, and the same form in pieces."""

from __future__ import annotations

from collections.abc import Iterator

from tests.wire.calling import CALL_LOG

BOUNDARY = "----WebKitFormBoundaryXyZ"


def part(content: bytes, disposition: str) -> bytes:
    head = f"--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n"
    return head.encode() + content + b"\r\n"


def written(content: bytes) -> bytes:
    """A form with this file, and the field behind it."""
    file = part(content, 'name="file"; filename="a.wav"')
    return file + part(CALL_LOG.encode(), 'name="call_log_id"') + END


END = f"--{BOUNDARY}--\r\n".encode()


def in_pieces(whole: bytes, size: int) -> Iterator[bytes]:
    return (whole[at : at + size] for at in range(0, len(whole), size))
