"""Numbered chunks without HTTP: which of them are kept, in any order and several at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from portal.core import chunks, finishing
from portal.core.errors import (
    Conflict,
    InvalidRequest,
    TooLarge,
)
from portal.core.limits import Terms
from portal.core.transaction import utc_now
from portal.core.uploads import Progress
from tests.core.chunking import PIECES, Body, assert_kept, begin, put
from tests.core.conftest import HOUR, Site, at_once, sha256


def missing(site: Site, upload_id: str) -> list[int]:
    return chunks.missing(site.session, site.upload(upload_id))


def test_chunks_count_in_any_order_and_the_missing_ones_are_named(site: Site) -> None:
    upload_id = begin(site)
    progress = put(site, upload_id, 2, b"end", sha256(b"end"))
    assert (progress.offset, progress.length, progress.chunk_size) == (3, 13, 5)
    assert missing(site, upload_id) == [0, 1]
    put(site, upload_id, 0, b"first")
    assert missing(site, upload_id) == [1]
    assert chunks.count_of(site.session, site.upload(upload_id)) == 2
    last = put(site, upload_id, 1, b"other")
    assert (last.offset, last.finished) == (13, False), "only the client says that it is whole"
    assert_kept(site, upload_id, dict(enumerate(PIECES)))


def test_the_same_chunk_again_gets_the_same_answer_and_is_stored_once(site: Site) -> None:
    upload_id = begin(site)
    first = put(site, upload_id, 0, b"first")
    again = put(site, upload_id, 0, b"first")
    assert (again.offset, again.finished) == (first.offset, first.finished)
    assert_kept(site, upload_id, {0: b"first"})


def test_other_bytes_under_the_same_number_are_refused(site: Site) -> None:
    upload_id = begin(site)
    put(site, upload_id, 0, b"first")
    with pytest.raises(Conflict, match="Chunk 0 is here already, with other bytes"):
        put(site, upload_id, 0, b"worst")
    assert_kept(site, upload_id, {0: b"first"})


def test_the_same_chunk_eight_times_at_once_counts_once(site: Site) -> None:
    upload_id = begin(site)
    outcomes = at_once([lambda: put(site, upload_id, 0, b"first")] * 8)
    assert [each.offset for each in outcomes if isinstance(each, Progress)] == [5] * 8, outcomes
    assert_kept(site, upload_id, {0: b"first"})


def test_of_two_contents_at_once_one_wins_whole(site: Site) -> None:
    upload_id = begin(site)
    contents = [b"first", b"worst"] * 3
    outcomes = at_once([lambda piece=piece: put(site, upload_id, 0, piece) for piece in contents])
    assert sum(isinstance(each, Progress) for each in outcomes) == 3, outcomes
    assert sum(isinstance(each, Conflict) for each in outcomes) == 3, outcomes
    winner = site.counted_bytes(upload_id)
    assert winner in contents
    assert_kept(site, upload_id, {0: winner})


def test_all_chunks_at_once_are_all_counted(site: Site) -> None:
    upload_id = begin(site, length=60)
    acts: list[Callable[[], object]] = [
        lambda number=number: put(site, upload_id, number, bytes([number]) * 5)
        for number in range(12)
    ]
    outcomes = at_once(acts)
    assert all(isinstance(each, Progress) for each in outcomes), outcomes
    assert_kept(site, upload_id, {number: bytes([number]) * 5 for number in range(12)})
    assert missing(site, upload_id) == []


def test_each_chunk_and_each_repeat_starts_the_lifetime_anew(site: Site) -> None:
    upload_id = begin(site)
    for hours in (2, 3):
        progress = put(site, upload_id, 0, b"first", lifetime=hours * HOUR)
        assert progress.expires_at > utc_now() + (hours - 0.1) * HOUR


def test_an_upload_without_agreed_sizes_takes_any_up_to_its_terms(site: Site) -> None:
    terms = Terms(most_bytes=10, most_parts=3)
    upload_id = begin(site, length=None, chunk_size=None, terms=terms)
    put(site, upload_id, 2, b"12")
    put(site, upload_id, 0, b"3456")
    assert missing(site, upload_id) == []
    with pytest.raises(TooLarge):
        put(site, upload_id, 1, b"56789")
    with pytest.raises(InvalidRequest, match="no chunk number 3"):
        put(site, upload_id, 3, b"5")
    put(site, upload_id, 1, b"5678")
    assert_kept(site, upload_id, {0: b"3456", 1: b"5678", 2: b"12"})


def test_many_chunks_at_once_stay_within_the_terms(site: Site) -> None:
    upload_id = begin(site, length=None, chunk_size=None, terms=Terms(most_bytes=10))
    acts: list[Callable[[], object]] = [
        lambda number=number: put(site, upload_id, number, b"1234") for number in range(6)
    ]
    outcomes = at_once(acts)
    assert sum(isinstance(each, Progress) for each in outcomes) == 2
    assert sum(isinstance(each, TooLarge) for each in outcomes) == 4, outcomes
    assert site.upload(upload_id).offset == 8
    assert len(site.keys(f"parts/{upload_id}")) == 2


def test_no_more_than_a_thousand_missing_ones_are_named(site: Site) -> None:
    upload_id = begin(site, length=1500, chunk_size=1)
    put(site, upload_id, 3, b"x")
    named = missing(site, upload_id)
    assert len(named) == chunks.MISSING_NAMED
    assert named[:4] == [0, 1, 2, 4]


def test_the_count_of_a_recording_is_that_of_its_chunks(site: Site, call: bytes) -> None:
    upload_id = begin(site, length=len(call), chunk_size=1000)
    total = chunks.total_chunks(site.upload(upload_id)) or 0
    for number in reversed(range(total)):
        put(site, upload_id, number, call[number * 1000 : (number + 1) * 1000])
    finishing.finish(site.session, site.caller, upload_id)
    site.assemble(upload_id)
    recording = site.recording(upload_id)
    assert recording is not None and recording.sha256 == sha256(call)
    assert site.content(recording.key) == call
    assert site.parts(upload_id) == []
    assert chunks.count_of(site.session, site.upload(upload_id)) == total


def test_a_session_is_free_while_the_bytes_of_a_chunk_move(site: Site) -> None:
    upload_id = begin(site)
    with site.sessions() as session:
        seen: list[bool] = []
        body = Body(b"fir", lambda: seen.append(session.in_transaction()), b"st")
        chunks.put(session, site.stores, site.caller, upload_id, 0, body, HOUR)
    assert seen == [False]
