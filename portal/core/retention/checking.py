"""Are these rules that can be kept? What is wrong is told by rule and field, for a form to show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from portal.core.labels import clean
from portal.core.retention.deciding import Rule

MOST_RULES = 50
LONGEST_NAME = 100
MOST_DAYS = 36_500
BIGGEST = 10**15
KINDS = ("audio", "video", "image", "document", "other")


@dataclass(frozen=True)
class Problem:
    """`position` counts from 0, `field` is one of Rule's. `code`: name, same_name, word, days or
    sizes."""

    position: int
    field: str
    code: str


def problems(rules: Sequence[Rule]) -> list[Problem]:
    """What is wrong with them, none if nothing is."""
    seen: set[str] = set()
    found: list[Problem] = []
    for position, rule in enumerate(rules):
        found += [Problem(position, field, code) for field, code in _wrong(rule)]
        if rule.name.casefold() in seen:
            found.append(Problem(position, "name", "same_name"))
        seen.add(rule.name.casefold())
    return found


def _wrong(rule: Rule) -> Iterator[tuple[str, str]]:
    named = 0 < len(rule.name) <= LONGEST_NAME and rule.name == rule.name.strip()
    if not (named and rule.name.isprintable()):
        yield "name", "name"
    source = rule.source
    if source is not None and not (0 < len(source) <= 20 and source.isprintable()):
        yield "source", "word"
    if rule.kind not in (None, *KINDS):
        yield "kind", "word"
    for field in ("tag", "department"):
        label = getattr(rule, field)
        if label is not None and clean(label) != label:
            yield field, "word"
    yield from _wrong_numbers(rule)


def _wrong_numbers(rule: Rule) -> Iterator[tuple[str, str]]:
    if not 0 <= (rule.keep_days or 0) <= MOST_DAYS:
        yield "keep_days", "days"
    if rule.delete_days is not None and not 1 <= rule.delete_days <= MOST_DAYS:
        yield "delete_days", "days"
    smallest = rule.min_size or 0
    largest = BIGGEST if rule.max_size is None else rule.max_size
    if not 0 <= smallest <= largest <= BIGGEST:
        yield "max_size", "sizes"
