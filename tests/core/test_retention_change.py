"""Changing the rules: what lengthens counts at once, what shortens waits for a second person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from portal.core import deciding, holding
from portal.core.accounts import Caller
from portal.core.audit import SYSTEM
from portal.core.errors import Conflict, InvalidRequest, NotAllowed, NotConfirmed, Outdated
from portal.core.models import AuditEvent, Recording
from portal.core.retention import changing, measuring, policies
from portal.core.retention.changing import Change, Changed
from portal.core.retention.deciding import Rule, decide
from portal.core.retention.planning import facts_of
from tests.core.conftest import Site
from tests.core.deleting import NOT_KEPT
from tests.core.retaining import DAY, NOW, RULES, in_force, recorded
from tests.core.test_approvals import person

YEAR = Rule("a year", keep_days=365, delete_days=36_500)


@pytest.fixture(scope="module")
def anna(sessions: sessionmaker[Session]) -> Caller:
    return person(sessions, "admin")


@pytest.fixture(scope="module")
def bert(sessions: sessionmaker[Session]) -> Caller:
    return person(sessions, "officer")


def change(
    site: Site, who: Caller, base: int, *rules: Rule, reason: str = "law", typed: int | None = None
) -> Changed:
    wanted = Change(base, list(rules), reason, typed)
    return changing.change(site.session, who, wanted, NOT_KEPT)


def test_what_only_lengthens_is_in_force_at_once(site: Site, anna: Caller) -> None:
    base = in_force(site, YEAR)
    longer = replace(YEAR, keep_days=400)
    made = change(site, anna, base, longer)
    assert made.approval is None and made.policy == base + 1
    assert policies.current(site.session) == (base + 1, [longer])
    version, rules = policies.version(site.session, base)
    assert version is not None and rules == [YEAR]
    newest = policies.versions(site.session)[0]
    assert (newest.made_by, newest.reason, newest.approval_id) == (anna.label, "law", None)


def test_acceptance_17_what_shortens_waits_for_a_second_person(
    site: Site, anna: Caller, bert: Caller
) -> None:
    base = in_force(site, YEAR)
    shorter = replace(YEAR, delete_days=400)
    asked = change(site, anna, base, shorter).approval
    assert asked is not None and asked.kind == "retention_shortening"
    assert policies.current(site.session) == (base, [YEAR])
    with pytest.raises(NotAllowed):
        deciding.approve(site.session, anna, asked.id, asked.sha256, NOT_KEPT)
    done = deciding.approve(site.session, bert, asked.id, asked.sha256, NOT_KEPT)
    assert done.outcome == {"policy": base + 1}
    assert policies.current(site.session) == (base + 1, [shorter])
    assert policies.versions(site.session)[0].approval_id == asked.id


def test_an_approval_of_rules_that_were_changed_since_changes_nothing(
    site: Site, anna: Caller, bert: Caller
) -> None:
    base = in_force(site, YEAR)
    asked = change(site, anna, base, replace(YEAR, delete_days=400)).approval
    assert asked is not None
    change(site, anna, base, replace(YEAR, keep_days=None))
    done = deciding.approve(site.session, bert, asked.id, asked.sha256, NOT_KEPT)
    assert done.outcome == {"outdated": base + 1}
    assert policies.current(site.session)[0] == base + 1


def test_the_second_of_two_who_change_the_same_is_told(site: Site, anna: Caller) -> None:
    base = in_force(site, YEAR)
    change(site, anna, base, replace(YEAR, keep_days=400))
    with pytest.raises(Outdated):
        change(site, anna, base, replace(YEAR, keep_days=500))

    def also(session: Session) -> Changed:
        wanted = Change(base + 1, [replace(YEAR, keep_days=600)], "law")
        return changing.change(session, anna, wanted, NOT_KEPT)

    outcomes = site.at_once(also, 4)
    assert sum(isinstance(each, Changed) for each in outcomes) == 1
    assert sum(isinstance(each, Conflict) for each in outcomes) == 3


def test_deleting_more_than_one_in_twenty_has_to_be_typed(site: Site, anna: Caller) -> None:
    old = [recorded(site, days=1000) for _ in range(3)]
    base = in_force(site)
    rules = Rule("ten days", delete_days=10)
    for typed in (None, 2):
        with pytest.raises(NotConfirmed, match="3 recordings"):
            change(site, anna, base, rules, typed=typed)
    asked = change(site, anna, base, rules, typed=3).approval
    assert asked is not None
    assert (asked.terms["more"], asked.terms["more_size"]) == (3, sum(each.size for each in old))


def test_a_twentieth_or_less_need_not_be_typed(site: Site, anna: Caller) -> None:
    recorded(site, days=1000, tags=["old"])
    for _ in range(19):
        recorded(site, days=1000)
    base = in_force(site)
    assert change(site, anna, base, Rule("old", tag="old", delete_days=10)).approval is not None


def test_who_may_not_and_what_cannot_be(
    site: Site, anna: Caller, sessions: sessionmaker[Session]
) -> None:
    base = in_force(site, YEAR)
    auditor = person(sessions, "auditor")
    with pytest.raises(NotAllowed):
        change(site, auditor, base, replace(YEAR, keep_days=400))
    for rules, reason in (
        ([replace(YEAR, keep_days=-1)], "law"),
        ([replace(YEAR, keep_days=400)], "  "),
        ([YEAR], "law"),
        ([replace(YEAR, name=str(number)) for number in range(51)], "law"),
    ):
        with pytest.raises(InvalidRequest):
            change(site, anna, base, *rules, reason=reason)
    assert policies.current(site.session) == (base, [YEAR])


def test_a_change_is_in_the_audit_log_with_before_and_after(site: Site, anna: Caller) -> None:
    base = in_force(site, YEAR)
    number = change(site, anna, base, replace(YEAR, keep_days=400)).policy
    query = select(AuditEvent).where(AuditEvent.object_type == "retention")
    with site.sessions() as session:
        event = session.scalars(query.order_by(AuditEvent.seq.desc())).first()
    assert event is not None and (event.action, event.object_id) == (
        "retention.changed",
        str(number),
    )
    assert event.details["before"]["rules"][0]["keep_days"] == 365
    assert event.details["after"]["rules"][0]["keep_days"] == 400


def test_a_preview_counts_bytes_the_oldest_and_conflicts(site: Site, anna: Caller) -> None:
    in_force(site, Rule("old calls", tag="old", delete_days=10))
    goes_already = recorded(site, days=300, tags=["old"])
    new, held = recorded(site, days=200), recorded(site, days=400)
    recorded(site, days=1)
    holding.hold(site.session, SYSTEM, held.id, "lawsuit 12")
    rules = [Rule("all", delete_days=100)]
    found = measuring.measure(site.session, anna, rules, NOT_KEPT, NOW)
    assert (found.count, found.more, found.held, found.total) == (2, 1, 1, 4)
    assert found.size == goes_already.size + new.size and found.more_size == new.size
    assert found.oldest == NOW - 300 * DAY
    assert [each.id for each in found.sample] == [new.id] and found.much
    soon = measuring.measure(site.session, anna, [Rule("all", delete_days=31)], NOT_KEPT, NOW)
    assert soon.count == 3, "what goes within thirty days counts"


def test_the_database_decides_as_the_rules_do(site: Site, anna: Caller) -> None:
    for days, tags, source, kind, where, size in _kinds_of_recordings():
        recorded(site, days, tags, source=source, kind=kind, department=where, size=size)

    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(RULES, st.sampled_from([NOT_KEPT, 20 * DAY]))
    def agree(rules: Sequence[Rule], floor: timedelta) -> None:
        due = measuring.due(rules, floor, NOW)
        by_sql = set(site.session.scalars(select(Recording.id).where(due)))
        rows = site.session.scalars(select(Recording)).all()
        facts = facts_of(site.session, rows)
        decided = {each: decide(facts[each], rules, False, floor, NOW) for each in facts}
        assert by_sql == {each for each, said in decided.items() if said.action != "keep"}

    agree()


def _kinds_of_recordings() -> list[tuple[int, list[str], str, str | None, str | None, int]]:
    found = []
    for number in range(16):
        tags = [name for name, bit in (("a", 1), ("b", 2)) if number & bit]
        word = (None, "a", "b")[number % 3]
        found.append(
            (number * 4, tags, "ab"[number % 2], word, ("a", None)[number % 2], number % 4)
        )
    return found
