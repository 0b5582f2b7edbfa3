"""Saying that an upload is whole, and learning what became of it: by many, and at any moment."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from portal.core import chunks, ending, finishing, uploads
from portal.core.accounts import Caller
from portal.core.errors import (
    Conflict,
    Incomplete,
    InvalidRequest,
    NotFound,
    UploadExpired,
    UploadGone,
)
from portal.core.limits import Limits
from portal.core.models import Recording, Upload
from portal.core.transaction import utc_now
from portal.core.uploads import NewUpload, Progress
from tests.core.conftest import HOUR, Body, Site, at_once, sha256


class Whole(Body):
    def refuse_cut(self) -> None:
        """It never is."""


def begin(
    site: Site, length: int | None, chunk_size: int | None = None, sha256: str | None = None
) -> str:
    new = NewUpload("chunks", "call.wav", length, declared_sha256=sha256, numbered=True)
    new = replace(new, chunk_size=chunk_size, ends_itself=False)
    with site.sessions() as session:
        return uploads.start(session, site.caller, new, Limits(HOUR)).upload_id


def put(site: Site, upload_id: str, number: int, content: bytes) -> Progress:
    with site.sessions() as session:
        act = (session, site.store, site.caller, upload_id, number, Whole(content), HOUR)
        return chunks.put(*act)


def finish(
    site: Site, upload_id: str, total: int | None = None, sha256: str | None = None
) -> Progress:
    with site.sessions() as session:
        return finishing.finish(session, site.caller, upload_id, total, sha256)


def outcome(site: Site, upload_id: str) -> finishing.Outcome:
    with site.sessions() as session:
        return finishing.outcome(session, site.caller, upload_id)


def sent(site: Site, content: bytes, sha256: str | None = None) -> str:
    """An upload whose chunks are all here, and whose client has not said so."""
    upload_id = begin(site, len(content), 1000, sha256)
    for at in range(0, len(content), 1000):
        put(site, upload_id, at // 1000, content[at : at + 1000])
    return upload_id


def age(site: Site, upload_id: str) -> None:
    """Let its lifetime be over."""
    with site.sessions() as session:
        late = update(Upload).where(Upload.id == upload_id)
        session.execute(late.values(expires_at=utc_now() - timedelta(seconds=1)))
        session.commit()


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
            lambda upload_id=upload_id: _abandon(site, upload_id),
        ]
        outcomes = at_once(acts)
        assert sum(isinstance(each, Exception) for each in outcomes) == 1, outcomes
        assert site.upload(upload_id).state in ("finishing", "abandoned")


def _abandon(site: Site, upload_id: str) -> None:
    with site.sessions() as session:
        ending.abandon(session, site.caller, upload_id)


def test_an_upload_that_is_whole_when_it_expires_is_assembled_instead(
    site: Site, call: bytes
) -> None:
    upload_id = sent(site, call)
    age(site, upload_id)
    assert ending.expire(site.session, utc_now()) == [upload_id]
    assert site.upload(upload_id).state == "finishing"
    assert site.events(upload_id) == ["upload.created", "upload.received"]
    site.assemble(upload_id)
    found = outcome(site, upload_id)
    assert (found.state, found.recording and found.recording.sha256) == ("ready", sha256(call))


def test_until_then_its_client_may_still_say_that_it_is_whole(site: Site) -> None:
    upload_id = sent(site, b"x" * 5)
    age(site, upload_id)
    assert outcome(site, upload_id).state == "open"
    assert finish(site, upload_id).finished
    assert ending.expire(site.session, utc_now()) == []


def test_finishing_against_expiry_always_ends_in_an_assembly(site: Site) -> None:
    for _ in range(5):
        upload_id = sent(site, b"x" * 5)
        age(site, upload_id)
        outcomes = at_once(
            [lambda upload_id=upload_id: finish(site, upload_id), lambda: _sweep(site)]
        )
        assert not any(isinstance(each, Exception) for each in outcomes), outcomes
        assert site.upload(upload_id).state == "finishing"
        assert site.events(upload_id).count("upload.received") == 1


def _sweep(site: Site) -> list[str]:
    with site.sessions() as session:
        return ending.expire(session, utc_now())


def test_one_that_is_not_whole_has_expired_before_it_is_swept(site: Site) -> None:
    upload_id = begin(site, 10, 5)
    put(site, upload_id, 0, b"first")
    age(site, upload_id)
    for _ in range(2):
        assert outcome(site, upload_id).state == "expired"
        with pytest.raises(UploadExpired, match="expired; begin a new one"):
            finish(site, upload_id)
        assert ending.expire(site.session, utc_now()) in ([upload_id], [])
    assert site.upload(upload_id).state == "expired"


def test_the_outcome_names_each_end(site: Site, call: bytes) -> None:
    ready = sent(site, call, sha256=sha256(call))
    quarantined = sent(site, b"no media at all")
    failed = sent(site, b"not what was said", sha256="0" * 64)
    for upload_id in (ready, quarantined, failed):
        finish(site, upload_id)
        site.assemble(upload_id)
    cancelled = begin(site, 10, 5)
    _abandon(site, cancelled)
    codes = {
        ready: ("ready", None),
        quarantined: ("quarantined", "not_media"),
        failed: ("failed", "checksum_mismatch"),
        cancelled: ("cancelled", None),
    }
    for upload_id, expected in codes.items():
        found = outcome(site, upload_id)
        assert (found.state, found.code) == expected
        assert (found.reason is None) == (found.code is None)
        assert (found.recording is not None) == (found.state in ("ready", "quarantined"))
    assert finish(site, ready).finished and finish(site, quarantined).finished
    for upload_id in (failed, cancelled):
        with pytest.raises(UploadGone):
            finish(site, upload_id)


@pytest.mark.parametrize("state", ["deleting", "purging", "deleted"])
def test_a_recording_on_its_way_out_is_deleted(site: Site, call: bytes, state: str) -> None:
    upload_id = site.recorded(call).id
    with site.sessions() as session:
        session.get_one(Recording, upload_id).state = state
        session.commit()
    assert outcome(site, upload_id).state == "deleted"


def test_somebody_elses_upload_is_neither_finished_nor_told_of(
    site: Site, stranger: Caller
) -> None:
    upload_id = sent(site, b"x" * 5)
    for act in (finishing.finish, finishing.outcome):
        with site.sessions() as session, pytest.raises(NotFound):
            act(session, stranger, upload_id)
    assert site.upload(upload_id).state == "open"


def test_waiting_ends_with_the_assembly(site: Site, call: bytes) -> None:
    upload_id = sent(site, call)
    finish(site, upload_id)
    worker = threading.Thread(target=site.assemble, args=(upload_id,))
    worker.start()
    begun = time.monotonic()
    found = _wait(site, upload_id, 30)
    worker.join()
    assert found.state == "ready"
    assert time.monotonic() - begun < 25


def test_waiting_ends_with_its_time(site: Site) -> None:
    upload_id = sent(site, b"x" * 5)
    finish(site, upload_id)
    begun = time.monotonic()
    assert _wait(site, upload_id, 0.2).state == "processing"
    assert 0.2 <= time.monotonic() - begun < 2


def test_nobody_waits_for_an_upload_that_is_not_finished(site: Site) -> None:
    begun = time.monotonic()
    assert _wait(site, begin(site, 10, 5), 30).state == "open"
    assert time.monotonic() - begun < 5


def _wait(site: Site, upload_id: str, seconds: float) -> finishing.Outcome:
    with site.sessions() as session:
        return finishing.wait(session, site.caller, upload_id, seconds)
