"""Sound of any size, made on the way: large enough to see what bytes cost."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from io import BytesIO

MIB = 1024 * 1024
GIB = 1024 * MIB


def silence(size: int) -> Iterator[bytes]:
    """A WAV file of so many bytes, in blocks."""
    file = BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((2, 2, 48_000, 0, "NONE", ""))
        sound.writeframes(b"")
    head = bytearray(file.getvalue())
    head[4:8] = (size - 8).to_bytes(4, "little")
    head[40:44] = (size - len(head)).to_bytes(4, "little")
    yield bytes(head) + bytes(MIB - len(head))
    for _ in range(size // MIB - 1):
        yield bytes(MIB)
