"""SIGKILL of the worker while it joins and pushes to S3: always one whole object, never two."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from portal.core.transaction import utc_now
from storage_backends import S3Options, Store
from tests.backends import on_s3, seaweed
from tests.conftest import Portal, Tus, upload_id
from tests.jobs.test_kills import busy_workers, kill
from tests.waiting import wait_for

__all__ = ["seaweed"]

ROUNDS = 20
REQUESTS = 3


def send(tus: Tus, content: bytes) -> str:
    """In several requests, so that there is something to join."""
    path, step = tus.begin(len(content)), -(-len(content) // REQUESTS)
    for at in range(0, len(content), step):
        assert tus.patch(path, at, content[at : at + step]).status_code == 204
    return upload_id(path)


def kill_in_the_middle(portal: Portal, upload: str, longest: float) -> bool:
    """At some moment of the assembly. True if it was not finished then."""
    wait_for(lambda: portal.rows("SELECT 1 FROM job WHERE object_id = ?", upload))
    time.sleep(random.random() * longest)  # another moment each round
    kill(busy_workers(portal))
    return not portal.rows("SELECT 1 FROM recording WHERE id = ?", upload)


def originals(store: Store) -> list[str]:
    return [each.key for each in store.find("recordings") if each.key.endswith("/original")]


@pytest.mark.parametrize("shared_staging", [False, True], ids=["pushed", "joined by the server"])
def test_acceptance_8_twenty_kills_in_the_middle_of_a_join_leave_one_whole_object_each(
    seaweed: S3Options,
    own_portal: Callable[..., Portal],
    media: Callable[..., Path],
    shared_staging: bool,
) -> None:
    there = on_s3(seaweed, shared_staging)
    portal = own_portal(**there.settings, PORTAL_WEB_PROCESSES="1")
    tus = Tus(portal, portal.token())
    sound = media("call-sales-0815.wav", 60).read_bytes() * 18  # 16 MiB; readers stop at the first
    sent, hits = {}, 0
    for number in range(ROUNDS):
        content = sound + number.to_bytes(4, "big")
        upload = send(tus, content)
        hits += kill_in_the_middle(portal, upload, longest=0.8)
        sent[upload] = hashlib.sha256(content).hexdigest()
    assert hits >= ROUNDS // 4, "too few assemblies were interrupted to mean something"
    assert there.store is not None
    for upload, digest in sent.items():
        row = portal.recording(upload, seconds=60)
        assert (row["state"], row["sha256"]) == ("ready", digest)
        assert there.store.checksum(row["key"]) == digest
    assert len(originals(there.store)) == ROUNDS
    there.store.sweep_abandoned(utc_now() + timedelta(minutes=1))
    assert there.store.sweep_abandoned(utc_now() + timedelta(minutes=1)) == 0
    wait_for(lambda: not portal.rows("SELECT 1 FROM part"), what="all parts are tidied up")
