"""What is joined on the local disk is hashed in step, whatever the kernel can do."""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path

import pytest

from storage_backends import kernel
from storage_backends.local import LocalStore

MIB = 1024 * 1024


@pytest.fixture(params=["in the kernel", "through Python"])
def store(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> LocalStore:
    """With small steps, and once on a platform that cannot copy inside the kernel."""
    monkeypatch.setattr(kernel, "COPY_AT_ONCE", 2 * MIB)
    if request.param == "through Python":
        monkeypatch.delattr("os.copy_file_range")
    return LocalStore(tmp_path / "store")


@pytest.mark.parametrize(
    "sizes", [[5 * MIB + 1, 3, 0, 4 * MIB], [0, 0], [2 * MIB, 2 * MIB], [1] * 40], ids=str
)
def test_the_hash_of_a_join_is_that_of_its_bytes(store: LocalStore, sizes: list[int]) -> None:
    pieces = [secrets.token_bytes(size) for size in sizes]
    for number, piece in enumerate(pieces):
        store.write(f"parts/{number}", [piece])
    joined = store.join([f"parts/{number}" for number in range(len(pieces))], "joined")
    assert b"".join(store.read("joined")) == b"".join(pieces)
    assert joined.sha256 == hashlib.sha256(b"".join(pieces)).hexdigest()
    assert joined.size == sum(sizes)
