"""What direct uploads refuse: missing parts, other sizes, other bytes, too much, bytes for us."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests

from storage_backends import S3Options
from tests.storage.conftest import azurite, moto, seaweed
from tests.storage.servers import moto_in
from tests.wire.directly import (
    SENDERS,
    ChunkSender,
    MiB,
    Sender,
    Site,
    clip,
    direct_portal,
    each_dialect,
    film,
    put,
    put_one,
    site,
)

__all__ = ["azurite", "clip", "film", "moto", "seaweed", "site"]


def missing(answer: requests.Response) -> list[int]:
    """What the refusal names; in the recorder's envelope it stands beside the error."""
    assert answer.status_code == 409, answer.text
    said = answer.json()
    assert said["error"]["code"] == "incomplete" and said["error"]["message"].endswith(".")
    return said.get("missing_chunks") or said["error"]["missing_chunks"]


@each_dialect
def test_missing_parts_are_named_and_can_be_sent(
    site: Site, sender: type[Sender], film: bytes
) -> None:
    client = sender(site.portal)
    upload_id, direct = client.begin(film, mime_type="video/mp4")
    assert missing(client.end(upload_id)) == [0, 1, 2]
    put(direct, film, 1)
    assert missing(client.end(upload_id)) == [0, 2]
    put(direct, film, 0, 2)
    assert client.end(upload_id).status_code == 200
    assert site.recorded(upload_id)[2] == film


@pytest.mark.parametrize("change", [b"", b"and more"])
def test_a_part_of_another_size_does_not_count(site: Site, clip: bytes, change: bytes) -> None:
    """S3 refuses it at once; Azure takes it, and we do not."""
    client = ChunkSender(site.portal)
    upload_id, direct = client.begin(clip, mime_type="video/mp4")
    (part,) = direct["parts"]
    wrong = put_one(part, clip + change if change else clip[:-1]).status_code
    assert wrong == (403 if part["url"].count("X-Amz-") else 201)
    assert missing(client.end(upload_id)) == [0]
    assert client.status(upload_id).json()["progress"]["received_bytes"] == 0
    put(direct, clip)
    assert client.end(upload_id).status_code == 200
    assert site.recorded(upload_id)[2] == clip


@each_dialect
def test_other_bytes_than_were_declared_make_no_recording(
    site: Site, sender: type[Sender], clip: bytes
) -> None:
    client = sender(site.portal)
    upload_id, direct = client.begin(clip, mime_type="video/mp4")
    put(direct, clip[:-1] + bytes([clip[-1] ^ 1]))
    answer = client.end(upload_id)
    assert answer.status_code == 422 and answer.json()["error"]["code"] == "checksum_mismatch"
    assert site.portal.rows("SELECT id FROM recording WHERE id = ?", upload_id) == []
    put(direct, clip)  # too late
    assert client.end(upload_id).status_code == 422


@each_dialect
def test_bytes_are_not_taken_through_the_portal(
    site: Site, sender: type[Sender], clip: bytes
) -> None:
    client = sender(site.portal)
    upload_id, direct = client.begin(clip, mime_type="video/mp4")
    refused = client.send(upload_id, clip)
    assert refused.status_code == 409
    assert "straight to the storage" in refused.json()["error"]["message"]
    put(direct, clip)
    assert client.end(upload_id).status_code == 200


@pytest.mark.parametrize("said", ["yes", 1, []])
@each_dialect
def test_the_wish_is_true_or_false(
    site: Site, sender: type[Sender], clip: bytes, said: Any
) -> None:
    answer = sender(site.portal).create(clip, direct=said)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_request")


@pytest.fixture(scope="module")
def tight(seaweed: S3Options, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    limits = {"PORTAL_MAX_UPLOAD_MB": "20", "PORTAL_MAX_OPEN_UPLOADS": "1"}
    with direct_portal(tmp_path_factory.mktemp("tight"), seaweed, **limits) as running:
        yield running


@each_dialect
def test_the_limits_hold(tight: Site, sender: type[Sender], clip: bytes) -> None:
    client = sender(tight.portal)
    assert client.create(bytes(20 * MiB + 1)).status_code == 413
    client.begin(bytes(20 * MiB))
    assert client.create(clip).status_code == 429


def test_a_storage_that_is_down_is_told_with_a_time_to_come_back(
    tmp_path: Path, clip: bytes
) -> None:
    with ExitStack() as portals:
        with moto_in(tmp_path) as options:
            site = portals.enter_context(direct_portal(tmp_path, options, PORTAL_JOB_WORKERS="0"))
            token = site.portal.token()
            clients = [sender(site.portal, token) for sender in SENDERS.values()]
            first, second = (client.begin(clip)[0] for client in clients)
        recorder, chunks = clients
        for answer in (recorder.status(first), chunks.end(second), chunks.create(clip)):
            assert (answer.status_code, answer.headers["Retry-After"] > "0") == (503, True)
            assert answer.json()["error"]["code"] == "storage_unavailable"
