"""Numbered chunks without HTTP: which of them are kept, in any order and several at once."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from portal.core import chunks, ending, finishing, uploads
from portal.core.accounts import Caller
from portal.core.errors import (
    ChecksumMismatch,
    Conflict,
    InvalidRequest,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    Refusal,
    TooLarge,
    UploadExpired,
    UploadGone,
)
from portal.core.limits import Limits, Terms
from portal.core.transaction import utc_now
from portal.core.uploads import NewUpload, Progress
from storage_backends import StorageFull
from tests.core import conftest
from tests.core.conftest import HOUR, Site, at_once, sha256

PIECES = (b"first", b"other", b"end")


class Body(conftest.Body):
    """One that can arrive whole or be cut."""

    cut: Refusal | None = None

    def refuse_cut(self) -> None:
        if self.cut is not None:
            raise self.cut


def begin(
    site: Site,
    length: int | None = 13,
    chunk_size: int | None = 5,
    terms: Terms | None = None,
    caller: Caller | None = None,
    lifetime: timedelta = HOUR,
) -> str:
    new = NewUpload("chunks", "a.wav", length, terms or Terms(), numbered=True)
    new = replace(new, chunk_size=chunk_size, ends_itself=False)
    with site.sessions() as session:
        return uploads.start(session, caller or site.caller, new, Limits(lifetime)).upload_id


def put(
    site: Site,
    upload_id: str,
    number: int,
    content: bytes | Body,
    checksum: str | None = None,
    caller: Caller | None = None,
    lifetime: timedelta = HOUR,
) -> Progress:
    """In a session of its own, as each request has one."""
    body = content if isinstance(content, Body) else Body(content, announced=len(content))
    who = caller or site.caller
    with site.sessions() as session:
        return chunks.put(session, site.store, who, upload_id, number, body, lifetime, checksum)


def assert_kept(site: Site, upload_id: str, pieces: dict[int, bytes]) -> None:
    """Exactly these chunks count, and no others are stored."""
    parts = site.parts(upload_id)
    assert {part.number: site.content(part.key) for part in parts} == pieces
    assert site.keys(f"parts/{upload_id}") == sorted(part.key for part in parts)
    assert site.upload(upload_id).offset == sum(map(len, pieces.values()))


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


@pytest.mark.parametrize(
    ("number", "content", "refusal"),
    [
        (0, b"four", InvalidRequest),
        (2, b"last!", TooLarge),
        (0, b"sixsix", TooLarge),
        (2, b"", InvalidRequest),
        (3, b"first", InvalidRequest),
        (-1, b"first", InvalidRequest),
        (10**14, b"first", InvalidRequest),
    ],
)
def test_a_number_or_size_that_does_not_belong_leaves_nothing(
    site: Site, number: int, content: bytes, refusal: type[Refusal]
) -> None:
    upload_id = begin(site)
    with pytest.raises(refusal):
        put(site, upload_id, number, content)
    assert_kept(site, upload_id, {})


def test_a_chunk_that_is_announced_too_long_is_refused_before_it_is_read(site: Site) -> None:
    upload_id = begin(site)
    body = Body(b"sixsix", announced=6)
    with pytest.raises(TooLarge, match="5 bytes at most"):
        put(site, upload_id, 0, body)
    assert body.steps == [b"sixsix"]


def test_one_that_turns_out_too_long_is_refused_too(site: Site) -> None:
    upload_id = begin(site)
    with pytest.raises(TooLarge):
        put(site, upload_id, 0, Body(b"fir", b"st and more"))
    assert_kept(site, upload_id, {})


def test_a_wrong_checksum_leaves_nothing_and_the_right_one_is_taken(site: Site) -> None:
    upload_id = begin(site)
    with pytest.raises(ChecksumMismatch, match="resend"):
        put(site, upload_id, 0, b"fIrst", sha256(b"first"))
    assert_kept(site, upload_id, {})
    put(site, upload_id, 0, b"first", sha256(b"first"))
    assert_kept(site, upload_id, {0: b"first"})


def test_a_cut_body_leaves_nothing_even_if_it_has_the_size_of_a_chunk(site: Site) -> None:
    upload_id = begin(site)
    body = Body(b"first")
    body.cut = InvalidRequest("The body ended early.")
    with pytest.raises(InvalidRequest, match="ended early"):
        put(site, upload_id, 0, body)
    assert_kept(site, upload_id, {})


def test_a_disk_that_fills_up_leaves_the_other_chunks(site: Site) -> None:
    upload_id = begin(site)
    put(site, upload_id, 0, b"first")

    def no_room() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(StorageFull):
        put(site, upload_id, 1, Body(b"oth", no_room, b"er"))
    assert_kept(site, upload_id, {0: b"first"})


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


def test_an_upload_that_is_sent_in_one_stream_takes_no_chunks(site: Site) -> None:
    upload_id = site.begin(10)
    with pytest.raises(Conflict, match="from its first byte"):
        put(site, upload_id, 0, b"first")


def test_a_chunk_for_an_upload_that_is_whole(site: Site) -> None:
    upload_id = begin(site)
    for number, piece in enumerate(PIECES):
        put(site, upload_id, number, piece)
    finishing.finish(site.session, site.caller, upload_id)
    received = site.upload(upload_id).progress_at
    assert put(site, upload_id, 0, b"first").finished, "a repeat is harmless"
    with pytest.raises(Conflict, match="other bytes"):
        put(site, upload_id, 0, b"worst")
    assert site.upload(upload_id).progress_at == received
    assert_kept(site, upload_id, dict(enumerate(PIECES)))


def test_a_new_chunk_for_an_upload_that_was_finished_without_it_is_refused(site: Site) -> None:
    upload_id = begin(site, length=None, chunk_size=None)
    put(site, upload_id, 0, b"first")
    finishing.finish(site.session, site.caller, upload_id, total=1)
    with pytest.raises(Conflict, match="takes no more chunks"):
        put(site, upload_id, 1, b"other")
    assert_kept(site, upload_id, {0: b"first"})


@pytest.mark.parametrize("end", ["abandon", "expire"])
def test_a_chunk_for_an_upload_that_ends_meanwhile_is_removed(site: Site, end: str) -> None:
    upload_id = begin(site)

    def end_it() -> None:
        if end == "abandon":
            ending.abandon(site.session, site.caller, upload_id)
        else:
            assert ending.expire(site.session, utc_now() + 2 * HOUR) == [upload_id]

    with pytest.raises(UploadGone, match="cancelled" if end == "abandon" else "expired"):
        put(site, upload_id, 0, Body(b"fir", end_it, b"st"))
    assert_kept(site, upload_id, {})


def test_an_upload_that_has_lapsed_takes_no_chunk_before_it_is_swept(site: Site) -> None:
    upload_id = begin(site, lifetime=-HOUR)
    body = Body(b"first")
    with pytest.raises(UploadExpired):
        put(site, upload_id, 0, body)
    assert body.steps == [b"first"], "refused before it is read"


def test_somebody_elses_upload_takes_no_chunk(site: Site, stranger: Caller) -> None:
    upload_id = begin(site)
    with pytest.raises(NotFound):
        put(site, upload_id, 0, b"first", caller=stranger)
    deprived = replace(site.caller, rights=frozenset({"list"}))
    with pytest.raises(NotAllowed):
        put(site, upload_id, 0, b"first", caller=deprived)
    assert_kept(site, upload_id, {})


def test_a_token_that_has_run_out_continues_what_it_began_and_nothing_else(site: Site) -> None:
    valid = replace(site.caller, actor=replace(site.caller.actor, token_id="one"))
    own, other = begin(site, caller=valid), begin(site)
    lapsed = replace(valid, lapsed=True)
    for number, piece in enumerate(PIECES):
        put(site, own, number, piece, caller=lapsed)
    with pytest.raises(NotAuthenticated):
        put(site, other, 0, b"first", caller=lapsed)
    with pytest.raises(NotAuthenticated):
        begin(site, caller=lapsed)
    with site.sessions() as session:
        assert finishing.finish(session, lapsed, own).finished


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
        chunks.put(session, site.store, site.caller, upload_id, 0, body, HOUR)
    assert seen == [False]
