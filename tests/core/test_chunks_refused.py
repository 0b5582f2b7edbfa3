"""Numbered chunks that are not kept: wrong, cut, too late, or somebody else's."""

from __future__ import annotations

import errno
from dataclasses import replace

import pytest

from portal.core import ending, finishing
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
from portal.core.transaction import utc_now
from storage_backends import StorageFull
from tests.core.chunking import PIECES, Body, assert_kept, begin, put
from tests.core.conftest import HOUR, Site, sha256


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
