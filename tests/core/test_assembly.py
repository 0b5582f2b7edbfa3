"""From the last byte to the recording: once, whole, and by one worker only."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.core import assembly, leases, reconcile, uploads
from portal.core.errors import UploadGone
from portal.core.leases import LeaseLost
from portal.core.models import Recording
from portal.core.transaction import utc_now
from storage_backends import ObjectNotFound, StorageError, StorageUnavailable
from tests.core.conftest import HOUR, RAN_OUT, Site, sha256


def assert_one_recording(site: Site, upload_id: str, content: bytes) -> Recording:
    """One row, one folder with objects, the right bytes, no parts."""
    recording = site.recording(upload_id)
    assert recording is not None
    assert site.content(recording.key) == content
    assert (recording.size, recording.sha256) == (len(content), sha256(content))
    folder = recording.key.rpartition("/")[0]
    derived = {recording.thumbnail_key, recording.sprite_key, recording.peaks_key}
    kept = {recording.key, *derived} - {None}
    assert set(site.keys("recordings")) == kept
    assert site.keys(folder) == sorted(kept)
    assert site.keys("parts") == [] and site.parts(upload_id) == []
    assert site.upload(upload_id).state == "done"
    assert site.events(upload_id)[-1].startswith("upload.")
    return recording


def count_recordings(site: Site) -> int:
    with site.sessions() as session:
        return session.scalar(select(func.count()).select_from(Recording)) or 0


def test_a_complete_upload_waits_until_it_is_a_recording(site: Site, call: bytes) -> None:
    upload_id = site.received(call, parts=3)
    (waiting,) = reconcile.waiting_uploads(site.session, utc_now())
    assert (waiting.upload_id, waiting.epoch) == (upload_id, 0)
    site.assemble(upload_id)
    recording = assert_one_recording(site, upload_id, call)
    assert (recording.state, recording.error_code, recording.integrity) == ("ready", None, "ok")
    assert (recording.kind, recording.content_type) == ("audio", "audio/wav")
    assert (recording.duration_ms, recording.sample_rate) == (500, 8000)
    assert (recording.filename, recording.owner_id) == ("call.wav", site.caller.user_id)
    assert not recording.sha256_declared
    assert reconcile.waiting_uploads(site.session, utc_now()) == []
    expected = ["upload.created", "upload.received", "upload.completed"]
    assert site.events(upload_id) == expected


def test_bytes_that_are_no_media_are_kept_and_quarantined(site: Site) -> None:
    upload_id = site.received(b"%PDF-1.7 is no call")
    site.assemble(upload_id)
    recording = assert_one_recording(site, upload_id, b"%PDF-1.7 is no call")
    assert (recording.state, recording.error_code) == ("quarantined", "not_media")
    assert recording.error_text
    assert site.events(upload_id)[-1] == "upload.quarantined"


def test_a_recording_of_nothing_is_quarantined(site: Site) -> None:
    upload_id = site.begin(0)
    site.assemble(upload_id)
    assert assert_one_recording(site, upload_id, b"").state == "quarantined"


def test_the_right_declared_sha256_is_noted(site: Site) -> None:
    upload_id = site.received(b"as declared", sha256=sha256(b"as declared"))
    site.assemble(upload_id)
    assert assert_one_recording(site, upload_id, b"as declared").sha256_declared


def test_other_bytes_than_the_declared_ones_never_become_a_recording(site: Site) -> None:
    upload_id = site.received(b"not as declared", sha256=sha256(b"as declared"))
    site.assemble(upload_id)
    assert site.recording(upload_id) is None
    assert site.keys("recordings") == []
    upload = site.upload(upload_id)
    assert (upload.state, upload.error_code) == ("failed", "checksum_mismatch")
    with pytest.raises(UploadGone, match="SHA-256"):
        uploads.settled(site.session, site.caller, upload_id)
    assert site.events(upload_id)[-1] == "upload.rejected"
    assert site.counted_bytes(upload_id) == b"not as declared", "kept for whoever looks into it"
    assert reconcile.waiting_uploads(site.session, utc_now() + HOUR) == []


def test_fewer_bytes_than_were_acknowledged_never_become_a_recording(site: Site) -> None:
    upload_id = site.received(b"complete", parts=2)
    first = site.folder / site.parts(upload_id)[0].key
    first.chmod(0o600)
    first.write_bytes(b"com")
    site.assemble(upload_id)
    assert site.recording(upload_id) is None and site.keys("recordings") == []
    assert site.upload(upload_id).error_code == "wrong_size"


def test_a_missing_part_leaves_the_upload_waiting_for_another_try(site: Site) -> None:
    upload_id = site.received(b"complete", parts=2)
    hidden = site.folder / site.parts(upload_id)[1].key
    elsewhere = hidden.rename(site.folder.parent / "elsewhere")
    with pytest.raises(StorageError):
        site.assemble(upload_id, seconds=RAN_OUT)
    assert site.keys("recordings") == [] and site.upload(upload_id).state == "finishing"
    elsewhere.rename(hidden)
    site.assemble(upload_id)
    assert_one_recording(site, upload_id, b"complete")


def test_a_part_that_stays_missing_fails_the_upload_in_the_end(site: Site) -> None:
    upload_id = site.received(b"complete", parts=2)
    (site.folder / site.parts(upload_id)[1].key).unlink()
    for _ in range(assembly.ATTEMPTS - 1):
        with pytest.raises(StorageError):
            site.assemble(upload_id, seconds=RAN_OUT)
    site.assemble(upload_id)
    assert site.upload(upload_id).error_code == "part_missing"
    with pytest.raises(UploadGone):
        uploads.settled(site.session, site.caller, upload_id)


def test_assembling_again_changes_nothing(site: Site) -> None:
    upload_id = site.received(b"once only")
    site.assemble(upload_id)
    before = site.keys()
    site.assemble(upload_id)
    assert site.keys() == before and count_recordings(site) == 1
    assert_one_recording(site, upload_id, b"once only")
    assert site.events(upload_id).count("upload.quarantined") == 1


def test_an_upload_that_is_not_complete_is_not_assembled(site: Site) -> None:
    upload_id = site.begin(10)
    site.assemble(upload_id)
    site.assemble("01900000-0000-7000-8000-000000000000")
    assert site.keys() == [] and site.upload(upload_id).state == "open"


def test_workers_that_all_believe_in_their_lease_make_one_recording(site: Site) -> None:
    upload_id = site.received(b"for several workers", parts=4)
    leases.claim(site.session, assembly.KIND, upload_id, RAN_OUT)
    start = threading.Barrier(4)

    def work(session: Session) -> None:
        start.wait()
        lease = leases.claim(session, assembly.KIND, upload_id, RAN_OUT)
        assert lease is not None
        assembly.assemble(session, site.stores, upload_id, lease)

    outcomes = site.at_once(work, 4)
    assert None in outcomes
    # Whoever lost finds the lease, its parts, or its own file gone, depending on how far it was.
    lost = {LeaseLost, ObjectNotFound, assembly.NotExamined}
    assert {type(each) for each in outcomes} <= {type(None), *lost}, outcomes
    assert count_recordings(site) == 1
    assert_one_recording(site, upload_id, b"for several workers")


def test_whoever_lost_the_lease_to_a_finished_worker_destroys_nothing(site: Site) -> None:
    upload_id = site.received(b"whose is it")
    site.store.meanwhile = lambda: site.assemble(upload_id)
    with pytest.raises((LeaseLost, StorageError)):
        site.assemble(upload_id, seconds=RAN_OUT)
    recording = assert_one_recording(site, upload_id, b"whose is it")
    assert "/2-" in recording.key, "the second worker's"


def test_whoever_lost_the_lease_to_a_working_worker_leaves_nothing(site: Site) -> None:
    upload_id = site.received(b"whose is it")
    claimed = []

    def take_over() -> None:
        claimed.append(leases.claim(site.session, assembly.KIND, upload_id, 60))

    site.store.meanwhile = take_over
    with pytest.raises(LeaseLost):
        site.assemble(upload_id, seconds=RAN_OUT)
    assert site.recording(upload_id) is None and site.keys("recordings") == []
    assert site.upload(upload_id).state == "finishing"
    assembly.assemble(site.session, site.stores, upload_id, claimed[0])
    assert_one_recording(site, upload_id, b"whose is it")


def test_a_worker_that_fails_in_the_middle_leaves_nothing(site: Site) -> None:
    upload_id = site.received(b"try again")

    def fail() -> None:
        raise StorageUnavailable("The storage does not answer.")

    site.store.meanwhile = fail
    with pytest.raises(StorageUnavailable):
        site.assemble(upload_id, seconds=RAN_OUT)
    assert site.keys("recordings") == [] and site.upload(upload_id).state == "finishing"
    site.assemble(upload_id)
    assert_one_recording(site, upload_id, b"try again")


def test_acceptance_8_a_worker_killed_in_the_middle_is_followed_by_one_that_tidies_up(
    site: Site,
) -> None:
    upload_id = site.received(b"try again")
    leases.claim(site.session, assembly.KIND, upload_id, RAN_OUT)
    for name in ("original", "thumbnail.jpg"):
        site.store.write(f"{assembly.recording_folder(upload_id)}/1/{name}", [b"try ag"])
    (waiting,) = reconcile.waiting_uploads(site.session, utc_now())
    assert (waiting.upload_id, waiting.epoch) == (upload_id, 1)
    site.assemble(upload_id)
    assert_one_recording(site, upload_id, b"try again")


def test_an_upload_that_is_being_assembled_does_not_wait(site: Site) -> None:
    upload_id = site.received(b"in good hands")
    leases.claim(site.session, assembly.KIND, upload_id, 60)
    assert reconcile.waiting_uploads(site.session, utc_now()) == []
    (waiting,) = reconcile.waiting_uploads(site.session, utc_now() + HOUR)
    assert waiting.upload_id == upload_id
