"""Asking for the deletion of a recording, and purging it as a worker does."""

from __future__ import annotations

from datetime import timedelta

from portal.core import deletion, leases
from portal.core.models import Recording
from tests.core.conftest import Site

WORDS = b"these are no media"
NOT_KEPT, WEEK = timedelta(0), timedelta(days=7)
MISSING = "00000000-0000-7000-8000-000000000000"


def ask(site: Site, recording_id: str, keep: timedelta = NOT_KEPT) -> str:
    return deletion.ask(site.session, site.caller, recording_id, "asked by mail", keep).state


def purge(site: Site, recording_id: str, keep: timedelta = NOT_KEPT) -> None:
    """As a worker does it."""
    with site.sessions() as session:
        lease = leases.claim(session, deletion.KIND, recording_id, 60)
        assert lease is not None, "somebody else has the lease"
        deletion.purge(session, site.stores, recording_id, keep, lease)


def found(site: Site, recording_id: str) -> Recording:
    recording = site.recording(recording_id)
    assert recording is not None
    return recording


def with_pictures(site: Site) -> Recording:
    """A recording with everything that assembly may leave in its folder."""
    recording = site.recorded(WORDS)
    folder = recording.key.rpartition("/")[0]
    for name in ("thumbnail.jpg", "sprite.jpg", "peaks.json", "playback.m4a"):
        site.store.write(f"{folder}/{name}", [b"made from it"])
    with site.sessions() as session:
        row = session.get_one(Recording, recording.id)
        row.thumbnail_key, row.peaks_key = f"{folder}/thumbnail.jpg", f"{folder}/peaks.json"
        row.playback_key, row.sprite_key = f"{folder}/playback.m4a", f"{folder}/sprite.jpg"
        session.commit()
    return recording
