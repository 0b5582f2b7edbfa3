"""The numbers of each hour, against what the tables say: on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select, update

from portal.core import audit, deletion, leases
from portal.core.audit import SYSTEM
from portal.core.metrics import counting, rolling_up
from portal.core.metrics.counting import hour_of, moment_of
from portal.core.models import AuditEvent, Job, MetricHour, Recording, place_at
from portal.core.transaction import utc_now
from tests.core.conftest import Site

NOW = utc_now()
Numbers = dict[tuple[str, int, str], int]


def kept(site: Site) -> Numbers:
    with site.sessions() as session:
        return {
            (row.name, row.hour, row.key): row.value for row in session.scalars(select(MetricHour))
        }


def received(site: Site, at: datetime, content: bytes, took: timedelta = timedelta()) -> str:
    """A recording whose last byte came then."""
    made = site.recorded(content)
    with site.sessions() as session:
        while session.scalar(select(Recording.id).where(Recording.place == place_at(at))):
            at += timedelta(microseconds=1)
        times = {"received_at": at, "available_at": at + took, "place": place_at(at)}
        session.execute(update(Recording).where(Recording.id == made.id).values(**times))
        session.commit()
    return made.id


def total(numbers: Numbers, name: str, key: str) -> int:
    return sum(value for (named, _, of), value in numbers.items() if (named, of) == (name, key))


def test_each_hour_has_what_sql_finds_in_it(site: Site) -> None:
    for hours, size in ((0, 10), (0, 20), (1, 30), (30, 40)):
        received(site, NOW - hours * counting.HOUR, b"x" * size, timedelta(seconds=3))
    rolling_up.run(site.session, utc_now(), seconds=60)  # events are of now: an hour may have begun
    numbers, this = kept(site), hour_of(NOW)
    assert numbers["received", this, "tus"] == 2
    assert numbers["received_bytes", this - 1, "tus"] == 30
    assert numbers["stored", this - 30, "main"] == 40
    assert numbers["available_within", this, "5"] == 2
    assert numbers["available_ms", this, ""] == 6000
    assert total(numbers, "received_bytes", "tus") == site.session.scalar(func.sum(Recording.size))
    by_action = select(AuditEvent.action, func.count()).group_by(AuditEvent.action)
    for action, count in site.session.execute(by_action).all():
        assert total(numbers, "events", action) == count, action


def test_an_hour_that_is_counted_twice_stays_the_same(site: Site) -> None:
    received(site, NOW, b"x" * 10)
    rolling_up.run(site.session, NOW, seconds=60)
    once = kept(site)
    rolling_up.run(site.session, NOW, seconds=60)
    rolling_up.roll_up(site.session, hour_of(NOW))
    assert kept(site) == once
    received(site, NOW, b"x" * 5)
    rolling_up.run(site.session, NOW, seconds=60)
    assert kept(site)["received_bytes", hour_of(NOW), "tus"] == 15


def test_the_past_is_counted_back_in_bounded_runs_without_a_gap(site: Site) -> None:
    first = hour_of(NOW - timedelta(days=60))
    received(site, moment_of(first), b"x" * 10)
    runs = [rolling_up.run(site.session, NOW, seconds=0.3)]
    assert 0 < runs[0] < 60 * 24, "one run did everything, or nothing"
    assert total(kept(site), "received", "tus") == 0
    while runs[-1]:
        runs.append(rolling_up.run(site.session, NOW, seconds=5))
    hours = sorted(hour for name, hour, _ in kept(site) if name == "done")
    assert hours == list(range(first, hour_of(NOW) + 1))
    assert total(kept(site), "received", "tus") == 1


def test_hours_without_a_worker_are_counted_afterwards(site: Site) -> None:
    rolling_up.run(site.session, NOW - timedelta(hours=9))
    received(site, NOW - timedelta(hours=5), b"x")
    rolling_up.run(site.session, NOW, seconds=60)
    assert total(kept(site), "received", "tus") == 1


def test_what_was_assembled_long_after_it_came_is_added_to_its_own_hour(site: Site) -> None:
    rolling_up.run(site.session, NOW - timedelta(hours=9))
    rolling_up.run(site.session, NOW, seconds=60)
    came = NOW - timedelta(hours=7)
    late = received(site, came, b"x", timedelta(hours=7))
    audit.record_alone(site.session, SYSTEM, "upload.completed", ("recording", late))
    rolling_up.run(site.session, utc_now(), seconds=60)
    assert kept(site)["received", hour_of(came), "tus"] == 1
    assert kept(site)["available_within", hour_of(came), "86400"] == 1


def test_what_is_deleted_is_no_longer_stored(site: Site) -> None:
    gone = received(site, NOW - timedelta(hours=3), b"x" * 10)
    received(site, NOW, b"x" * 7)
    with site.sessions() as session:
        session.execute(update(Recording).where(Recording.id == gone).values(state="deleting"))
        session.commit()
    rolling_up.run(site.session, utc_now(), seconds=60)
    assert rolling_up.waiting(site.session)["purge_recording"] == 1
    lease = leases.claim(site.session, deletion.KIND, gone, 60)
    assert lease is not None
    deletion.purge(site.session, site.stores, gone, timedelta(), lease)
    rolling_up.run(site.session, utc_now(), seconds=60)
    numbers = kept(site)
    assert total(numbers, "stored", "main") == 7
    assert total(numbers, "received_bytes", "tus") == 17
    assert total(numbers, "waiting", "purge_recording") == 1, "the peak of the hour stays"


def test_second_attempts_are_counted_and_first_ones_are_not(site: Site, call: bytes) -> None:
    first, again = site.received(call), site.received(call)
    for upload_id in (first, again):
        site.assemble(upload_id)
    with site.sessions() as session:
        job = leases.job_id("assemble_upload", again)
        session.execute(update(Job).where(Job.id == job).values(epoch=2))
        session.commit()
    rolling_up.run(site.session, utc_now(), seconds=60)
    assert total(kept(site), "retried", "assemble_upload") == 1


def test_the_age_of_the_oldest_check_is_sampled(site: Site) -> None:
    one = received(site, NOW, b"x")
    with site.sessions() as session:
        old = {"verified_at": NOW - timedelta(days=3)}
        session.execute(update(Recording).where(Recording.id == one).values(**old))
        session.commit()
    rolling_up.run(site.session, NOW, seconds=60)
    assert kept(site)["oldest_check", hour_of(NOW), ""] == 3 * 86_400
    assert moment_of(hour_of(NOW)) <= NOW < moment_of(hour_of(NOW) + 1)
