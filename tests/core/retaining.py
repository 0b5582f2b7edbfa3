"""What tests of retention share: made-up rules and recordings, and putting rules into force."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st
from sqlalchemy import select

from portal.core.audit import SYSTEM
from portal.core.models import Recording, RecordingTag, RetentionRun, Tag
from portal.core.retention import clock, planning, policies, running
from portal.core.retention.deciding import Facts, Rule
from portal.core.transaction import writing
from tests.core.conftest import Site
from tests.core.deleting import NOT_KEPT, WORDS

DAY = timedelta(days=1)
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOW = running.How(NOT_KEPT, 7 * DAY)
WORD = st.sampled_from(["a", "b"])
NUMBER = st.none() | st.integers(0, 40)


def _rule(name: str) -> st.SearchStrategy[Rule]:
    sizes = st.none() | st.integers(0, 3)
    deleted = st.none() | st.integers(1, 40)
    either = st.none() | WORD
    return st.builds(
        Rule, st.just(name), either, either, either, either, sizes, sizes, NUMBER, deleted
    )


RULES = st.integers(0, 4).flatmap(
    lambda count: st.tuples(*(_rule(f"rule {number}") for number in range(count)))
)
FACTS = st.builds(
    Facts,
    WORD,
    st.none() | WORD,
    st.none() | WORD,
    st.frozensets(WORD),
    st.integers(0, 3),
    st.integers(0, 60).map(lambda days: NOW - days * DAY),
    st.none() | st.integers(-5, 5).map(lambda days: NOW + days * DAY),
)


def adopt(site: Site, *rules: Rule) -> int:
    """Put these into force, as if everybody had agreed."""
    with site.sessions() as session, writing(session):
        policies.lock(session)
        return policies.adopt(session, SYSTEM, rules, "a test")


def in_force(site: Site, *rules: Rule) -> int:
    """The same, and all recordings are planned by them."""
    number = adopt(site, *rules)
    with site.sessions() as session:
        planning.plan_all(session)
    return number


def recorded(site: Site, days: int, tags: Sequence[str] = (), **values: object) -> Recording:
    """A recording with bytes that was received so many days before NOW."""
    made = site.recorded(WORDS)
    with site.sessions() as session:
        row = session.get_one(Recording, made.id)
        row.received_at = NOW - days * DAY
        for name, value in values.items():
            setattr(row, name, value)
        for name in tags:
            tag = session.scalar(select(Tag).where(Tag.name == name)) or Tag(name=name)
            session.add(tag)
            session.flush()
            session.add(RecordingTag(recording_id=made.id, tag_id=tag.id))
        planning.plan(session, row)
        session.commit()
    return made


def steady(site: Site, now: datetime) -> None:
    """A clock that has gone steadily for two days."""
    moment = now - 2 * DAY
    with site.sessions() as session:
        while moment <= now:
            clock.beat(session, moment)
            moment += timedelta(hours=1)


def run(site: Site, now: datetime = NOW, how: running.How = HOW) -> RetentionRun:
    steady(site, now)
    with site.sessions() as session:
        return running.run(session, SYSTEM, now, how)
