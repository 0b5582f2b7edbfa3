"""The rolling verification: everything once within the period, so much at a time, the oldest
first."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from portal.core import holding, leases, rolling
from portal.core.accounts import Caller
from portal.core.errors import NotAllowed, NotFound
from portal.core.models import Recording
from portal.core.scopes import EVERYTHING, NOTHING
from portal.core.transaction import utc_now
from storage_backends import StorageUnavailable
from tests.core.conftest import Site

PERIOD = timedelta(days=30)
PLENTY = 10**9


@pytest.fixture
def officer(uploader: Caller) -> Caller:
    rights = frozenset({"list", "verify", "delete"})
    return replace(uploader, role="officer", rights=rights, scope=EVERYTHING)


def recorded(site: Site, days: float, content: bytes = b"words" * 100) -> str:
    """A recording that was verified so many days ago."""
    made = site.recorded(content).id
    change(site, made, verified_at=utc_now() - timedelta(days=days))
    return made


def change(site: Site, recording_id: str, **values: object) -> None:
    with site.sessions() as session:
        session.execute(update(Recording).where(Recording.id == recording_id).values(**values))
        session.commit()


def run(site: Site, most: int = PLENTY) -> int:
    with site.sessions() as session:
        return rolling.run(session, site.stores, PERIOD, most).count


def checks(site: Site, recording_id: str) -> int:
    return sum(each.startswith("integrity.") for each in site.events(recording_id))


def state(site: Site, recording_id: str) -> str:
    return rolling.state(site.recording(recording_id), PERIOD, utc_now())


def test_whose_turn_has_come_is_verified_once_and_the_others_are_not(site: Site) -> None:
    fresh, due, late = (recorded(site, days) for days in (1, 25, 31))
    assert [state(site, each) for each in (fresh, due, late)] == ["ok", "ok", "overdue"]
    assert run(site) == 2
    assert run(site) == 0
    assert [checks(site, each) for each in (fresh, due, late)] == [0, 1, 1]
    assert state(site, late) == "ok"


def test_a_run_reads_no_more_than_it_may_and_begins_with_the_oldest(site: Site) -> None:
    ids = [recorded(site, days, b"x" * 1000) for days in (29, 33, 31)]
    assert run(site, most=2500) == 2
    assert [checks(site, each) for each in ids] == [0, 1, 1]
    assert run(site, most=2500) == 1


def test_one_larger_than_a_run_may_read_is_not_left_out(site: Site) -> None:
    large, small = recorded(site, 33, b"x" * 5000), recorded(site, 31)
    assert run(site, most=1000) == 1
    assert (checks(site, large), checks(site, small)) == (1, 0)


def test_what_differs_and_what_is_missing_is_found_and_told(site: Site, officer: Caller) -> None:
    good, bad, lost = (recorded(site, 31) for _ in range(3))
    (site.folder / site.recording(bad).key).write_bytes(b"tampered")
    site.store.delete(site.recording(lost).key)
    assert run(site) == 3
    assert [state(site, each) for each in (good, bad, lost)] == ["ok", "mismatch", "missing"]
    assert site.events(bad)[-1] == site.events(lost)[-1] == "integrity.mismatch"
    tile = rolling.tile(site.session, officer, PERIOD)
    assert tile.counts == {"ok": 1, "mismatch": 1, "missing": 1, "overdue": 0}


def test_a_storage_that_is_away_changes_nothing_and_holds_nobody_up(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = recorded(site, 31)
    away = recorded(site, 40)
    change(site, away, storage_id="elsewhere")
    before = site.recording(away).verified_at
    assert run(site) == 1
    assert (checks(site, there), checks(site, away)) == (1, 0)
    assert site.recording(away).verified_at == before
    assert state(site, away) == "overdue"


def test_one_that_cannot_be_read_holds_up_none_of_its_storage_and_is_tried_again(
    site: Site,
) -> None:
    broken, there = recorded(site, 40), recorded(site, 31)
    file = site.folder / site.recording(broken).key
    content = file.read_bytes()
    file.unlink()
    file.symlink_to(file)  # whoever opens it goes round in circles: an OSError, even for root
    assert (run(site), run(site), run(site)) == (0, 1, 0)
    assert (checks(site, there), state(site, broken)) == (1, "overdue")
    assert site.events(broken)[-1:] == ["integrity.unread"]
    assert rolling.waiting(site.session) == [broken]
    with pytest.raises(StorageUnavailable):
        rolling.verify_asked(site.session, site.stores, broken)
    file.unlink()
    file.write_bytes(content)
    assert rolling.verify_asked(site.session, site.stores, broken) == 1
    assert state(site, broken) == "ok" and rolling.waiting(site.session) == []


def test_what_is_deleted_while_it_is_read_is_not_missing(site: Site) -> None:
    gone, look = recorded(site, 31), site.store.stat

    def late_look(key: str, version: str | None = None) -> object:
        change(site, gone, state="purging")
        site.store.delete(key)
        return look(key, version)

    site.store.stat = late_look  # type: ignore[method-assign,assignment]
    run(site)
    assert site.recording(gone).integrity == "ok"
    assert checks(site, gone) == 0


def test_tombstones_are_not_verified_nor_counted(site: Site, officer: Caller) -> None:
    gone = recorded(site, 31)
    change(site, gone, state="deleted", deleted_at=utc_now())
    assert run(site) == 0
    assert not any(rolling.tile(site.session, officer, PERIOD).counts.values())
    with pytest.raises(NotFound):
        rolling.ask(site.session, officer, gone)


def test_verify_now_waits_until_it_was_done(site: Site, officer: Caller) -> None:
    asked, other = recorded(site, 1), recorded(site, 1)
    rolling.ask(site.session, officer, asked)
    rolling.ask(site.session, officer, asked)
    assert rolling.waiting(site.session) == [asked]
    assert rolling.verify_asked(site.session, site.stores, asked) == 1
    assert rolling.verify_asked(site.session, site.stores, asked) == 0
    assert rolling.verify_asked(site.session, site.stores, other) == 0
    assert rolling.waiting(site.session) == []
    assert site.events(asked)[-3:] == ["integrity.asked", "integrity.asked", "integrity.verified"]


def test_verify_now_stays_asked_for_while_the_storage_is_away(site: Site, officer: Caller) -> None:
    asked = recorded(site, 1)
    change(site, asked, storage_id="elsewhere")
    rolling.ask(site.session, officer, asked)
    with pytest.raises(StorageUnavailable):
        rolling.verify_asked(site.session, site.stores, asked)
    assert rolling.waiting(site.session) == [asked]


def test_only_who_has_the_right_and_reaches_it_sees_or_asks(site: Site, officer: Caller) -> None:
    late = recorded(site, 31)
    outside = replace(officer, role="auditor", scope=NOTHING)
    with pytest.raises(NotFound):
        rolling.ask(site.session, outside, late)
    assert rolling.page(site.session, outside, "overdue", PERIOD, 10) == ([], None)
    assert rolling.tile(site.session, outside, PERIOD).counts["overdue"] == 0
    nobody = replace(officer, rights=frozenset({"list"}))
    for act in (
        lambda: rolling.ask(site.session, nobody, late),
        lambda: rolling.tile(site.session, nobody, PERIOD),
        lambda: rolling.page(site.session, nobody, "overdue", PERIOD, 10),
    ):
        with pytest.raises(NotAllowed):
            act()


def test_the_list_goes_on_where_it_ended_with_several_of_one_moment(
    site: Site, officer: Caller
) -> None:
    same = utc_now() - timedelta(days=31)
    ids = [recorded(site, 31) for _ in range(5)]
    for each in ids:
        change(site, each, verified_at=same)
    found, after = [], None
    while True:
        rows, after = rolling.page(site.session, officer, "overdue", PERIOD, 2, after)
        found += [row.id for row in rows]
        if after is None:
            break
    assert found == sorted(ids)


def test_after_a_run_that_read_too_much_nobody_begins_until_that_is_paid(site: Site) -> None:
    with site.sessions() as session:
        lease = leases.claim(session, "verify_oldest", "", 60)
        leases.rest(session, lease, 30)
        assert leases.claim(session, "verify_oldest", "", 60) is None
        lease = leases.claim(session, "another", "", 60)
        leases.rest(session, lease, 0)
        assert leases.claim(session, "another", "", 60) is not None


def test_a_hold_does_not_keep_a_recording_from_being_verified(site: Site) -> None:
    held = recorded(site, 31)
    holding.hold(site.session, site.caller.actor, held, "Case 7")
    assert run(site) == 1
