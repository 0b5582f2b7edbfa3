"""Changing the rules: what only lengthens counts at once, what may shorten takes a second one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from portal.core import approvals
from portal.core.accounts import Caller
from portal.core.errors import InvalidRequest, NotConfirmed, Outdated
from portal.core.models import Approval
from portal.core.retention import checking, measuring, policies
from portal.core.retention.comparing import shortens
from portal.core.retention.deciding import Rule
from portal.core.retention.measuring import Measured
from portal.core.transaction import utc_now, writing


@dataclass(frozen=True)
class Change:
    """What somebody wants: these rules instead of those of the policy `base`, which they have seen.
    `typed`: how many more would go, where that is much, as they have typed it."""

    base: int
    rules: Sequence[Rule]
    reason: str
    typed: int | None = None


@dataclass(frozen=True)
class Changed:
    """What became of it: the number of the policy that is in force now, or the request."""

    policy: int | None = None
    approval: Approval | None = None


def change(session: Session, caller: Caller, wanted: Change, floor: timedelta) -> Changed:
    """Put the rules into force, or ask for it if anything might go sooner.

    Raises NotAllowed; InvalidRequest for rules that cannot be kept, no reason, or no change;
    Outdated if others are in force by now; NotConfirmed if many go and the number is not typed.
    """
    caller.must("retention")
    reason = approvals.said(wanted.reason)
    if len(wanted.rules) > checking.MOST_RULES or checking.problems(wanted.rules):
        raise InvalidRequest("Some of these rules cannot be kept; look at each field.")
    measured = measuring.measure(session, caller, wanted.rules, floor, utc_now())
    if measured.much and wanted.typed != measured.more:
        raise NotConfirmed(f"{measured.more} recordings more would go; type that number.")
    with writing(session):
        old = _unchanged_since(session, wanted)
        if shortens(old, wanted.rules):
            return Changed(approval=_ask(session, caller, wanted, old, reason, measured))
        return Changed(policy=policies.adopt(session, caller.actor, wanted.rules, reason))


def _unchanged_since(session: Session, wanted: Change) -> list[Rule]:
    """The rules in force, which are those that the change began with."""
    if policies.lock(session) != wanted.base:
        raise Outdated("Somebody else has changed the rules meanwhile; look at theirs first.")
    old = policies.rules_of(session, wanted.base)
    if old == list(wanted.rules):
        raise InvalidRequest("These are the rules that are in force already.")
    return old


def _ask(
    session: Session,
    caller: Caller,
    wanted: Change,
    old: Sequence[Rule],
    reason: str,
    measured: Measured,
) -> Approval:
    """Everything that the second person is to see is frozen, the numbers of the preview too."""
    terms: dict[str, Any] = {
        "policy": wanted.base,
        "before": policies.as_terms(old),
        "rules": policies.as_terms(wanted.rules),
        "more": measured.more,
        "more_size": measured.more_size,
        "total": measured.total,
    }
    kind = approvals.RETENTION_SHORTENING
    return approvals.ask(session, caller, kind, terms, reason, len(wanted.rules))


def carry_out(
    session: Session, caller: Caller, approval: Approval, keep: timedelta
) -> dict[str, Any]:
    """Put what was approved into force, unless other rules came in between: then nothing changes,
    and the outcome says so."""
    standing = policies.lock(session)
    if standing != approval.terms["policy"]:
        return {"outdated": standing}
    rules = policies.of_terms(approval.terms["rules"])
    reason, said = approval.reason, (session, caller.actor, rules)
    return {"policy": policies.adopt(*said, reason, approval.id)}
