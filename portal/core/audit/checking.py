"""Verifications as rows: asked for by a person or the clock, run by a worker, kept as results."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from portal.core import audit
from portal.core.audit import verifying
from portal.core.audit.acts import SYSTEM, Actor
from portal.core.audit.seals import Outside
from portal.core.audit.verifying import PROBLEMS, Problem, Verdict
from portal.core.models import AuditCheck
from portal.core.transaction import release, utc_now, writing

KIND = "verify_audit"
log = logging.getLogger(__name__)


def ask(session: Session, actor: Actor) -> AuditCheck:
    """Note that somebody wants the log verified; a check that waits or runs already is theirs."""
    with writing(session):
        check = session.scalar(select(AuditCheck).where(AuditCheck.ended_at.is_(None)).limit(1))
        if check is None:
            check = AuditCheck(asked_by=actor.label or actor.type, asked_at=utc_now())
            session.add(check)
        audit.record(session, actor, "audit.verify_asked")
        return check


def waiting(session: Session) -> list[str]:
    """The checks that have not ended."""
    found = list(session.scalars(select(AuditCheck.id).where(AuditCheck.ended_at.is_(None))))
    release(session)
    return found


def newest(session: Session) -> tuple[AuditCheck | None, AuditCheck | None]:
    """The check that waits or runs, and the last one that has ended, if there are any."""
    query = select(AuditCheck)
    running = session.scalar(query.where(AuditCheck.ended_at.is_(None)).limit(1))
    ended = query.where(AuditCheck.ended_at.is_not(None)).order_by(AuditCheck.ended_at.desc())
    last = session.scalar(ended.limit(1))
    release(session)
    return running, last


def run(session: Session, outside: Outside, public: str, check_id: str) -> Verdict | None:
    """Verify the log for this check, keep its progress and its result; None if it has ended.

    A problem is an error in the program's log, too. May be cut off and run again.
    """
    check = session.get(AuditCheck, check_id)
    release(session)
    if check is None or check.ended_at is not None:
        return None

    def progress(checked: int, total: int) -> None:
        _note(session, check_id, checked=checked, total=total)

    verdict = verifying.verify(session, outside, public, progress)
    _end(session, check_id, verdict)
    return verdict


def _note(session: Session, check_id: str, **values: object) -> None:
    with writing(session):
        session.execute(update(AuditCheck).where(AuditCheck.id == check_id).values(**values))


def _end(session: Session, check_id: str, verdict: Verdict) -> None:
    first = verdict.first
    with writing(session):
        check = session.get_one(AuditCheck, check_id)
        check.ended_at = utc_now()
        check.checked = check.total = verdict.checked
        if first is not None:
            check.problem, check.bad_seq = first.code, first.seq
        note(session, verdict)


def note(session: Session, verdict: Verdict, actor: Actor = SYSTEM) -> None:
    """Write the result of a verification down, in the caller's transaction."""
    said = [sentence(each) for each in verdict.problems[:20]]
    for each in said:
        log.error("The audit log is not what was written: %s", each)
    result = "failed" if said else "ok"
    sealed = verdict.sealed.seq if verdict.sealed else 0
    facts: dict[str, int | Sequence[str]] = {"checked": verdict.checked, "sealed": sealed}
    if said:
        facts["problems"] = said
    audit.record(session, actor, "audit.verified", None, result, **facts)


def sentence(problem: Problem) -> str:
    """The problem in English, for logs and shells."""
    text = PROBLEMS[problem.code] % {"seq": problem.seq}
    return f"{text} ({problem.where})" if problem.where else text
