"""Behind nginx, with the file that we ship."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.conftest import Portal, Tus
from tests.nginx import in_front
from tests.waiting import wait_for


@pytest.fixture
def behind(portal: Portal, token: str, tmp_path: Path) -> Iterator[Tus]:
    """A client that reaches the portal through nginx."""
    with in_front(portal.port, tmp_path) as port:
        place = SimpleNamespace(url=f"http://127.0.0.1:{port}", port=port)
        yield Tus(place, token)  # type: ignore[arg-type]


def test_a_cut_upload_keeps_its_bytes(behind: Tus) -> None:
    path = behind.begin(3_000_000)
    with behind.raw(path, 0, 3_000_000) as connection:
        connection.sendall(b"x" * 1_000_000)
    wait_for(lambda: behind.offset(path) == 1_000_000, what="what had been sent is there")
    assert behind.patch(path, 1_000_000, b"x" * 2_000_000).status_code == 204
