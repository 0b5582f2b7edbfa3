"""Is the audit log what was written? Recomputes the chain and compares it with head and seals."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from portal.core import chain
from portal.core.audit import seals
from portal.core.audit.actions import N_
from portal.core.audit.seals import Outside, Seal
from portal.core.models import AuditEvent, AuditHead
from portal.core.transaction import release

PROBLEMS = {
    "edited": N_("Event #%(seq)d was changed, or the one before it was and got a new hash."),
    "missing": N_("Event #%(seq)d is missing."),
    "added": N_("Event #%(seq)d was added without the chain."),
    "reordered": N_("Event #%(seq)d stands in the wrong place; events were reordered."),
    "truncated": N_("The end was cut off: event #%(seq)d and all after it are missing."),
    "head": N_("The end of the chain at #%(seq)d was altered."),
    "rewritten": N_(
        "A seal differs: the chain was computed anew from event #%(seq)d on, or later."
    ),
    "forged": N_("A seal at #%(seq)d has no valid signature of ours."),
}
"""What can be wrong, with the first event that is concerned."""

BATCH = 10_000
AROUND = 1000
"""How far a moved event is looked for, in order to call it that."""


@dataclass(frozen=True)
class Problem:
    """`code` of PROBLEMS; `where` says which seal, if it is about one."""

    code: str
    seq: int
    where: str = ""


@dataclass(frozen=True)
class Verdict:
    """How many events were checked, what is wrong, and the newest seal that is in order."""

    checked: int
    problems: Sequence[Problem]
    sealed: Seal | None

    @property
    def first(self) -> Problem | None:
        return self.problems[0] if self.problems else None


@dataclass
class Walk:
    """How far the chain has been followed: the last good event, its hash and the last good seal."""

    seals: dict[int, set[str]]
    seq: int = 0
    hash: str = chain.GENESIS
    sealed: int = 0
    problem: Problem | None = field(default=None)

    def step(self, values: Sequence[Any], found: str) -> bool:
        """Whether this event, with this hash, is the next one."""
        seq, expected = values[0], self.seq + 1
        if seq != expected:
            self.problem = Problem("missing" if seq > expected else "added", min(seq, expected))
        elif chain.link(self.hash, values) != found:
            self.problem = Problem("edited", seq)
        elif self.seals.get(seq, {found}) != {found}:
            self.problem = Problem("rewritten", self.sealed + 1)
        else:
            self.seq, self.hash = seq, found
            self.sealed = seq if seq in self.seals else self.sealed
        return self.problem is None


def verify(
    session: Session,
    outside: Outside,
    public: str,
    progress: Callable[[int, int], None] = lambda checked, total: None,
) -> Verdict:
    """Follow the chain from its first event to its head, a batch in memory at a time.

    `public` is the key that seals have to be signed with. `progress` gets how many events are
    checked, and how many there are. Stops at the first event that is not right.
    """
    genuine, forged = _sorted_out(session, outside, public)
    # After the seals: what is sealed meanwhile must not look cut off.
    head, last = _end(session)
    walk = Walk({})
    for each in genuine:
        walk.seals.setdefault(each.seq, set()).add(each.hash)
    for batch in _batches(session, head.seq):
        if not all(walk.step(values, found) for *values, found in batch):
            break
        progress(walk.seq, head.seq)
    problem = _refined(session, walk) or _at_the_end(walk, head, last)
    problems = ([problem] if problem else []) + forged
    sealed = [each for each in genuine if each.seq <= walk.seq]
    return Verdict(walk.seq, problems, max(sealed, key=lambda each: each.at, default=None))


def _sorted_out(
    session: Session, outside: Outside, public: str
) -> tuple[list[Seal], list[Problem]]:
    """The seals that we have signed, wherever they are kept, and those that we have not."""
    genuine, forged = set(), []
    for where, seal in _all_seals(session, outside):
        if seal is not None and seal.genuine(public):
            genuine.add(seal)
        else:
            forged.append(Problem("forged", seal.seq if seal else 0, where))
    return sorted(genuine, key=lambda each: each.seq), forged


def _all_seals(session: Session, outside: Outside) -> Iterator[tuple[str, Seal | None]]:
    yield from seals.in_database(session)
    for where, line in outside.lines():
        try:
            yield where, seals.parse(line)
        except ValueError:
            yield where, None


def _end(session: Session) -> tuple[AuditHead, int]:
    """The head, and the highest number there is, as of one moment."""
    highest = select(func.max(AuditEvent.seq)).scalar_subquery()
    head, last = session.execute(select(AuditHead, highest)).one()
    release(session)
    return head, last or 0


EVENTS = AuditEvent.__table__.c
"""The table's own columns: through the class, rows take half as long again."""


def _columns() -> list[ColumnElement[Any]]:
    return [EVENTS[name] for name in (*chain.FIELDS, "hash")]


def _batches(session: Session, until: int) -> Iterator[Sequence[Any]]:
    """The events up to this number, in their order: values of FIELDS and the hash of each."""
    query = select(*_columns()).where(EVENTS.seq <= until)
    query = query.order_by(EVENTS.seq).limit(BATCH)
    batch = session.execute(query).all()
    while batch:
        release(session)
        yield batch
        batch = session.execute(query.where(EVENTS.seq > batch[-1][0])).all()
    release(session)


def _refined(session: Session, walk: Walk) -> Problem | None:
    """The problem on the way; it is `reordered` if what belongs there stands a little later."""
    if walk.problem is None or walk.problem.code != "edited":
        return walk.problem
    seq = walk.problem.seq
    near = EVENTS.seq.between(seq, seq + AROUND)
    rows = session.execute(select(*_columns()).where(near).order_by(EVENTS.seq)).all()
    release(session)
    hashes = {rows[0].hash}
    for _, *values, found in rows[1:]:
        if chain.link(walk.hash, [seq, *values]) in hashes | {found}:
            return Problem("reordered", seq)
    return walk.problem


def _at_the_end(walk: Walk, head: AuditHead, last: int) -> Problem | None:
    if walk.seq < head.seq:
        return Problem("truncated", walk.seq + 1)
    if last > head.seq:
        return Problem("head", head.seq + 1)
    if walk.hash != head.hash:
        return Problem("head", head.seq)
    if max(walk.seals, default=0) > walk.seq:
        return Problem("truncated", walk.seq + 1)
    return None
