"""What the rules say of one recording: keep it, mark it, or let it go, and why. Pure.

Every rule that fits counts, and the longest wins, for keeping and for deleting each. What no rule
fits is never deleted. In this module None is always the longest: for ever, or never.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

KEEP, MARK, PURGE = "keep", "mark", "purge"


@dataclass(frozen=True)
class Rule:
    """Recordings like this are kept for `keep_days` at least (None: for ever) and deleted after
    `delete_days` (None: never), both counted from when they were received. Conditions that are
    None fit everything; sizes are in bytes, both ends included. `name` is unique in a policy.
    """

    name: str
    source: str | None = None
    kind: str | None = None
    tag: str | None = None
    department: str | None = None
    min_size: int | None = None
    max_size: int | None = None
    keep_days: int | None = 0
    delete_days: int | None = None


@dataclass(frozen=True)
class Facts:
    """What rules look at. `purge_at`: when the grace of a recording that is marked ends."""

    source: str
    kind: str | None
    department: str | None
    tags: frozenset[str]
    size: int
    received_at: datetime
    purge_at: datetime | None = None


@dataclass(frozen=True)
class Decision:
    """`action`: KEEP, MARK (it is due; its grace begins or runs) or PURGE (its grace is over).

    `keep_until`: nobody deletes it before; None: ever. `delete_at`: retention deletes it then;
    None: never. `kept_by` and `rule` name the rules that said so, if any did. `reasons`: codes, the
    strongest first: held, kept, no_rule, never, not_due, due, grace, over.
    """

    action: str
    keep_until: datetime | None
    delete_at: datetime | None
    kept_by: str | None
    rule: str | None
    reasons: tuple[str, ...]


def fits(rule: Rule, facts: Facts) -> bool:
    return (
        rule.source in (None, facts.source)
        and rule.kind in (None, facts.kind)
        and rule.department in (None, facts.department)
        and (rule.tag is None or rule.tag in facts.tags)
        and facts.size >= (rule.min_size or 0)
        and (rule.max_size is None or facts.size <= rule.max_size)
    )


def decide(
    facts: Facts, rules: Iterable[Rule], held: bool, floor: timedelta, now: datetime
) -> Decision:
    """The decision on one recording. `held`: a legal hold stands on it; `floor`: the time that
    everything is kept, whatever the rules say."""
    fitting = [rule for rule in rules if fits(rule, facts)]
    keep, kept_by = _longest([(rule.keep_days, rule.name) for rule in fitting])
    delete, rule = _longest([(rule.delete_days, rule.name) for rule in fitting])
    keep_until = _after(facts.received_at, keep)
    if keep_until is not None and keep_until < facts.received_at + floor:
        keep_until, kept_by = facts.received_at + floor, None
    delete_at = _after(facts.received_at, delete) if fitting else None
    if delete_at is not None and (keep_until is None or keep_until > delete_at):
        delete_at, rule = keep_until, kept_by or rule
    reasons = tuple(_reasons(facts, bool(fitting), held, keep_until, delete_at, now))
    action = {"due": MARK, "grace": MARK, "over": PURGE}.get(reasons[0], KEEP)
    return Decision(action, keep_until, delete_at, kept_by, rule, reasons)


def _longest(said: list[tuple[int | None, str]]) -> tuple[int | None, str | None]:
    """The longest number of days and the first name, by the alphabet, among those that say it."""
    if not said:
        return 0, None
    days = None if any(each is None for each, _ in said) else max(each or 0 for each, _ in said)
    return days, min(name for each, name in said if each == days)


def _after(begun: datetime, days: int | None) -> datetime | None:
    return None if days is None else begun + timedelta(days=days)


def _reasons(
    facts: Facts,
    ruled: bool,
    held: bool,
    keep_until: datetime | None,
    delete_at: datetime | None,
    now: datetime,
) -> Iterable[str]:
    """The codes of Decision.reasons."""
    if held:
        yield "held"
    if keep_until is None or keep_until > now:
        yield "kept"
    if not ruled:
        yield "no_rule"
    elif delete_at is None:
        yield "never"
    elif delete_at > now:
        yield "not_due"
    elif facts.purge_at is None:
        yield "due"
    else:
        yield "grace" if facts.purge_at > now else "over"
