"""Saying that an upload is whole: too early, twice, by many, and against its other ends."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from portal.core.errors import (
    Conflict,
    Incomplete,
    InvalidRequest,
)
from portal.core.uploads import Progress
from tests.core.conftest import Body, Site, at_once, sha256
from tests.core.whole import abandon, begin, finish, outcome, put, sent


def test_a_whole_upload_is_finished_once_however_often_it_is_asked_for(site: Site) -> None:
    upload_id = sent(site, b"x" * 2500)
    assert outcome(site, upload_id).state == "open"
    for _ in range(3):
        progress = finish(site, upload_id)
        assert (progress.upload_id, progress.offset, progress.finished) == (upload_id, 2500, True)
    assert outcome(site, upload_id).state == "processing"
    assert site.events(upload_id) == ["upload.created", "upload.received"]


def test_eight_who_finish_at_once_begin_one_assembly(site: Site) -> None:
    upload_id = sent(site, b"x" * 2500)
    outcomes = at_once([lambda: finish(site, upload_id)] * 8)
    assert all(isinstance(each, Progress) and each.finished for each in outcomes), outcomes
    assert site.events(upload_id).count("upload.received") == 1


def test_the_missing_chunks_are_named_and_nothing_is_changed(site: Site) -> None:
    upload_id = begin(site, 2500, 1000)
    put(site, upload_id, 1, b"x" * 1000)
    with pytest.raises(Incomplete, match="1 of 3 chunks are here") as refusal:
        finish(site, upload_id)
    assert refusal.value.missing == [0, 2]
    assert site.upload(upload_id).state == "open"
    put(site, upload_id, 0, b"x" * 1000)
    put(site, upload_id, 2, b"x" * 500)
    assert finish(site, upload_id).finished


def test_no_more_than_a_thousand_missing_chunks_are_named(site: Site) -> None:
    with pytest.raises(Incomplete) as refusal:
        finish(site, begin(site, 1500, 1))
    assert refusal.value.missing == list(range(1000))


def test_a_number_of_chunks_that_was_not_agreed_is_refused(site: Site) -> None:
    upload_id = sent(site, b"x" * 2500)
    with pytest.raises(InvalidRequest, match="has 3 chunks, not 2"):
        finish(site, upload_id, total=2)
    assert finish(site, upload_id, total=3).finished


def test_where_no_number_was_agreed_the_client_says_it_in_the_end(site: Site) -> None:
    upload_id = begin(site, None)
    for number in (0, 2):
        put(site, upload_id, number, b"piece")
    with pytest.raises(InvalidRequest, match="how many"):
        finish(site, upload_id)
    with pytest.raises(InvalidRequest, match="2 chunks have arrived, not 1"):
        finish(site, upload_id, total=1)
    with pytest.raises(Incomplete) as refusal:
        finish(site, upload_id, total=3)
    assert refusal.value.missing == [1]
    put(site, upload_id, 1, b"piece")
    assert finish(site, upload_id, total=3).finished
    assert site.upload(upload_id).length == 15


def test_an_upload_in_which_nothing_arrived_is_not_whole(site: Site) -> None:
    with pytest.raises(Incomplete, match="Nothing has arrived"):
        finish(site, begin(site, None), total=0)


def test_a_stream_that_is_not_at_its_end_is_not_whole(site: Site) -> None:
    upload_id = site.begin(10)
    site.append(upload_id, 0, Body(b"four"))
    with pytest.raises(Incomplete, match="4 of 10 bytes"):
        finish(site, upload_id)


def test_the_declaration_that_came_first_stands(site: Site) -> None:
    late = sent(site, b"x" * 5)
    finish(site, late, sha256=sha256(b"x" * 5))
    assert site.upload(late).declared_sha256 == sha256(b"x" * 5)
    early = sent(site, b"x" * 5, sha256="0" * 64)
    with pytest.raises(Conflict, match="SHA-256"):
        finish(site, early, sha256=sha256(b"x" * 5))
    assert site.upload(early).declared_sha256 == "0" * 64


def test_a_chunk_against_the_end_is_either_counted_before_or_refused(site: Site) -> None:
    """Whoever is first, the upload never ends without a chunk that was acknowledged."""
    for _ in range(10):
        upload_id = begin(site, None)
        put(site, upload_id, 0, b"first")
        acts: list[Callable[[], object]] = [
            lambda upload_id=upload_id: put(site, upload_id, 1, b"other"),
            lambda upload_id=upload_id: finish(site, upload_id, total=1),
        ]
        outcomes = at_once(acts)
        refusals = [each for each in outcomes if not isinstance(each, Progress)]
        upload, parts = site.upload(upload_id), site.parts(upload_id)
        assert len(refusals) == 1, outcomes
        if upload.state == "finishing":
            assert isinstance(refusals[0], Conflict)
            assert (upload.length, len(parts)) == (5, 1)
        else:
            assert isinstance(refusals[0], InvalidRequest)
            assert (upload.state, upload.offset, len(parts)) == ("open", 10, 2)
        assert len(site.keys(f"parts/{upload_id}")) == len(parts)


def test_the_last_chunk_against_the_end_leaves_a_whole_upload_or_a_named_gap(site: Site) -> None:
    for _ in range(10):
        upload_id = begin(site, 10, 5)
        put(site, upload_id, 0, b"first")
        acts: list[Callable[[], object]] = [
            lambda upload_id=upload_id: put(site, upload_id, 1, b"other"),
            lambda upload_id=upload_id: finish(site, upload_id),
        ]
        outcomes = at_once(acts)
        assert site.counted_bytes(upload_id) == b"firstother"
        gaps = [each.missing for each in outcomes if isinstance(each, Incomplete)]
        state = site.upload(upload_id).state
        assert (state, gaps) in (("finishing", []), ("open", [[1]])), outcomes


def test_giving_up_against_the_end_has_one_winner(site: Site) -> None:
    for _ in range(10):
        upload_id = sent(site, b"x" * 5)
        acts: list[Callable[[], object]] = [
            lambda upload_id=upload_id: finish(site, upload_id),
            lambda upload_id=upload_id: abandon(site, upload_id),
        ]
        outcomes = at_once(acts)
        assert sum(isinstance(each, Exception) for each in outcomes) == 1, outcomes
        assert site.upload(upload_id).state in ("finishing", "abandoned")
