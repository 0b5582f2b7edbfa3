"""The engine without HTTP: which bytes of an upload are acknowledged, and by whom."""

from __future__ import annotations

import errno
import threading
import time
from datetime import timedelta

import pytest
from sqlalchemy import event

from portal.core import ending, uploads
from portal.core.accounts import Caller
from portal.core.appending import PART_BYTES, append
from portal.core.checks import Check
from portal.core.errors import (
    ChecksumMismatch,
    NotAllowed,
    NotFound,
    OffsetMismatch,
    TakenOver,
    TooLarge,
    UploadGone,
)
from portal.core.limits import Limits
from portal.core.transaction import utc_now
from portal.core.uploads import NewUpload
from storage_backends import StorageFull
from tests.core.conftest import HOUR, Body, Site, sha256


def assert_acknowledged(site: Site, upload_id: str, content: bytes) -> None:
    """Exactly these bytes count, and no others are stored."""
    assert site.upload(upload_id).offset == len(content)
    assert site.counted_bytes(upload_id) == content
    assert site.keys(f"parts/{upload_id}") == sorted(each.key for each in site.parts(upload_id))
    assert site.upload(upload_id).writing is None


def test_bytes_count_from_offset_to_offset_until_all_are_here(site: Site) -> None:
    upload_id = site.begin(10)
    first = site.append(upload_id, 0, Body(b"four", announced=4))
    assert (first.offset, first.finished) == (4, False)
    assert site.append(upload_id, 4, Body(b"six", b"bye")).finished
    assert_acknowledged(site, upload_id, b"foursixbye")
    assert site.upload(upload_id).state == "finishing"
    assert site.events(upload_id) == ["upload.created", "upload.received"]


def test_an_upload_of_nothing_is_complete_at_once(site: Site) -> None:
    assert site.upload(site.begin(0)).state == "finishing"


@pytest.mark.parametrize("offset", [0, 3, 5, 10])
def test_a_wrong_offset_is_refused_and_the_right_one_named(site: Site, offset: int) -> None:
    upload_id = site.begin(10)
    site.append(upload_id, 0, Body(b"four"))
    with pytest.raises(OffsetMismatch, match="number 4;"):
        site.append(upload_id, offset, Body(b"x"))
    assert_acknowledged(site, upload_id, b"four")


def test_an_announcement_of_too_many_bytes_is_refused_before_any_is_read(site: Site) -> None:
    upload_id = site.begin(10)
    site.append(upload_id, 0, Body(b"four"))
    body = Body(b"seven b", announced=7)
    with pytest.raises(TooLarge, match="room for 6 more bytes, but 7"):
        site.append(upload_id, 4, body)
    assert body.steps == [b"seven b"]
    assert_acknowledged(site, upload_id, b"four")


def test_too_many_bytes_without_announcement_leave_what_was_acknowledged(site: Site) -> None:
    upload_id = site.begin(10)
    site.append(upload_id, 0, Body(b"four"))
    with pytest.raises(TooLarge):
        site.append(upload_id, 4, Body(b"six by", b"and one more"))
    assert_acknowledged(site, upload_id, b"four")
    assert site.append(upload_id, 4, Body(b"six by")).finished


def test_a_body_that_is_cut_keeps_what_arrived(site: Site) -> None:
    upload_id = site.begin(100)
    progress = site.append(upload_id, 0, Body(b"only ", b"so much", announced=100))
    assert (progress.offset, progress.finished) == (12, False)
    assert_acknowledged(site, upload_id, b"only so much")


def test_a_body_that_is_cut_before_its_first_byte_changes_nothing(site: Site) -> None:
    upload_id = site.begin(100)
    assert site.append(upload_id, 0, Body(Body.PART_ENDS, announced=100)).offset == 0
    assert_acknowledged(site, upload_id, b"")


def test_a_long_request_is_acknowledged_part_by_part(site: Site) -> None:
    upload_id = site.begin(10)
    seen: list[int] = []

    def look() -> None:
        seen.append(site.upload(upload_id).offset)

    steps = (b"one", look, Body.PART_ENDS, look, b"two", Body.PART_ENDS, Body.PART_ENDS, look)
    site.append(upload_id, 0, Body(*steps, b"four"))
    assert seen == [0, 3, 6]
    assert [part.size for part in site.parts(upload_id)] == [3, 3, 4]
    assert_acknowledged(site, upload_id, b"onetwofour")


