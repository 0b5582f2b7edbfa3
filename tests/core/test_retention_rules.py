"""The rules alone: what `decide` says of any recording, and which changes are harmless."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.core.retention.checking import problems
from portal.core.retention.comparing import shortens
from portal.core.retention.deciding import KEEP, MARK, PURGE, Facts, Rule, decide, fits
from portal.core.retention.presets import PRESETS
from tests.core.retaining import DAY, FACTS, NOW, RULES

FLOOR = st.sampled_from([timedelta(0), 10 * DAY])
MANY = settings(max_examples=200, deadline=None)


@MANY
@given(FACTS, RULES, FLOOR)
def test_a_hold_always_wins(facts: Facts, rules: list[Rule], floor: timedelta) -> None:
    said = decide(facts, rules, True, floor, NOW)
    assert said.action == KEEP and said.reasons[0] == "held"


@MANY
@given(FACTS, RULES, FLOOR, st.randoms(use_true_random=False))
def test_the_order_of_the_rules_changes_nothing(
    facts: Facts, rules: list[Rule], floor: timedelta, dice: object
) -> None:
    mixed = list(rules)
    dice.shuffle(mixed)  # type: ignore[attr-defined]
    assert decide(facts, mixed, False, floor, NOW) == decide(facts, rules, False, floor, NOW)


@MANY
@given(FACTS, RULES, FLOOR)
def test_nothing_goes_that_a_rule_or_the_floor_keeps(
    facts: Facts, rules: list[Rule], floor: timedelta
) -> None:
    """Said once more in other words: by asking each rule alone."""
    said = decide(facts, rules, False, floor, NOW)
    age, fitting = NOW - facts.received_at, [rule for rule in rules if fits(rule, facts)]
    ages = [(rule.keep_days, rule.delete_days) for rule in fitting]
    flat = [each for pair in ages for each in pair]
    over = bool(fitting) and None not in flat and age >= max(each * DAY for each in flat)
    over = over and age >= floor
    assert (said.action != KEEP) == over
    graced = facts.purge_at is not None and facts.purge_at <= NOW
    assert (said.action == PURGE) == (over and graced)
    if over:
        assert said.delete_at is not None and said.delete_at <= NOW and said.rule


@MANY
@given(FACTS, RULES, st.integers(0, 3), st.integers(0, 50), FLOOR)
def test_lengthening_a_rule_never_deletes(
    facts: Facts, rules: list[Rule], which: int, more: int, floor: timedelta
) -> None:
    if not rules:
        return
    longer = list(rules)
    old = longer[which % len(rules)]
    keep = None if old.keep_days is None else old.keep_days + more
    delete = None if old.delete_days is None else old.delete_days + more
    longer[which % len(rules)] = replace(old, keep_days=keep, delete_days=delete)
    assert not shortens(rules, longer)
    _assert_no_sooner(facts, rules, longer, floor)


@MANY
@given(FACTS, RULES, RULES, FLOOR)
def test_what_is_called_harmless_deletes_nothing_sooner(
    facts: Facts, old: list[Rule], new: list[Rule], floor: timedelta
) -> None:
    both = [*old, *(replace(rule, name=f"{rule.name}, too") for rule in new)]
    for changed in (new, both):
        if not shortens(old, changed):
            _assert_no_sooner(facts, old, changed, floor)


def _assert_no_sooner(facts: Facts, old: list[Rule], new: list[Rule], floor: timedelta) -> None:
    was, is_ = (decide(facts, rules, False, floor, NOW) for rules in (old, new))
    for before, after in ((was.delete_at, is_.delete_at), (was.keep_until, is_.keep_until)):
        assert after is None or (before is not None and after >= before)
    assert is_.action == KEEP or was.action != KEEP


CALLS = Rule("calls", source="calls", keep_days=90, delete_days=180)


@pytest.mark.parametrize(
    ("old", "new", "answer"),
    [
        ([], [], False),
        ([CALLS], [replace(CALLS, name="phone calls")], False),
        ([CALLS], [replace(CALLS, keep_days=91)], False),
        ([CALLS], [replace(CALLS, delete_days=None)], False),
        ([CALLS], [CALLS, Rule("for ever", keep_days=None)], False),
        ([CALLS], [CALLS, Rule("fraud", "calls", tag="fraud", delete_days=10)], False),
        ([], [CALLS], True),
        ([CALLS], [], True),
        ([CALLS], [replace(CALLS, delete_days=179)], True),
        ([CALLS], [replace(CALLS, keep_days=89)], True),
        ([CALLS], [replace(CALLS, kind="audio")], True),
        ([CALLS], [replace(CALLS, max_size=10)], True),
        ([CALLS], [CALLS, Rule("all", delete_days=10_000)], True),
    ],
)  # fmt: skip
def test_which_changes_take_two(old: list[Rule], new: list[Rule], answer: bool) -> None:
    assert shortens(old, new) is answer


def test_the_marks_way_through_its_grace() -> None:
    facts = Facts("calls", "audio", None, frozenset(), 1, NOW - 180 * DAY)
    for purge_at, action, reason in (
        (None, MARK, "due"),
        (NOW + DAY, MARK, "grace"),
        (NOW, PURGE, "over"),
    ):
        said = decide(replace(facts, purge_at=purge_at), [CALLS], False, 0 * DAY, NOW)
        assert (said.action, said.reasons, said.rule) == (action, (reason,), "calls")
    early = decide(facts, [CALLS], False, 0 * DAY, NOW - timedelta(microseconds=1))
    assert (early.action, early.reasons) == (KEEP, ("not_due",))


@pytest.mark.parametrize(
    ("rule", "field", "code"),
    [
        (Rule(" "), "name", "name"),
        (Rule("x", tag="Upper"), "tag", "word"),
        (Rule("x", department=""), "department", "word"),
        (Rule("x", kind="smell"), "kind", "word"),
        (Rule("x", keep_days=-1), "keep_days", "days"),
        (Rule("x", delete_days=0), "delete_days", "days"),
        (Rule("x", delete_days=36_501), "delete_days", "days"),
        (Rule("x", min_size=2, max_size=1), "max_size", "sizes"),
    ],
)
def test_what_cannot_be_kept_is_named_by_its_field(rule: Rule, field: str, code: str) -> None:
    assert [(each.field, each.code) for each in problems([Rule("good"), rule])] == [(field, code)]


def test_two_of_one_name_are_told() -> None:
    [found] = problems([Rule("Calls"), Rule("calls")])
    assert (found.position, found.code) == (1, "same_name")


def test_the_presets_can_be_kept() -> None:
    assert problems(list(PRESETS.values())) == []
