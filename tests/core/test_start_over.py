"""An upload that is sent again from its first byte, and one that is described as it goes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from portal.core import appending, ending, finishing, uploads
from portal.core.accounts import Caller
from portal.core.errors import (
    Conflict,
    Incomplete,
    InvalidRequest,
    NotFound,
    OffsetMismatch,
    TakenOver,
    TooLarge,
    UploadGone,
)
from portal.core.limits import Limits, Terms
from portal.core.uploads import NewUpload
from tests.core.conftest import HOUR, Body, Site, sha256


def start_over(site: Site, upload_id: str, caller: Caller | None = None) -> None:
    appending.start_over(site.session, site.stores, caller or site.caller, upload_id)


def test_what_had_arrived_is_dropped_and_only_the_new_bytes_count(site: Site) -> None:
    upload_id = site.begin(8)
    site.append(upload_id, 0, Body(b"one", Body.PART_ENDS, b"two"))
    start_over(site, upload_id)
    assert (site.upload(upload_id).offset, site.keys()) == (0, [])
    site.append(upload_id, 0, Body(b"other", Body.PART_ENDS, b"one"))
    assert site.counted_bytes(upload_id) == b"otherone"
    assert site.events(upload_id).count("upload.restarted") == 1


def test_before_any_byte_it_is_harmless_and_says_nothing(site: Site) -> None:
    upload_id = site.begin(8)
    start_over(site, upload_id)
    assert "upload.restarted" not in site.events(upload_id)


def test_a_zombie_that_still_writes_is_shut_out(site: Site) -> None:
    upload_id = site.begin(12)
    site.append(upload_id, 0, Body(b"aaa"))

    def again() -> None:
        start_over(site, upload_id)
        site.append(upload_id, 0, Body(b"bbb"))

    with pytest.raises(TakenOver):
        site.append(upload_id, 3, Body(b"aaa", again, b"aaa"))
    assert site.counted_bytes(upload_id) == b"bbb"
    assert len(site.keys("parts")) == 1
    with pytest.raises(OffsetMismatch):
        site.append(upload_id, 6, Body(b"aaa"))


def test_a_zombie_is_shut_out_also_while_nobody_else_writes(site: Site) -> None:
    upload_id = site.begin(12)
    with pytest.raises(TakenOver):
        site.append(upload_id, 0, Body(b"aaa", lambda: start_over(site, upload_id), b"aaa"))
    assert (site.upload(upload_id).offset, site.keys("parts")) == (0, [])


def test_of_many_that_start_over_at_once_the_bytes_are_never_mixed(site: Site) -> None:
    upload_id = site.begin(60)
    letters = iter("abcdef")

    def send(_: object) -> object:
        letter = next(letters).encode()
        start = [letter * 20, Body.PART_ENDS, letter * 20, Body.PART_ENDS, letter * 20]
        with site.sessions() as session:
            appending.start_over(session, site.stores, site.caller, upload_id)
        return site.append(upload_id, 0, Body(*start))

    site.at_once(send, 6)
    got = site.counted_bytes(upload_id)
    assert len(set(got)) <= 1 and site.upload(upload_id).offset == len(got)
    assert len(site.keys("parts")) == len(site.parts(upload_id))


def test_a_complete_or_foreign_upload_is_not_touched(site: Site, stranger: Caller) -> None:
    upload_id = site.begin(6)
    site.append(upload_id, 0, Body(b"one"))
    with pytest.raises(NotFound):
        start_over(site, upload_id, stranger)
    site.append(upload_id, 3, Body(b"two"))
    with pytest.raises(Conflict):
        start_over(site, upload_id)
    assert site.counted_bytes(upload_id) == b"onetwo"
    cancelled = site.begin(6)
    ending.abandon(site.session, site.caller, cancelled)
    with pytest.raises(UploadGone):
        start_over(site, cancelled)


def begin_unknown(site: Site, declared: str | None = None) -> str:
    new = NewUpload("sessions", "s", None, Terms(most_bytes=100), declared, ends_itself=False)
    return uploads.start(site.session, site.caller, new, Limits(HOUR)).upload_id


@pytest.mark.parametrize(("length", "refusal"), [(9, Incomplete), (5, Conflict), (101, TooLarge)])
def test_the_length_that_is_said_at_the_end_must_be_the_one_that_arrived(
    site: Site, length: int, refusal: type[Exception]
) -> None:
    upload_id = begin_unknown(site)
    site.append(upload_id, 0, Body(b"sixbyt"))
    with pytest.raises(refusal):
        finishing.finish(site.session, site.caller, upload_id, length=length)
    assert (site.upload(upload_id).state, site.upload(upload_id).length) == ("open", None)
    assert finishing.finish(site.session, site.caller, upload_id, length=6).finished


def test_a_checksum_that_contradicts_the_first_one_is_refused(site: Site) -> None:
    upload_id = begin_unknown(site, sha256(b"six"))
    site.append(upload_id, 0, Body(b"six"))
    with pytest.raises(Conflict, match="SHA-256"):
        finishing.finish(site.session, site.caller, upload_id, sha256=sha256(b"ten"))
    assert finishing.finish(site.session, site.caller, upload_id, sha256=sha256(b"six")).finished


def describe(site: Site, upload_id: str, **details: str) -> None:
    uploads.describe(site.session, site.caller, upload_id, details)


def test_details_are_merged_while_the_upload_is_open(site: Site, stranger: Caller) -> None:
    upload_id = begin_unknown(site)
    describe(site, upload_id, agent="Ana", lead="7")
    describe(site, upload_id, lead="8")
    assert site.upload(upload_id).details == {"agent": "Ana", "lead": "8"}
    with pytest.raises(NotFound):
        uploads.describe(site.session, stranger, upload_id, {"agent": "Otto"})
    with pytest.raises(InvalidRequest):
        describe(site, upload_id, **{f"n{number}": "" for number in range(200)})
    assert site.upload(upload_id).details == {"agent": "Ana", "lead": "8"}


def test_what_was_said_before_may_be_said_again_and_nothing_new_after_the_end(site: Site) -> None:
    upload_id = begin_unknown(site)
    site.append(upload_id, 0, Body(b"six"))
    describe(site, upload_id, agent="Ana")
    finishing.finish(site.session, site.caller, upload_id)
    describe(site, upload_id, agent="Ana")
    with pytest.raises(Conflict):
        describe(site, upload_id, agent="Otto")


def test_several_who_describe_at_once_are_all_heard(site: Site) -> None:
    upload_id = begin_unknown(site)
    names = iter("abcdef")
    act: Callable = lambda session: uploads.describe(  # noqa: E731
        session, site.caller, upload_id, {next(names): "x"}
    )
    assert site.at_once(act, 6) == [None] * 6
    assert set(site.upload(upload_id).details) == set("abcdef")
