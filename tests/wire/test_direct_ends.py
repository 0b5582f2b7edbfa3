"""How direct uploads end, and that nothing of them is left in the storage."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import update

from portal.core import orphans
from portal.core.models import Upload
from portal.core.transaction import utc_now
from portal.db import db
from portal.storage import stores
from tests.storage.conftest import azurite, seaweed
from tests.waiting import wait_for
from tests.wire.directly import (
    ChunkSender,
    RecorderSender,
    Sender,
    Site,
    clip,
    each_dialect,
    film,
    put,
    put_one,
    site,
)

__all__ = ["azurite", "clip", "film", "seaweed", "site"]


def let_expire(site: Site, upload_id: str, left: timedelta = timedelta(0)) -> datetime:
    """As if nothing had arrived for as long as an upload waits, but for what is `left`."""
    until = utc_now() + left
    with site.portal.app.app_context():
        moved = update(Upload).where(Upload.id == upload_id).values(expires_at=until)
        db.session.execute(moved)
        db.session.commit()
    return until


def clean_up(site: Site) -> None:
    site.portal.cli("cleanup-expired-uploads")


def sweep(site: Site) -> None:
    """What the portal does every six hours, two days from now."""
    with site.portal.app.app_context():
        orphans.compare(db.session, stores, utc_now() + timedelta(days=2))


def test_cancelling_removes_the_parts_at_once(site: Site, film: bytes) -> None:
    """Those too that nobody has counted yet."""
    client = ChunkSender(site.portal)
    upload_id, direct = client.begin(film, mime_type="video/mp4")
    put(direct, film, 0)
    client.status(upload_id)
    put(direct, film, 2)
    assert len(site.parts(upload_id)) == 2
    assert client.client.cancel(upload_id).json()["status"] == "cancelled"
    assert site.parts(upload_id) == []
    said = client.status(upload_id).json()
    assert said["status"] == "cancelled" and "direct" not in said
    assert client.end(upload_id).status_code == 410


@each_dialect
def test_expiry_removes_the_parts(site: Site, sender: type[Sender], film: bytes) -> None:
    client = sender(site.portal)
    upload_id, direct = client.begin(film, mime_type="video/mp4")
    put(direct, film)
    let_expire(site, upload_id)
    said = client.status(upload_id).json()
    assert said["status"] == "expired" and "direct" not in said
    assert client.end(upload_id).status_code == 410
    clean_up(site)
    assert site.parts(upload_id) == []


@each_dialect
def test_whoever_has_been_seen_to_send_all_gets_the_recording(
    site: Site, sender: type[Sender], film: bytes
) -> None:
    """The client asked where it stands, and died before it said that it was done."""
    client = sender(site.portal)
    upload_id, direct = client.begin(film, mime_type="video/mp4")
    put(direct, film)
    client.status(upload_id)
    let_expire(site, upload_id)
    clean_up(site)
    assert site.recorded(upload_id) == ("ready", sha256(film).hexdigest(), film)


@each_dialect
def test_only_what_arrives_keeps_it_open(site: Site, sender: type[Sender], film: bytes) -> None:
    client = sender(site.portal)
    upload_id, direct = client.begin(film, mime_type="video/mp4")
    soon = let_expire(site, upload_id, timedelta(minutes=5))

    def until() -> datetime:
        return datetime.fromisoformat(client.status(upload_id).json()["expires_at"])

    assert until() == soon
    put(direct, film, 1)
    later = until()
    assert later > soon + timedelta(hours=23)
    put(direct, film, 1)
    assert until() == later, "it was here already"


def test_who_puts_again_after_the_end_changes_nothing(site: Site, clip: bytes) -> None:
    client = RecorderSender(site.portal)
    upload_id, direct = client.begin(clip)
    put(direct, clip)
    assert client.end(upload_id).status_code == 200
    wait_for(lambda: site.tidy(upload_id), what="the parts are tidied away")
    other = bytes(len(clip))
    for part in direct["parts"]:
        assert put_one(part, other).status_code in (200, 201), "the address is still good"
    assert site.recorded(upload_id) == ("ready", sha256(clip).hexdigest(), clip)
    assert client.end(upload_id).json()["status"] == "completed"
    assert site.parts(upload_id) != []
    sweep(site)
    assert site.parts(upload_id) == []
    assert site.recorded(upload_id)[2] == clip


def test_parts_of_open_uploads_are_not_swept(site: Site, clip: bytes) -> None:
    client = RecorderSender(site.portal)
    upload_id, direct = client.begin(clip)
    put(direct, clip)
    sweep(site)
    assert client.end(upload_id).status_code == 200
    assert site.recorded(upload_id)[2] == clip
