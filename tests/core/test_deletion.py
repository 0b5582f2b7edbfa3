"""Deleting a recording: who may, what must be kept, and what is left of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from portal.core import deletion, finding, recordings
from portal.core.accounts import Caller
from portal.core.errors import Held, NotAllowed, NotFound
from portal.core.models import Recording
from portal.core.reasons import Asked
from portal.core.wanted import Wanted
from tests.core.conftest import Site
from tests.core.deleting import MISSING, NOT_KEPT, WEEK, WORDS, ask, found, purge, with_pictures


def test_a_deleted_recording_leaves_its_row_and_nothing_else(site: Site) -> None:
    kept, gone = site.recorded(WORDS), with_pictures(site)
    assert ask(site, gone.id) == "deleting"
    assert len(site.keys()) == 6, "asking removes nothing"
    purge(site, gone.id)
    assert site.keys() == [kept.key]
    row = found(site, gone.id)
    assert (row.state, row.deletion_reason) == ("deleted", "asked by mail")
    assert (row.deleted_by, row.sha256) == (site.caller.label, gone.sha256)
    assert (
        row.deleted_at is not None and row.thumbnail_key is row.sprite_key is row.peaks_key is None
    )
    assert site.events(gone.id)[-3:] == [
        "deletion.requested",
        "deletion.begun",
        "deletion.completed",
    ]


def test_a_tombstone_is_shown_to_those_alone_who_look_for_it(site: Site) -> None:
    gone, going, kept = (site.recorded(WORDS) for _ in range(3))
    for each in (gone, going):
        ask(site, each.id)
    purge(site, gone.id)
    auditor = replace(site.caller, rights=frozenset({"list", "download"}))

    def listed(state: str | None) -> list[str]:
        page = finding.page(site.session, auditor, 10, Wanted(state=state))
        return [each.id for each in page.rows]

    assert listed(None) == [kept.id]
    assert (listed("deleted"), listed("deleting")) == ([gone.id], [going.id])
    with site.sessions() as session:
        session.get_one(Recording, going.id).state = "purging"
        session.commit()
    assert listed("deleting") == [going.id]
    assert recordings.find(site.session, auditor, gone.id).state == "deleted"
    for each in (gone, going):
        with pytest.raises(NotFound):
            recordings.find_downloadable(site.session, auditor, each.id, Asked())


def test_asking_again_changes_nothing(site: Site) -> None:
    recording = site.recorded(WORDS)
    for _ in range(2):
        assert ask(site, recording.id) == "deleting"
    purge(site, recording.id)
    first = found(site, recording.id)
    assert ask(site, recording.id) == "deleted"
    purge(site, recording.id)
    again = found(site, recording.id)
    assert (again.deleted_at, again.deleted_by) == (first.deleted_at, first.deleted_by)
    events = site.events(recording.id)
    assert [events.count(each) for each in set(events)] == [1] * len(set(events))


def test_many_who_ask_at_once_make_one_request_of_it(site: Site) -> None:
    recording = site.recorded(WORDS)

    def ask_once(session: Session) -> str:
        return deletion.ask(session, site.caller, recording.id, "enough", NOT_KEPT).state

    assert site.at_once(ask_once, 6) == ["deleting"] * 6
    assert site.events(recording.id).count("deletion.requested") == 1


def test_who_may_delete_needs_no_other_right_and_learns_nothing_of_others(
    site: Site, stranger: Caller
) -> None:
    recording = site.recorded(WORDS)
    for right, refusal in (("delete_own", NotFound), ("list", NotAllowed)):
        other = replace(stranger, rights=frozenset({right}))
        said = set()
        for wanted in (recording.id, MISSING):
            with pytest.raises(refusal) as refused:
                deletion.ask(site.session, other, wanted, "spite", NOT_KEPT)
            said.add(str(refused.value))
        assert len(said) == 1, "what exists cannot be told from what does not"
    officer = replace(stranger, rights=frozenset({"delete"}))
    asked = deletion.ask(site.session, officer, recording.id, "order", NOT_KEPT)
    assert asked.state == "deleting"


def test_an_upload_that_is_no_recording_yet_is_not_found(site: Site) -> None:
    with pytest.raises(NotFound):
        ask(site, site.begin(10))


def test_what_must_be_kept_is_kept_and_no_longer(site: Site) -> None:
    recording = site.recorded(WORDS)
    with pytest.raises(Held, match="kept until"):
        ask(site, recording.id, WEEK)
    assert found(site, recording.id).state == "ready"
    now = found(site, recording.id).received_at + WEEK
    with pytest.raises(Held):
        deletion.assert_deletable(site.session, recording, WEEK, now - timedelta(seconds=1))
    deletion.assert_deletable(site.session, recording, WEEK, now)


def test_a_longer_time_that_is_set_meanwhile_counts(site: Site) -> None:
    recording = site.recorded(WORDS)
    ask(site, recording.id)
    purge(site, recording.id, keep=WEEK)
    assert found(site, recording.id).state == "ready"
    assert site.events(recording.id)[-1] == "deletion.denied"
    assert site.content(recording.key) == WORDS
