"""Joining partial uploads, and lengths that become known late: no byte lost, none copied."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from portal.core import ending, finishing, uploads
from portal.core.accounts import Caller
from portal.core.appending import append
from portal.core.concatenating import MOST_PIECES, concatenate
from portal.core.errors import (
    Conflict,
    Incomplete,
    InvalidRequest,
    KeyReused,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    TooLarge,
    TooManyUploads,
    UploadGone,
)
from portal.core.limits import Limits, Terms
from portal.core.models import Upload
from portal.core.transaction import utc_now, writing
from portal.core.uploads import NewUpload, Progress
from tests.core.conftest import HOUR, Body, Site, sha256

FINAL = NewUpload("tus", "call.wav", None)
ALLOWED = Limits(HOUR)


def begin(site: Site, length: int | None, concat: str | None = None, **more: object) -> str:
    new = NewUpload("tus", "call.wav", length, concat=concat, **more)
    return uploads.start(site.session, site.caller, new, ALLOWED).upload_id


def piece(site: Site, content: bytes) -> str:
    """A partial upload that is here, in two parts."""
    upload_id = begin(site, len(content), "partial")
    half = len(content) // 2
    site.append(upload_id, 0, Body(content[:half]))
    site.append(upload_id, half, Body(content[half:]))
    return upload_id


def join(site: Site, pieces: list[str], new: NewUpload = FINAL) -> Progress:
    return concatenate(site.session, site.caller, new, pieces, ALLOWED)


def append_late(site: Site, upload_id: str, offset: int, body: Body, length: int) -> Progress:
    return append(
        site.session, site.stores, site.caller, upload_id, offset, body, HOUR, None, length
    )


def test_the_pieces_become_one_recording_in_the_order_that_was_asked_for(
    site: Site, call: bytes
) -> None:
    thirds = [call[:3000], call[3000:3001], call[3001:]]
    made = [piece(site, content) for content in reversed(thirds)]
    stored = site.keys()
    final = join(site, list(reversed(made)))
    assert (final.offset, final.length, final.finished) == (len(call), len(call), True)
    assert site.keys() == stored, "no byte was moved"
    assert site.counted_bytes(final.upload_id) == call
    site.assemble(final.upload_id)
    recording = site.recording(final.upload_id)
    assert recording is not None and recording.sha256 == sha256(call)
    assert [site.recording(each) for each in made] == [None] * 3
    assert site.keys("parts/") == []
    assert site.events(final.upload_id)[:2] == ["upload.created", "upload.received"]


def test_joined_again_or_by_many_at_once_it_is_the_same_upload(site: Site) -> None:
    pieces = [piece(site, b"one two "), piece(site, b"three")]

    def act(session: object) -> Progress:
        return concatenate(session, site.caller, FINAL, pieces, ALLOWED)  # type: ignore[arg-type]

    found = [*site.at_once(act, 6), join(site, pieces)]
    assert len({each.upload_id for each in found}) == 1  # type: ignore[attr-defined]
    assert site.counted_bytes(found[0].upload_id) == b"one two three"  # type: ignore[attr-defined]


def test_a_piece_is_used_once(site: Site) -> None:
    first, second, third = (piece(site, content) for content in (b"aa", b"bb", b"cc"))
    final = join(site, [first, second])
    for other in ([first, third], [second, first], [first]):
        with pytest.raises(Conflict):
            join(site, other)
    assert site.counted_bytes(final.upload_id) == b"aabb"
    assert site.upload(third).state == "open"


def test_pieces_that_are_not_whole_not_partial_or_not_there_are_refused(
    site: Site, stranger: Caller
) -> None:
    whole, unfinished, ordinary = piece(site, b"aa"), begin(site, 9, "partial"), site.begin(5)
    unknown_length = begin(site, None, "partial")
    for pieces, refusal in (
        ([whole, unfinished], Incomplete),
        ([whole, unknown_length], Incomplete),
        ([whole, ordinary], NotAllowed),
        ([whole, "00000000-0000-7000-8000-000000000000"], NotFound),
        ([], InvalidRequest),
        ([whole, whole], InvalidRequest),
        ([whole] * (MOST_PIECES + 1), InvalidRequest),
    ):
        with pytest.raises(refusal):
            join(site, pieces)
    with pytest.raises(NotFound):
        concatenate(site.session, stranger, FINAL, [whole], ALLOWED)
    assert site.upload(whole).state == "open"
    assert len(site.parts(whole)) == 2


def test_a_piece_never_becomes_a_recording_and_expires_like_any_upload(site: Site) -> None:
    upload_id = piece(site, b"whole")
    with pytest.raises(Conflict):
        finishing.finish(site.session, site.caller, upload_id)
    assert ending.expire(site.session, utc_now() + 2 * HOUR) == [upload_id]
    assert site.upload(upload_id).state == "expired"
    with pytest.raises(UploadGone):
        join(site, [upload_id])


def test_a_joined_piece_cannot_be_finished_or_given_up(site: Site) -> None:
    upload_id = piece(site, b"whole")
    final = join(site, [upload_id])
    with pytest.raises(Conflict):
        finishing.finish(site.session, site.caller, upload_id)
    with pytest.raises(NotAllowed):
        ending.abandon(site.session, site.caller, upload_id)
    with pytest.raises(NotAllowed):
        site.append(final.upload_id, 5, Body(b"more"))
    assert ending.expire(site.session, utc_now() + 2 * HOUR) == []
    assert site.counted_bytes(final.upload_id) == b"whole"


def test_all_pieces_together_stay_below_the_limit(site: Site) -> None:
    pieces = [piece(site, b"12345"), piece(site, b"67890")]
    with pytest.raises(TooLarge):
        join(site, pieces, replace(FINAL, terms=Terms(most_bytes=9)))
    assert join(site, pieces).offset == 10


def test_joining_needs_no_free_place_among_the_open_uploads(site: Site) -> None:
    pieces = [piece(site, b"12345"), piece(site, b"67890")]
    allowed = Limits(HOUR, open_uploads=2)
    with pytest.raises(TooManyUploads):
        uploads.start(site.session, site.caller, NewUpload("tus", "x", 1), allowed)
    assert concatenate(site.session, site.caller, FINAL, pieces, allowed).offset == 10


def test_an_idempotency_key_names_one_upload_only(site: Site) -> None:
    first, second = piece(site, b"aa"), piece(site, b"bb")
    keyed = replace(FINAL, idempotency_key="k1")
    final = join(site, [first], keyed)
    assert join(site, [first], keyed).upload_id == final.upload_id
    with pytest.raises(KeyReused):
        join(site, [second], keyed)
    assert site.upload(second).state == "open"


def test_a_join_whose_file_failed_is_gone(site: Site) -> None:
    upload_id = piece(site, b"other")
    wrong = replace(FINAL, declared_sha256="0" * 64)
    final = join(site, [upload_id], wrong)
    site.assemble(final.upload_id)
    with pytest.raises(UploadGone):
        join(site, [upload_id], wrong)


def test_a_token_that_has_run_out_joins_the_pieces_it_began(site: Site) -> None:
    site.caller = with_token(site.caller, "1" * 36)
    mine = piece(site, b"whole")
    site.caller = with_token(site.caller, "2" * 36)
    other = piece(site, b"other")
    site.caller = replace(site.caller, lapsed=True)
    with pytest.raises(NotAuthenticated):
        join(site, [mine])
    assert join(site, [other]).finished


def with_token(caller: Caller, token_id: str) -> Caller:
    return replace(caller, actor=replace(caller.actor, token_id=token_id))


def test_a_length_that_comes_with_the_last_bytes_ends_the_upload(site: Site) -> None:
    upload_id = begin(site, None)
    assert site.append(upload_id, 0, Body(b"four")).length is None
    assert append_late(site, upload_id, 4, Body(b"six"), 7).finished
    assert site.upload(upload_id).state == "finishing"
    assert site.counted_bytes(upload_id) == b"foursix"


@pytest.mark.parametrize("body", [Body(), Body(b"")], ids=["none", "empty and chunked"])
def test_a_length_that_comes_alone_ends_the_upload(site: Site, body: Body) -> None:
    body = Body(*body.steps)
    upload_id = begin(site, None)
    site.append(upload_id, 0, Body(b"four"))
    assert append_late(site, upload_id, 4, body, 4).finished
    assert site.upload(upload_id).state == "finishing"


def test_a_late_length_stays_and_fits_what_is_here(site: Site) -> None:
    upload_id = begin(site, None, terms=Terms(most_bytes=100))
    site.append(upload_id, 0, Body(b"four"))
    for length, refusal in ((3, Conflict), (101, TooLarge)):
        with pytest.raises(refusal):
            append_late(site, upload_id, 4, Body(b"x"), length)
        assert site.upload(upload_id).length is None
    append_late(site, upload_id, 4, Body(b"x"), 9)
    with pytest.raises(Conflict):
        append_late(site, upload_id, 5, Body(b"x"), 10)
    with pytest.raises(TooLarge):
        site.append(upload_id, 5, Body(b"x" * 5))
    assert site.append(upload_id, 5, Body(b"last")).finished


def test_an_upload_without_a_length_has_a_limit_all_the_same(site: Site) -> None:
    upload_id = begin(site, None, terms=Terms(most_bytes=10))
    with pytest.raises(TooLarge):
        site.append(upload_id, 0, Body(b"x" * 11))
    assert site.upload(upload_id).offset == 0


def test_an_upload_that_is_begun_again_keeps_what_was_said_first(
    site: Site, stranger: Caller
) -> None:
    upload_id = begin(site, 5, details={"session_id": "1"})
    again = NewUpload(
        "tus", "other.wav", 5, details={"session_id": "2", "camera": "b"}, declared_sha256="0" * 64
    )
    assert uploads.adopt(site.session, site.caller, upload_id, again).upload_id == upload_id
    found = site.upload(upload_id)
    assert (found.filename, found.details) == ("call.wav", {"session_id": "1", "camera": "b"})
    assert found.declared_sha256 == "0" * 64
    with pytest.raises(NotFound):
        uploads.adopt(site.session, stranger, upload_id, again)
    for unfit in (replace(again, length=6), replace(again, dialect="chunks")):
        with pytest.raises(Conflict):
            uploads.adopt(site.session, site.caller, upload_id, unfit)
    site.append(upload_id, 0, Body(b"12345"))
    with pytest.raises(Conflict):
        uploads.adopt(site.session, site.caller, upload_id, again)


def test_an_upload_that_has_expired_is_not_begun_again(site: Site) -> None:
    upload_id = site.begin(5, lifetime=timedelta(seconds=-1))
    with pytest.raises(UploadGone):
        uploads.adopt(site.session, site.caller, upload_id, NewUpload("tus", "x", 5))


def test_pieces_from_before_staging_had_a_place_of_its_own_are_joined_where_they_are(
    site: Site, call: bytes
) -> None:
    made = [piece(site, call[:3000]), piece(site, call[3000:])]
    with writing(site.session):
        for each in made:
            site.session.get_one(Upload, each).storage_id = "main"
    final = join(site, made)
    assert site.upload(final.upload_id).storage_id == "main"
    site.assemble(final.upload_id)
    assert site.recording(final.upload_id) is not None


def test_pieces_in_different_places_are_refused(site: Site) -> None:
    made = [piece(site, b"older"), piece(site, b"newer")]
    with writing(site.session):
        site.session.get_one(Upload, made[0]).storage_id = "main"
    with pytest.raises(Conflict, match="different storages"):
        join(site, made)
    assert site.upload(made[0]).state == "open"
