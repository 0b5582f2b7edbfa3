"""Into which parts an object is cut: S3's limits hold for all sizes, and no byte is lost."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage_backends.flight import PART_SIZE
from storage_backends.part_plan import (
    COPY_AT_ONCE,
    LARGEST_OBJECT,
    LEAST,
    MOST_PARTS,
    MiB,
    Piece,
    plan_parts,
    smallest_part,
)

GiB = 1024 * MiB
TINY = st.integers(0, 3 * MiB)
NEAR = st.integers(LEAST - 3, LEAST + 3)
LARGE = st.integers(LEAST, 200 * GiB)
SIZES = st.lists(st.one_of(TINY, NEAR, LARGE), max_size=20)


def size(part: list[Piece]) -> int:
    return sum(piece.stop - piece.start for piece in part)


def assert_whole(plan: list[list[Piece]], sizes: list[int]) -> None:
    """The pieces are the bytes of all sources, each once, in order."""
    pieces = [piece for part in plan for piece in part]
    for one, two in pairwise(pieces):
        if one.source == two.source:
            assert two.start == one.stop
        else:
            assert two.start == 0 and one.stop == sizes[one.source]
            assert not any(sizes[one.source + 1 : two.source])
    assert sum(map(size, plan)) == sum(sizes)
    assert all(piece.start < piece.stop for piece in pieces)


@settings(deadline=None)  # the machine may be busy
@given(SIZES, st.booleans())
def test_every_plan_is_whole_and_within_the_limits_of_s3(sizes: list[int], equal: bool) -> None:
    plan = plan_parts(sizes, equal=equal)
    assert_whole(plan, sizes)
    assert len(plan) <= MOST_PARTS
    assert all(size(part) >= LEAST for part in plan[:-1])
    assert all(size(part) <= 5 * GiB for part in plan)


@settings(deadline=None)
@given(SIZES)
def test_equal_parts_are_equal_up_to_the_last(sizes: list[int]) -> None:
    plan = [size(part) for part in plan_parts(sizes, equal=True)]
    assert len(set(plan[:-1])) <= 1
    assert not plan or plan[-1] <= plan[0]


@given(st.lists(st.integers(LEAST, 400 * MiB), max_size=100))
def test_sources_of_5_mib_and_more_are_copied_whole(sizes: list[int]) -> None:
    assert plan_parts(sizes) == [[Piece(number, 0, each)] for number, each in enumerate(sizes)]


@settings(deadline=None)
@given(SIZES)
def test_what_passes_through_us_is_little(sizes: list[int]) -> None:
    """Only small sources, and of each large one as much as fills up the small before it."""
    least = max(LEAST, -(-sum(sizes) // MOST_PARTS))
    through_us = sum(size(part) for part in plan_parts(sizes) if len(part) > 1)
    small = sum(each for each in sizes if each < least)
    assert through_us <= small + 2 * least * len(sizes)
    assert all(size(part) <= 2 * least for part in plan_parts(sizes) if len(part) > 1)


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([], []),
        ([0, 0], []),
        ([3], [[Piece(0, 0, 3)]]),
        ([0, 3, 0, 4], [[Piece(1, 0, 3), Piece(3, 0, 4)]]),
        ([LEAST, 1], [[Piece(0, 0, LEAST)], [Piece(1, 0, 1)]]),
        (
            [1, 20 * MiB],
            [
                [Piece(0, 0, 1), Piece(1, 0, LEAST - 1)],
                [Piece(1, LEAST - 1, 20 * MiB)],
            ],
        ),
        ([1, LEAST], [[Piece(0, 0, 1), Piece(1, 0, LEAST)]]),
        (
            [2 * COPY_AT_ONCE],
            [[Piece(0, 0, COPY_AT_ONCE)], [Piece(0, COPY_AT_ONCE, 2 * COPY_AT_ONCE)]],
        ),
    ],
)
def test_plans_that_can_be_checked_by_hand(sizes: list[int], expected: list[list[Piece]]) -> None:
    assert plan_parts(sizes) == expected


@pytest.mark.parametrize("most", [MOST_PARTS, 50_000], ids=["s3", "azure"])
@given(st.integers(0, LARGEST_OBJECT))
def test_what_we_send_in_parts_of_8_mib_and_more_never_needs_too_many(
    most: int, total: int
) -> None:
    size = smallest_part(total, PART_SIZE, most)
    assert -(-total // size) <= most
    assert size == PART_SIZE or (size - 1) * most < total, "no larger than it must be"
    assert 4 * size <= 2200 * MiB


def test_beyond_5_tib_there_is_no_part_size() -> None:
    with pytest.raises(ValueError, match="at most 5 TiB"):
        smallest_part(LARGEST_OBJECT + 1, PART_SIZE)


def test_5_tib_in_small_sources_fit_and_one_byte_more_does_not() -> None:
    full = [LARGEST_OBJECT // 100_000] * 100_000
    full.append(LARGEST_OBJECT - sum(full))
    assert len(plan_parts(full)) <= MOST_PARTS
    with pytest.raises(ValueError, match="at most 5 TiB"):
        plan_parts([*full, 1])
