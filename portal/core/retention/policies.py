"""The versions of the rules as the database keeps them: what is in force, what was, a new one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.core import audit
from portal.core.audit import Actor
from portal.core.models import RetentionPolicy, RetentionRule
from portal.core.retention.deciding import Rule
from portal.core.transaction import one_at_a_time, release, utc_now

CHANGING = 7261012  # any number that nothing else in this database locks
NAMES = tuple(each.name for each in fields(Rule))


def number_in_force(session: Session) -> int:
    """The newest version's number, in the caller's transaction; 0 where there never were rules."""
    return session.scalar(select(func.max(RetentionPolicy.number))) or 0


def rules_of(session: Session, number: int) -> list[Rule]:
    """The rules of one version in their order, in the caller's transaction."""
    query = select(RetentionRule).where(RetentionRule.policy == number)
    rows = session.scalars(query.order_by(RetentionRule.position))
    return [Rule(**{name: getattr(row, name) for name in NAMES}) for row in rows]


def in_force(session: Session) -> tuple[int, list[Rule]]:
    """The number and the rules that count now, in the caller's transaction."""
    number = number_in_force(session)
    return number, rules_of(session, number)


def current(session: Session) -> tuple[int, list[Rule]]:
    """The same for whoever only reads."""
    found = in_force(session)
    release(session)
    return found


def version(session: Session, number: int) -> tuple[RetentionPolicy | None, list[Rule]]:
    """One version and its rules; None and nothing where there is no such."""
    found = session.get(RetentionPolicy, number), rules_of(session, number)
    release(session)
    return found


def versions(session: Session, limit: int = 100) -> Sequence[RetentionPolicy]:
    """The newest versions, the one in force first."""
    query = select(RetentionPolicy).order_by(RetentionPolicy.number.desc()).limit(limit)
    found = session.scalars(query).all()
    release(session)
    return found


def as_terms(rules: Sequence[Rule]) -> list[dict[str, Any]]:
    """Rules as JSON, for requests and the audit log."""
    return [asdict(rule) for rule in rules]


def of_terms(terms: Sequence[dict[str, Any]]) -> list[Rule]:
    """The opposite."""
    return [Rule(**each) for each in terms]


def lock(session: Session) -> int:
    """The number in force; until the commit nobody else makes another one."""
    one_at_a_time(session, CHANGING)
    return number_in_force(session)


def adopt(
    session: Session,
    actor: Actor,
    rules: Sequence[Rule],
    reason: str,
    approval_id: str | None = None,
) -> int:
    """Put these rules into force, in a transaction that has the lock. Returns their number."""
    before, old = in_force(session)
    number = before + 1
    made = RetentionPolicy(number=number, reason=reason, approval_id=approval_id)
    made.made_by, made.made_at = actor.label[:255], utc_now()
    session.add(made)
    session.flush()
    session.add_all(
        RetentionRule(policy=number, position=position, **asdict(rule))
        for position, rule in enumerate(rules, start=1)
    )
    why: dict[str, Any] = {"reason": reason, "approval": approval_id}
    why |= {"before": {"rules": as_terms(old)}, "after": {"rules": as_terms(rules)}}
    audit.record(session, actor, "retention.changed", ("retention", str(number)), **why)
    return number
