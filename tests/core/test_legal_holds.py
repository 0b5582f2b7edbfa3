"""Legal holds: while one is placed nothing is deleted, whenever it came."""

from __future__ import annotations

import threading
from functools import partial

import pytest

from portal.core import holding, releasing
from portal.core.audit import SYSTEM
from portal.core.errors import Held, InvalidRequest, NotFound
from portal.core.models import Recording
from tests.core.conftest import Site, at_once
from tests.core.deleting import MISSING, WORDS, ask, found, purge


def test_a_held_recording_is_not_deleted_until_the_last_hold_is_released(site: Site) -> None:
    recording = site.recorded(WORDS)
    for reason in ("lawsuit 12", "lawsuit 34"):
        holding.hold(site.session, SYSTEM, recording.id, reason)
    with pytest.raises(Held, match="legal hold"):
        ask(site, recording.id)
    assert releasing.end_holds(site.session, SYSTEM, recording.id) == 2
    assert releasing.end_holds(site.session, SYSTEM, recording.id) == 0
    assert ask(site, recording.id) == "deleting"
    assert site.events(recording.id) == [
        "upload.created",
        "hold.placed",
        "hold.placed",
        "hold.released",
        "hold.released",
        "deletion.requested",
    ]


def test_a_hold_placed_while_the_deletion_waits_wins(site: Site) -> None:
    recording = site.recorded(WORDS)
    ask(site, recording.id)
    holding.hold(site.session, SYSTEM, recording.id, "lawsuit 12")
    row = found(site, recording.id)
    assert (row.state, row.deletion_reason, row.deleted_by) == ("ready", None, None)
    purge(site, recording.id)
    assert site.content(recording.key) == WORDS
    assert "deletion.begun" not in site.events(recording.id)


def test_a_quarantined_recording_that_is_held_goes_back_into_quarantine(site: Site) -> None:
    recording = site.recorded(WORDS)
    with site.sessions() as session:
        row = session.get_one(Recording, recording.id)
        row.state, row.error_code = "quarantined", "not_media"
        session.commit()
    ask(site, recording.id)
    holding.hold(site.session, SYSTEM, recording.id, "lawsuit 12")
    assert found(site, recording.id).state == "quarantined"


def test_of_hold_and_purge_at_once_one_wins_wholly(site: Site) -> None:
    """Either the recording is held and all there, or the hold is refused and it is gone."""
    for _ in range(8):
        recording = site.recorded(WORDS)
        ask(site, recording.id)
        act = (site, recording.id, threading.Barrier(2))
        outcomes = at_once([partial(_hold_as_others_start, *act), partial(_purge_too, *act)])
        refused = any(isinstance(each, Held) for each in outcomes)
        assert found(site, recording.id).state == ("deleted" if refused else "ready"), outcomes
        assert site.keys().count(recording.key) == (0 if refused else 1)


def _hold_as_others_start(site: Site, recording_id: str, start: threading.Barrier) -> object:
    start.wait()
    with site.sessions() as session:
        return holding.hold(session, SYSTEM, recording_id, "lawsuit")


def _purge_too(site: Site, recording_id: str, start: threading.Barrier) -> None:
    start.wait()
    purge(site, recording_id)


def test_a_hold_needs_a_reason_and_something_to_hold(site: Site) -> None:
    recording = site.recorded(WORDS)
    with pytest.raises(InvalidRequest):
        holding.hold(site.session, SYSTEM, recording.id, "  ")
    with pytest.raises(NotFound):
        holding.hold(site.session, SYSTEM, MISSING, "lawsuit")
    with pytest.raises(NotFound):
        releasing.end_holds(site.session, SYSTEM, MISSING)
    ask(site, recording.id)
    purge(site, recording.id)
    with pytest.raises(Held, match="deleted already"):
        holding.hold(site.session, SYSTEM, recording.id, "lawsuit")
