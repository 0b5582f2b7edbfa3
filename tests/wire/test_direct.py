"""Uploads straight to the storage, from their creation to the recording, on S3 and on Azure."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.storage.conftest import azurite, seaweed
from tests.waiting import wait_for
from tests.wire.directly import (
    PART,
    ChunkSender,
    Sender,
    Site,
    clip,
    each_dialect,
    film,
    numbers,
    put,
    put_one,
    site,
)

__all__ = ["azurite", "clip", "film", "seaweed", "site"]


@each_dialect
def test_the_bytes_go_to_the_storage_and_the_recording_is_theirs(
    site: Site, sender: type[Sender], film: bytes
) -> None:
    client = sender(site.portal)
    upload_id, direct = client.begin(film, filename="film.mp4", mime_type="video/mp4")
    assert (direct["part_size"], numbers(direct)) == (PART, [0, 1, 2])
    assert [part["size"] for part in direct["parts"]] == [PART, PART, len(film) - 2 * PART]
    put(direct, film)
    done = client.end(upload_id)
    assert (done.status_code, done.json()["status"]) == (200, "completed"), done.text
    assert site.recorded(upload_id) == ("ready", sha256(film).hexdigest(), film)
    assert client.received < 10_000
    assert {urlsplit(part["url"]).netloc for part in direct["parts"]}.isdisjoint(
        {urlsplit(site.portal.url).netloc}
    )
    wait_for(lambda: site.tidy(upload_id), what="the parts are tidied away")
    assert client.end(upload_id).json() == done.json()


@each_dialect
def test_the_status_tells_what_is_missing_and_how_far_it_is(
    site: Site, sender: type[Sender], film: bytes
) -> None:
    """Whoever asks: another process, which knows nothing but the upload's id."""
    token = site.portal.token()
    upload_id, direct = sender(site.portal, token).begin(film, mime_type="video/mp4")
    put(direct, film, 1)
    later = sender(site.portal, token)
    standing = later.status(upload_id)
    assert standing.headers["Cache-Control"] == "no-store"
    assert numbers(standing.json()["direct"]) == [0, 2]
    put(standing.json()["direct"], film, 0)
    left = later.status(upload_id).json()["direct"]
    assert numbers(left) == [2]
    put(left, film)
    assert later.status(upload_id).json()["direct"]["parts"] == []
    assert later.end(upload_id).status_code == 200
    assert site.recorded(upload_id)[2] == film
    assert "direct" not in later.status(upload_id).json()


def test_the_addresses_are_good_for_an_hour_and_fresh_each_time(site: Site, clip: bytes) -> None:
    client = ChunkSender(site.portal)
    upload_id, direct = client.begin(clip, mime_type="video/mp4")
    first = direct["parts"][0]["url"]
    assert 3500 < seconds_left(first) <= 3600
    longer = first.replace("X-Amz-Expires=3600", "X-Amz-Expires=9999").replace("se=2", "se=3")
    assert longer != first
    assert put_one(direct["parts"][0] | {"url": longer}, clip).status_code == 403
    second = wait_for(lambda: other_than(first, client.status(upload_id).json()["direct"]))
    assert put_one(direct["parts"][0] | {"url": second}, clip).status_code in (200, 201)
    assert client.end(upload_id).status_code == 200


def seconds_left(url: str) -> float:
    said = parse_qs(urlsplit(url).query)
    if "se" in said:
        return (datetime.fromisoformat(said["se"][0]) - datetime.now(UTC)).total_seconds()
    return float(said["X-Amz-Expires"][0])


def other_than(url: str, direct: dict[str, Any]) -> str | None:
    found: str = direct["parts"][0]["url"]
    return found if found != url else None


@each_dialect
def test_the_addresses_are_in_no_log_no_event_and_no_job(
    site: Site, sender: type[Sender], clip: bytes
) -> None:
    client = sender(site.portal)
    upload_id, direct = client.begin(clip, mime_type="video/mp4")
    client.end(upload_id)  # refused
    put(direct, clip)
    client.status(upload_id)
    assert client.end(upload_id).status_code == 200
    query = urlsplit(direct["parts"][0]["url"]).query
    signature = query.partition("ignature=")[2] or query.partition("sig=")[2]
    assert len(signature.partition("&")[0]) > 20
    portal = site.portal
    kept = portal.log.read_text() + str(portal.rows("SELECT * FROM audit_event"))
    kept += str(portal.rows("SELECT * FROM job")) + str(portal.rows("SELECT * FROM upload"))
    assert upload_id in kept
    for word in (signature, "X-Amz-", "sig=", "?sv="):
        assert word not in kept
