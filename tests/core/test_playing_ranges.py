"""The arithmetic of stretches."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.core.ranges import clipped, merged, percent, total

PAIRS = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300)))


@given(PAIRS, PAIRS)
def test_merging_loses_nothing_and_invents_nothing(
    some: list[tuple[int, int]], others: list[tuple[int, int]]
) -> None:
    joined = merged(some, others)
    covered = {each for start, stop in some + others for each in range(start, stop)}
    assert {each for start, stop in joined for each in range(start, stop)} == covered
    assert total(joined) == len(covered)
    assert all(before[1] < after[0] for before, after in pairwise(joined))


def test_too_many_stretches_lose_their_smallest_gaps() -> None:
    assert merged([(0, 1), (10, 11), (13, 14), (99, 100)], most=2) == [[0, 14], [99, 100]]
    assert merged([(0, 1), (50, 51), (53, 54)], most=2) == [[0, 1], [50, 54]]


@pytest.mark.parametrize(
    ("end", "most", "kept"),
    [
        (100, 1000, [[10, 20], [50, 100]]),
        (None, 1000, [[10, 20], [50, 900]]),
        (100, 15, [[10, 20], [50, 55]]),
        (5, 9, []),
    ],
)
def test_clipping(end: int | None, most: int, kept: list[list[int]]) -> None:
    assert clipped([[10, 20], [50, 900]], end, most) == kept


@pytest.mark.parametrize(("whole", "share"), [(200, 50), (50, 100), (None, None), (0, None)])
def test_percent(whole: int | None, share: int | None) -> None:
    assert percent([[0, 100]], whole) == share
