"""The nightly run: mark, grace, purge; and everything that saves a recording on the way."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from portal.core import holding, releasing, tagging
from portal.core.audit import SYSTEM
from portal.core.errors import Held, TryAgainLater
from portal.core.models import AuditEvent, Recording, RetentionRun
from portal.core.retention import clock, planning, running
from portal.core.retention.deciding import Rule
from portal.core.roles import ROLE_MAY
from portal.core.scopes import EVERYTHING
from tests.core.conftest import Site
from tests.core.deleting import ask, found, purge
from tests.core.retaining import DAY, HOW, NOW, adopt, in_force, recorded, run, steady

TEN = Rule("ten days", keep_days=0, delete_days=10)


def test_what_is_due_is_marked_waits_and_goes(site: Site) -> None:
    number = in_force(site, TEN)
    due, young = recorded(site, days=10), recorded(site, days=9)
    assert run(site).marked == 1
    row = found(site, due.id)
    assert (row.state, row.purge_at, row.marked_rule) == ("ready", NOW + 7 * DAY, "ten days")
    assert run(site, NOW + 6 * DAY).purged == 0
    last = run(site, NOW + 7 * DAY)
    assert (last.purged, last.size, last.policy) == (1, due.size, number)
    purge(site, due.id)
    gone = found(site, due.id)
    assert (gone.state, gone.deleted_by) == ("deleted", "retention")
    assert gone.deletion_reason == f"Retention rule “ten days” of policy {number}"
    assert site.events(due.id)[-4:] == [
        "retention.marked",
        "retention.expired",
        "deletion.begun",
        "deletion.completed",
    ]
    assert found(site, young.id).purge_at == NOW + 13 * DAY  # its day came on the way


def test_without_rules_nothing_is_ever_looked_at(site: Site) -> None:
    kept = recorded(site, days=36_000)
    assert run(site).looked == 0 and found(site, kept.id).marked_at is None


def test_lengthening_saves_what_is_marked(site: Site) -> None:
    in_force(site, TEN)
    saved = recorded(site, days=10)
    run(site)
    in_force(site, replace(TEN, delete_days=100))
    last = run(site, NOW + 30 * DAY)
    assert (last.unmarked, last.purged) == (1, 0)
    row = found(site, saved.id)
    assert (row.marked_at, row.purge_at, row.delete_at) == (None, None, NOW + 90 * DAY)
    assert "retention.unmarked" in site.events(saved.id)


def test_lengthening_saves_even_what_waits_for_its_purge(site: Site) -> None:
    in_force(site, TEN)
    saved = recorded(site, days=10)
    run(site)
    run(site, NOW + 7 * DAY)
    assert found(site, saved.id).state == "deleting"
    in_force(site, replace(TEN, delete_days=None))
    purge(site, saved.id)
    row = found(site, saved.id)
    assert (row.state, row.deleted_by, row.purge_at) == ("ready", None, None)
    assert site.keys() == [saved.key]


def test_a_hold_takes_the_mark_away_at_once_and_blocks_the_run(site: Site) -> None:
    in_force(site, TEN)
    held = recorded(site, days=10)
    run(site)
    holding.hold(site.session, SYSTEM, held.id, "lawsuit 12")
    assert found(site, held.id).purge_at is None
    last = run(site, NOW + 30 * DAY)
    assert (last.blocked, last.marked, last.purged) == (1, 0, 0)
    releasing.end_holds(site.session, SYSTEM, held.id)
    assert run(site, NOW + 31 * DAY).marked == 1


def test_a_hold_that_comes_right_before_the_purge_wins(site: Site) -> None:
    in_force(site, TEN)
    held = recorded(site, days=10)
    run(site)
    run(site, NOW + 7 * DAY)
    holding.hold(site.session, SYSTEM, held.id, "lawsuit 12")
    purge(site, held.id)
    assert found(site, held.id).state == "ready" and site.keys() == [held.key]
    assert run(site, NOW + 30 * DAY).blocked == 1


def test_keep_stands_in_everybodys_way(site: Site) -> None:
    in_force(site, Rule("a year", keep_days=36_500, delete_days=None))
    kept = recorded(site, days=10)
    with pytest.raises(Held, match="must be kept until 2126"):
        ask(site, kept.id)
    in_force(site, Rule("for ever", keep_days=None))
    with pytest.raises(Held, match="never deleted"):
        ask(site, kept.id)


def test_the_minimum_of_the_settings_counts_in_the_run(site: Site) -> None:
    in_force(site, TEN)
    kept = recorded(site, days=10)
    how = replace(HOW, keep=11 * DAY)
    assert run(site, NOW, how).marked == 0
    assert run(site, NOW + DAY, how).marked == 1 and found(site, kept.id).state == "ready"


def test_a_tag_moves_the_date_in_the_same_moment(site: Site) -> None:
    in_force(site, TEN, Rule("fraud", tag="fraud", keep_days=50, delete_days=50))
    recording = recorded(site, days=1)
    caller = replace(site.caller, rights=ROLE_MAY["officer"], scope=EVERYTHING)
    assert found(site, recording.id).delete_at == NOW + 9 * DAY
    tagging.add_tag(site.session, caller, recording.id, "fraud")
    assert found(site, recording.id).delete_at == NOW + 49 * DAY
    tagging.remove_tag(site.session, caller, recording.id, "fraud")
    assert found(site, recording.id).delete_at == NOW + 9 * DAY


def test_a_department_moves_the_date_too(site: Site) -> None:
    in_force(site, TEN, Rule("law", department="law", keep_days=50, delete_days=50))
    recording = recorded(site, days=1)
    caller = replace(site.caller, rights=ROLE_MAY["officer"], scope=EVERYTHING)
    tagging.set_department(site.session, caller, recording.id, "law")
    assert found(site, recording.id).delete_at == NOW + 49 * DAY


def test_a_new_recording_has_its_date_from_the_start(site: Site, call: bytes) -> None:
    number = in_force(site, TEN)
    upload_id = site.received(call)
    site.assemble(upload_id)
    row = found(site, upload_id)
    assert row.delete_at == row.received_at + 10 * DAY and row.planned_policy == number


def test_a_rehearsal_says_the_same_and_changes_nothing(site: Site) -> None:
    in_force(site, TEN)
    due = recorded(site, days=10)
    before = len(site.events(due.id))
    said = running.rehearse(site.session, NOW, HOW)
    assert (said.looked, said.marked, said.purged) == (1, 1, 0)
    assert found(site, due.id).purge_at is None and len(site.events(due.id)) == before
    assert run(site).marked == said.marked
    assert running.rehearse(site.session, NOW + 8 * DAY, HOW).purged == 1


def test_two_runs_at_once_do_each_thing_once(site: Site) -> None:
    in_force(site, TEN)
    due = [recorded(site, days=10).id for _ in range(20)]
    steady(site, NOW)

    def both(session: Session) -> RetentionRun:
        return running.run(session, SYSTEM, NOW, HOW)

    runs = site.at_once(both, 3)
    assert sum(each.marked for each in runs) == 20  # type: ignore[attr-defined]
    assert [site.events(each).count("retention.marked") for each in due] == [1] * 20


def test_a_clock_that_jumps_ahead_deletes_nothing(site: Site) -> None:
    in_force(site, TEN)
    young = recorded(site, days=1)
    steady(site, NOW)
    jumped = NOW + 3650 * DAY
    for moment in (jumped, jumped + timedelta(hours=1), jumped + timedelta(hours=23)):
        with pytest.raises(TryAgainLater, match="clock"):
            running.run(site.session, SYSTEM, moment, HOW)
        assert not running.due(site.session, moment)
        _beats(site, moment)
    assert found(site, young.id).marked_at is None
    assert run(site, NOW + 2 * DAY).looked == 0


def _beats(site: Site, now: datetime) -> None:
    with site.sessions() as session:
        clock.beat(session, now)


def test_a_mark_of_a_wrong_clock_is_taken_back(site: Site) -> None:
    in_force(site, TEN)
    young = recorded(site, days=1)
    run(site, NOW + 3650 * DAY)  # somebody let it run wrong for days
    assert found(site, young.id).purge_at is not None
    with pytest.raises(TryAgainLater):
        running.run(site.session, SYSTEM, NOW, HOW)
    assert run(site, NOW + 2 * DAY).unmarked == 1


def test_small_steps_of_the_clock_are_none(site: Site) -> None:
    steady(site, NOW)
    _beats(site, NOW - timedelta(minutes=5))
    _beats(site, NOW + timedelta(minutes=10))
    assert running.due(site.session, NOW + timedelta(minutes=11))


def test_the_next_run_is_a_night_later(site: Site) -> None:
    run(site)
    assert not running.due(site.session, NOW + timedelta(minutes=30))
    steady(site, NOW + DAY)
    assert running.due(site.session, NOW + DAY)


def test_planning_goes_on_where_it_was_cut_off(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [recorded(site, days=1).id for _ in range(5)]
    monkeypatch.setattr(planning, "BATCH", 2)
    adopt(site, TEN)
    assert planning._plan_batch(site.session) == 2  # and then the worker is killed
    assert planning.left(site.session, 100) == 3 and planning.waiting(site.session)
    assert planning.plan_all(site.session) == 3
    assert {found(site, each).delete_at for each in rows} == {NOW + 9 * DAY}
    assert planning.waiting(site.session) == []


def test_a_run_writes_its_numbers_down(site: Site) -> None:
    in_force(site, TEN)
    recorded(site, days=10)
    made = run(site)
    with site.sessions() as session:
        event = session.query(AuditEvent).filter_by(action="retention.run").all()[-1]
        kept = session.get_one(RetentionRun, made.id)
    assert kept.ended_at is not None and event.details["marked"] == kept.marked == 1
    assert site.session.query(Recording).filter(Recording.purge_at.is_not(None)).count() == 1
