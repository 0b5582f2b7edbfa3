"""Chunked uploads at a portal's limits: small chunks and few, no time to wait, no more bytes."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import pytest
import requests

from tests.conftest import Portal
from tests.waiting import wait_for
from tests.wire.chunking import Client, client, pieces, refused, wav

__all__ = ["client"]

SMALL = 16 * 1024


@pytest.fixture(scope="module")
def tight(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A portal with small chunks and few, which does not wait for the assembly."""
    settings = {"CHUNK_BYTES": str(SMALL), "MAX_PARTS": "40", "FINISH_WAIT_SECONDS": "0"}
    named = {f"PORTAL_{name}": value for name, value in settings.items()}
    running = Portal(tmp_path_factory.mktemp("tight"), **named).start()
    yield Client(running, running.token())
    running.drop()


def test_without_waiting_the_answer_is_202_and_the_status_tells(tight: Client) -> None:
    content = wav(3 * SMALL)
    begun = tight.send(content, SMALL)
    answer = tight.complete(begun)
    assert answer.status_code == 202
    said = answer.json()
    assert (said["upload_id"], said["status"]) == (begun, "processing")
    where = tight.portal.url + said["status_url"]

    def status() -> str:
        return requests.get(where, headers=tight.headers).json()["status"]

    assert status() in ("processing", "completed")
    wait_for(lambda: status() == "completed")
    assert tight.complete(begun).status_code == 200


def test_two_clients_on_one_upload_never_make_a_mixture(tight: Client) -> None:
    """The same lengths, other bytes: each number is one's or the other's, and the file's hash says
    in the end whether it is the declared one."""
    mine, other = wav(10 * SMALL), wav(10 * SMALL)
    begun = tight.begin(mine)

    def send(content: bytes) -> set[int]:
        taken = enumerate(pieces(content, SMALL))
        return {tight.chunk(begun, number, piece).status_code for number, piece in taken}

    with ThreadPoolExecutor(4) as pool:
        statuses = set().union(*pool.map(send, [mine, other, mine, other]))
    assert statuses <= {200, 409}
    said = tight.status(begun).json()["progress"]
    assert said["received_bytes"] == len(mine) and said["missing_chunks"] == []
    tight.complete(begun)
    ended = wait_for(lambda: (s := tight.status(begun).json())["status"] != "processing" and s)
    if ended["status"] == "completed":
        assert tight.portal.recording(begun)["sha256"] == sha256(mine).hexdigest()
    else:
        assert ended["error"]["code"] == "checksum_mismatch"


def test_more_chunks_than_allowed_are_refused_before_the_first(tight: Client) -> None:
    assert tight.post("init", {"filename": "a", "total_size": 40 * SMALL}).status_code == 201
    answer = tight.post("init", {"filename": "a", "total_size": 40 * SMALL + 1})
    assert "40 chunks" in refused(answer, 413, "too_large")


def test_more_bytes_than_allowed_are_refused(client: Client) -> None:
    refused(client.post("init", {"filename": "a", "total_size": 10 * 1024**3 + 1}), 413)
