"""Two hundred uploads at once through each dialect, and several clients on one: all whole, and
never a mixture. What was acknowledged is read back from the store; the assembly, which other tests
are about, would take most of the time."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from sqlalchemy import select

from portal.core.models import Part, Upload
from portal.db import db
from portal.storage import stores
from tests.conftest import Portal
from tests.wire.dialects import CHUNK, CLIENTS, Client

AT_ONCE = 200


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    running = Portal(
        tmp_path_factory.mktemp("crowded"),
        PORTAL_CHUNK_BYTES=str(CHUNK),
        PORTAL_JOB_WORKERS="0",
        PORTAL_FINISH_WAIT_SECONDS="0",
    ).start()
    yield running
    running.drop()


@pytest.fixture(scope="module")
def crowd(crowded: Portal) -> str:
    return crowded.token("uploader", "upload", leads=["*"])


def received(portal: Portal, upload_id: str) -> bytes:
    """The acknowledged bytes of an upload, as an assembly would join them."""
    with portal.app.app_context():
        keys = select(Part.key).where(Part.upload_id == upload_id).order_by(Part.number)
        return b"".join(b"".join(stores.staging.read(key)) for key in db.session.scalars(keys))


def state(portal: Portal, upload_id: str) -> str:
    with portal.app.app_context():
        return db.session.get_one(Upload, upload_id).state


def sent_whole(client: Client, seed: int) -> Client:
    order = list(range(len(client.pieces)))
    if client.any_order:
        random.Random(seed).shuffle(order)
    answers = [client.begin()] + [client.send(number) for number in order] + [client.finish()]
    assert all(answer.ok for answer in answers), [answer.text for answer in answers]
    client.session.close()
    return client


@pytest.mark.parametrize("dialect", CLIENTS)
def test_two_hundred_uploads_at_once_are_all_whole(
    crowded: Portal, crowd: str, dialect: str
) -> None:
    clients = [
        CLIENTS[dialect](crowded, crowd, random.Random(seed).randbytes(CHUNK + seed), "a.wav")
        for seed in range(AT_ONCE)
    ]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        done = list(pool.map(sent_whole, clients, range(AT_ONCE)))
    assert len({client.id for client in done}) == AT_ONCE
    for client in done:
        assert received(crowded, client.id) == client.content
        assert state(crowded, client.id) == "finishing"


@pytest.mark.parametrize("dialect", CLIENTS)
def test_clients_that_send_different_files_to_one_upload_never_make_a_mixture(
    crowded: Portal, crowd: str, dialect: str
) -> None:
    """Of each piece, all bytes are one client's; what is acknowledged is what is stored."""
    size = 6 * CHUNK
    files = [bytes([letter]) * size for letter in b"abcd"]
    first = CLIENTS[dialect](crowded, crowd, files[0], "a.wav")
    assert first.begin().ok
    rivals = [CLIENTS[dialect](crowded, crowd, file, "a.wav") for file in files]
    for rival in rivals:
        rival.id = first.id

    def send_all(rival: Client) -> list[tuple[int, requests.Response]]:
        return [(number, rival.send(number)) for number in range(len(rival.pieces))]

    with ThreadPoolExecutor(len(rivals)) as pool:
        answers = list(pool.map(send_all, rivals))
    kept = received(crowded, first.id)
    pieces = [kept[at : at + CHUNK] for at in range(0, len(kept), CHUNK)]
    assert all(len(set(piece)) == 1 for piece in pieces), "one piece, one client"
    for rival, said in zip(rivals, answers, strict=True):
        for number, answer in said:
            if answer.ok:
                assert pieces[number] == rival.content[:CHUNK], "acknowledged, so it is kept"


@pytest.mark.parametrize("dialect", CLIENTS)
def test_eight_who_finish_at_once_get_one_recording(
    crowded: Portal, crowd: str, dialect: str
) -> None:
    client = sent_whole(CLIENTS[dialect](crowded, crowd, bytes(2 * CHUNK), "a.wav"), 1)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.finish(), range(8)))
    assert {answer.status_code for answer in answers} <= {200, 202}
    assert len({hashlib.sha256(answer.content).digest() for answer in answers}) == 1
