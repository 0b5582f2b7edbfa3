"""Does a change of the rules let anything go sooner? Pure, and in doubt the answer is yes."""

from __future__ import annotations

from collections.abc import Sequence

from portal.core.retention.deciding import Rule


def shortens(old: Sequence[Rule], new: Sequence[Rule]) -> bool:
    """False only if no recording whatsoever can be deleted sooner by `new` than by `old`.

    Each old rule needs a new one that is as wide and as long, so that nothing it keeps is kept
    for less; and each new one that deletes must lie within an old one, so that nothing that no rule
    fitted, and that was never deleted, gets a date.
    """
    kept = all(any(_covers(rule, was) and _lasts(rule, was) for rule in new) for was in old)
    deleting = [rule for rule in new if rule.delete_days is not None]
    within = all(any(_covers(was, rule) for was in old) for rule in deleting)
    return not (kept and within)


def _covers(wide: Rule, narrow: Rule) -> bool:
    """Whether the one fits whatever the other fits."""
    words = (
        (wide.source, narrow.source),
        (wide.kind, narrow.kind),
        (wide.tag, narrow.tag),
        (wide.department, narrow.department),
    )
    sizes = (wide.min_size or 0) <= (narrow.min_size or 0) and (
        _at_least(wide.max_size, narrow.max_size)
    )
    return sizes and all(first in (None, second) for first, second in words)


def _lasts(rule: Rule, was: Rule) -> bool:
    keeps = _at_least(rule.keep_days, was.keep_days)
    return keeps and _at_least(rule.delete_days, was.delete_days)


def _at_least(number: int | None, other: int | None) -> bool:
    """None is without end."""
    return number is None or (other is not None and number >= other)
