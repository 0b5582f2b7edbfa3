"""Who may do a piece of background work: one at a time, and the last one who was let in."""

from __future__ import annotations

import threading
from datetime import datetime

import pytest
from sqlalchemy.orm import Session

from portal.core import leases
from portal.core.leases import FIRST_RETRY, Lease, LeaseLost
from portal.core.models import Job
from portal.core.transaction import utc_now, writing
from tests.core.conftest import RAN_OUT, Site
from tests.waiting import wait_for


def claim(session: Session, object_id: str = "1", seconds: float = 60) -> Lease:
    lease = leases.claim(session, "knit", object_id, seconds)
    assert lease is not None
    return lease


def test_work_is_given_to_one_until_it_is_done(site: Site) -> None:
    first = claim(site.session)
    assert leases.claim(site.session, "knit", "1", 60) is None
    assert claim(site.session, "2").job_id != first.job_id
    assert leases.finish(site.session, first)
    assert claim(site.session) == Lease(first.job_id, 2)


def test_attempts_are_told_after_the_end_and_count_one_piece_of_work(site: Site) -> None:
    def attempts() -> int:
        with site.sessions() as session:
            return session.get_one(Job, "knit-1").attempts

    leases.put_off(site.session, claim(site.session), "no wool")
    let_lapse(site)
    assert leases.finish(site.session, claim(site.session))
    assert attempts() == 2
    second = claim(site.session)
    assert attempts() == 1 == second.attempt, "another piece of work"
    leases.rest(site.session, second, 60)
    assert attempts() == 0, "it waits for its turn, and not after a failure"


def let_lapse(site: Site) -> None:
    with writing(site.session):
        site.session.get_one(Job, "knit-1").lease_until = None


def test_a_lease_that_ran_out_is_given_to_another_and_worth_nothing(site: Site) -> None:
    lost = claim(site.session, seconds=RAN_OUT)
    claim(site.session)
    assert not leases.extend(site.session, lost, 60)
    assert not leases.finish(site.session, lost)
    assert leases.put_off(site.session, lost, "an error") is None
    with pytest.raises(LeaseLost), writing(site.session):
        leases.close(site.session, lost, "done")
    with site.sessions() as session:
        assert session.get_one(Job, lost.job_id).state == "running"


def test_an_extended_lease_stays(site: Site) -> None:
    lease = claim(site.session, seconds=RAN_OUT)
    assert leases.extend(site.session, lease, 60)
    assert leases.claim(site.session, "knit", "1", 60) is None


def test_a_lease_is_kept_alive_as_long_as_the_work_lasts(site: Site) -> None:
    lease = claim(site.session, seconds=0.6)
    first = ends_at(site, lease)

    def outlived_its_first_time() -> bool:
        assert ends_at(site, lease) > utc_now()
        return utc_now() > first

    with leases.kept_alive(site.sessions, lease, 0.6):
        wait_for(outlived_its_first_time)
        assert leases.claim(site.session, "knit", "1", 60) is None
    assert leases.finish(site.session, lease)


def test_nobody_keeps_a_lease_alive_that_another_has_taken(site: Site) -> None:
    lost = claim(site.session, seconds=RAN_OUT)
    with leases.kept_alive(site.sessions, lost, 0.1):
        taken = claim(site.session, seconds=RAN_OUT)
        wait_for(lambda: not any("knit" in each.name for each in threading.enumerate()))
    assert leases.finish(site.session, taken)


def ends_at(site: Site, lease: Lease) -> datetime:
    with site.sessions() as session:
        until = session.get_one(Job, lease.job_id).lease_until
        assert until is not None
        return until


def test_failed_work_is_put_off_for_longer_each_time(site: Site) -> None:
    waits = []
    for _ in range(4):
        lease = claim(site.session)
        waits.append(leases.put_off(site.session, lease, "OSError: no luck"))
        assert leases.claim(site.session, "knit", "1", 60) is None
        let_time_pass(site, lease)
    assert waits == [FIRST_RETRY, 2 * FIRST_RETRY, 4 * FIRST_RETRY, 8 * FIRST_RETRY]


def let_time_pass(site: Site, lease: Lease) -> None:
    with site.sessions() as session:
        job = session.get_one(Job, lease.job_id)
        assert job.error == "OSError: no luck"
        job.lease_until = utc_now()
        session.commit()


def test_work_that_went_well_for_days_is_tried_again_soon_after_its_first_failure(
    site: Site,
) -> None:
    for _ in range(30):
        assert leases.finish(site.session, claim(site.session, ""))
    assert leases.put_off(site.session, claim(site.session, ""), "a hiccup") == FIRST_RETRY


def test_of_those_who_claim_new_work_at_once_one_gets_it_and_nobody_fails(site: Site) -> None:
    for turn in range(15):
        start = threading.Barrier(4)

        def take(session: Session, turn: int = turn, start: threading.Barrier = start) -> object:
            session.connection()
            start.wait()
            return leases.claim(session, "knit", f"new-{turn}", 60)

        outcomes = site.at_once(take, 4)
        assert [type(each) for each in outcomes if each is not None] == [Lease], outcomes
