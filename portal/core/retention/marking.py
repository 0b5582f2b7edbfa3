"""The mark on a recording that is due: from then on its grace runs, and anything may save it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from portal.core import audit
from portal.core.audit import SYSTEM
from portal.core.chain import stamp
from portal.core.models import Recording
from portal.core.retention.deciding import Decision

ACTOR = "retention"
"""Who deletes what the rules delete, in `deleted_by`."""


def mark(
    session: Session,
    recording: Recording,
    decision: Decision,
    policy: int,
    now: datetime,
    grace: timedelta,
) -> None:
    """In the caller's transaction, which has the row."""
    recording.marked_at, recording.purge_at = now, now + grace
    recording.marked_rule, recording.marked_policy = decision.rule, policy
    facts: dict[str, Any] = {"rule": decision.rule, "policy": policy, "until": stamp(now + grace)}
    audit.record(session, SYSTEM, "retention.marked", ("recording", recording.id), **facts)


def unmark(session: Session, recording: Recording, why: str) -> None:
    """Take the mark away, if there is one, in the caller's transaction. `why`: a code of
    portal.core.retention.deciding, or `held`."""
    if recording.marked_at is None:
        return
    recording.marked_at = recording.purge_at = None
    recording.marked_rule = recording.marked_policy = None
    audit.record(session, SYSTEM, "retention.unmarked", ("recording", recording.id), why=why)


def hand_over(session: Session, recording: Recording, decision: Decision, policy: int) -> None:
    """Its grace is over: portal/core/deletion.py does the rest. In the caller's transaction."""
    recording.state, recording.deleted_by = "deleting", ACTOR
    recording.marked_rule, recording.marked_policy = decision.rule, policy
    recording.deletion_reason = f"Retention rule “{decision.rule}” of policy {policy}"
    facts: dict[str, Any] = {"rule": decision.rule, "policy": policy}
    audit.record(session, SYSTEM, "retention.expired", ("recording", recording.id), **facts)