def test_no_part_is_larger_than_its_limit(site: Site) -> None:
    upload_id = site.begin(PART_BYTES + 5)
    seen: list[int] = []
    blocks = [bytes(PART_BYTES // 4)] * 4
    body = Body(*blocks, lambda: seen.append(site.upload(upload_id).offset), b"five!")
    assert site.append(upload_id, 0, body).finished
    assert seen == [PART_BYTES]
    assert [part.size for part in site.parts(upload_id)] == [PART_BYTES, 5]


def test_a_wrong_checksum_leaves_nothing_of_the_request(site: Site) -> None:
    upload_id = site.begin(10)
    site.append(upload_id, 0, Body(b"four"))
    check = Check("sha256", bytes.fromhex(sha256(b"sixbyt")))
    with pytest.raises(ChecksumMismatch):
        site.append(upload_id, 4, Body(b"six", Body.PART_ENDS, b"BYT"), check)
    assert_acknowledged(site, upload_id, b"four")
    assert site.append(upload_id, 4, Body(b"six", Body.PART_ENDS, b"byt"), check).finished
    assert_acknowledged(site, upload_id, b"foursixbyt")


def test_a_cut_body_does_not_fit_its_checksum(site: Site) -> None:
    upload_id = site.begin(10)
    check = Check("sha256", bytes.fromhex(sha256(b"sixbyt")))
    with pytest.raises(ChecksumMismatch):
        site.append(upload_id, 0, Body(b"six", announced=6), check)
    assert_acknowledged(site, upload_id, b"")


def test_a_disk_that_fills_up_leaves_what_was_acknowledged(site: Site) -> None:
    upload_id = site.begin(10)

    def no_room() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(StorageFull):
        site.append(upload_id, 0, Body(b"four", Body.PART_ENDS, b"more", no_room))
    assert_acknowledged(site, upload_id, b"four")
    assert site.append(upload_id, 4, Body(b"sixbyt")).finished


def test_a_complete_upload_takes_no_more_and_repeats_its_answer(site: Site) -> None:
    upload_id = site.received(b"complete")
    again = site.append(upload_id, 8, Body(announced=0))
    assert (again.offset, again.finished) == (8, True)
    with pytest.raises(TooLarge):
        site.append(upload_id, 8, Body(b"x"))
    assert_acknowledged(site, upload_id, b"complete")


def test_an_older_writer_is_shut_out_and_its_bytes_are_removed(site: Site) -> None:
    upload_id = site.begin(10)
    newer = Body(b"newer bytes"[:10])
    with pytest.raises(TakenOver):
        site.append(upload_id, 0, Body(b"older", lambda: site.append(upload_id, 0, newer), b"end"))
    assert_acknowledged(site, upload_id, b"newer byte")
    assert site.upload(upload_id).state == "finishing"


def test_a_newer_writer_shuts_the_older_out_before_it_has_sent_a_byte(site: Site) -> None:
    upload_id = site.begin(10)
    with pytest.raises(TakenOver):
        site.append(upload_id, 0, Body(b"older", lambda: site.append(upload_id, 0, Body()), b"x"))
    assert_acknowledged(site, upload_id, b"")
    assert site.append(upload_id, 0, Body(b"whole", b"whole")).finished
    assert_acknowledged(site, upload_id, b"wholewhole")


def test_an_older_writer_keeps_what_was_acknowledged_before(site: Site) -> None:
    upload_id = site.begin(10)
    newer = Body(b"newer")
    with pytest.raises(TakenOver):
        body = Body(b"older", Body.PART_ENDS, b"x", lambda: site.append(upload_id, 5, newer), b"y")
        site.append(upload_id, 0, body)
    assert_acknowledged(site, upload_id, b"oldernewer")


@pytest.mark.parametrize("end", ["abandon", "expire"])
def test_what_arrives_for_an_upload_that_ends_meanwhile_is_removed(site: Site, end: str) -> None:
    upload_id = site.begin(10)

    def finish_it() -> None:
        if end == "abandon":
            ending.abandon(site.session, site.caller, upload_id)
        else:
            assert ending.expire(site.session, utc_now() + 2 * HOUR) == [upload_id]

    with pytest.raises(TakenOver):
        site.append(upload_id, 0, Body(b"four", finish_it, b"more"))
    assert_acknowledged(site, upload_id, b"")
    with pytest.raises(UploadGone):
        site.append(upload_id, 0, Body(b"four"))


def test_whoever_asks_while_the_last_bytes_are_synced_learns_of_them(site: Site) -> None:
    upload_id = site.begin(10)
    moving, asked = threading.Event(), threading.Event()

    def be_slow() -> None:
        moving.set()
        asked.wait(10)

    writer = threading.Thread(target=site.append, args=(upload_id, 0, Body(b"four", be_slow)))
    writer.start()
    moving.wait(10)
    event.listen(site.session, "after_begin", lambda *_: asked.set())
    assert uploads.settled(site.session, site.caller, upload_id).offset == 4
    writer.join()


def test_a_dead_writer_is_not_waited_for(site: Site) -> None:
    upload_id = site.begin(10)

    def ask() -> None:
        begun = time.monotonic()
        assert uploads.settled(site.session, site.caller, upload_id).offset == 0
        assert time.monotonic() - begun < 2

    site.append(upload_id, 0, Body(b"four", ask))


def test_an_upload_expires_when_nothing_arrives_in_time(site: Site) -> None:
    late, alive, complete = site.begin(10), site.begin(10), site.received(b"complete")
    now = utc_now() + 1.5 * HOUR
    site.append(late, 0, Body(b"four"))
    site.append(alive, 0, Body(b"four"), lifetime=2 * HOUR)
    assert ending.expire(site.session, now) == [late]
    assert ending.expire(site.session, now) == []
    assert [site.upload(each).state for each in (alive, complete)] == ["open", "finishing"]
    for act in (uploads.settled, ending.abandon):
        with pytest.raises(UploadGone):
            act(site.session, site.caller, late)
    assert site.events(late)[-1] == "upload.expired"


def test_an_upload_past_its_time_is_gone_though_nobody_has_expired_it_yet(site: Site) -> None:
    upload_id = site.begin(10, lifetime=timedelta(0))
    with pytest.raises(UploadGone):
        site.append(upload_id, 0, Body(b"four"))
    with pytest.raises(UploadGone):
        uploads.settled(site.session, site.caller, upload_id)


def test_a_finished_upload_does_not_expire(site: Site) -> None:
    upload_id = site.received(b"complete")
    assert ending.expire(site.session, utc_now() + 99 * HOUR) == []
    assert uploads.settled(site.session, site.caller, upload_id).offset == 8


@pytest.mark.parametrize("end", ["abandon", "expire"])
def test_tidying_removes_the_bytes_of_an_ended_upload_and_of_no_other(site: Site, end: str) -> None:
    ended, other = site.begin(10), site.begin(10)
    for upload_id, lifetime in ((ended, HOUR), (other, 3 * HOUR)):
        site.append(upload_id, 0, Body(b"one", Body.PART_ENDS, b"two"), lifetime=lifetime)
    assert ending.tidy(site.session, site.stores, ended) == 0, "it is open"
    if end == "abandon":
        ending.abandon(site.session, site.caller, ended)
    else:
        assert ending.expire(site.session, utc_now() + 2 * HOUR) == [ended]
    assert ending.tidy(site.session, site.stores, ended) == 2
    assert ending.tidy(site.session, site.stores, ended) == 0
    assert site.parts(ended) == [] and site.keys(f"parts/{ended}") == []
    assert_acknowledged(site, other, b"onetwo")


def test_a_complete_upload_cannot_be_given_up(site: Site) -> None:
    upload_id = site.received(b"complete")
    with pytest.raises(NotAllowed):
        ending.abandon(site.session, site.caller, upload_id)
    assert_acknowledged(site, upload_id, b"complete")


def test_somebody_elses_upload_looks_as_if_there_were_none(site: Site, stranger: Caller) -> None:
    mine, nobodys = site.begin(10), "01900000-0000-7000-8000-000000000000"
    sentences = set()
    for upload_id in (mine, nobodys):
        for act in (uploads.find, uploads.settled, ending.abandon):
            with pytest.raises(NotFound):
                act(site.session, stranger, upload_id)
        with pytest.raises(NotFound) as refused:
            append(site.session, site.stores, stranger, upload_id, 0, Body(b"x"), HOUR)
        sentences.add(str(refused.value))
    assert len(sentences) == 1
    assert_acknowledged(site, mine, b"")


def test_names_in_any_script_come_back_as_they_were(site: Site) -> None:
    new = NewUpload("tus", "Zoë’s 电话 🎧.wav", 1, details={"ключ": "valeur «é»"}, wire={"a": [1]})
    upload_id = uploads.start(site.session, site.caller, new, Limits(HOUR)).upload_id
    kept = site.upload(upload_id)
    assert (kept.filename, kept.details, kept.wire) == (new.filename, new.details, new.wire)
