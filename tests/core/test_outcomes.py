"""Learning what became of an upload: at its expiry, at each of its ends, and by waiting."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest
from sqlalchemy import update

from portal.core import ending, finishing
from portal.core.accounts import Caller
from portal.core.errors import (
    NotFound,
    UploadExpired,
    UploadGone,
)
from portal.core.models import Recording, Upload
from portal.core.transaction import utc_now
from tests.core.conftest import Site, at_once, sha256
from tests.core.whole import abandon, begin, finish, outcome, put, sent


def age(site: Site, upload_id: str) -> None:
    """Let its lifetime be over."""
    with site.sessions() as session:
        late = update(Upload).where(Upload.id == upload_id)
        session.execute(late.values(expires_at=utc_now() - timedelta(seconds=1)))
        session.commit()


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
    abandon(site, cancelled)
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
