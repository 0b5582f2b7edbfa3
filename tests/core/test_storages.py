"""Several storages side by side: which one a recording goes to, and what opens them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from portal.core import assembly, deletion, fixity, leases, orphans, storage_changes, storages
from portal.core.audit import SYSTEM
from portal.core.errors import Conflict, InvalidRequest, NotFound
from portal.core.leases import LeaseLost
from portal.core.models import Job, Recording, Storage
from portal.core.storages import Stores
from portal.core.transaction import utc_now, writing
from storage_backends import StorageUnavailable, StoredObject
from storage_backends.local import LocalStore
from tests.core.conftest import Site

S3 = {"endpoint_url": "http://127.0.0.1:1", "key": "portal", "secret": "Geheim77"}


@pytest.fixture
def archive(site: Site, tmp_path: Path) -> LocalStore:
    """A further storage, named so."""
    folder = tmp_path / "archive"
    storage_changes.add(site.session, site.stores, SYSTEM, "archive", folder.as_uri(), {})
    return LocalStore(folder)


def made(site: Site, content: bytes) -> Recording:
    upload_id = site.received(content)
    site.assemble(upload_id)
    found = site.recording(upload_id)
    assert found is not None
    return found


def test_without_rules_recordings_go_to_the_main_storage(site: Site, archive: LocalStore) -> None:
    recording = made(site, b"anything")
    assert (recording.storage_id, recording.version_id) == ("main", None)
    assert site.content(recording.key) == b"anything"
    assert list(archive.find("recordings")) == []


def test_the_first_rule_that_fits_decides(site: Site, archive: LocalStore) -> None:
    storage_changes.add_rule(site.session, SYSTEM, "archive", source="calls")
    storage_changes.add_rule(site.session, SYSTEM, "archive", at_least=100)
    small, large = made(site, b"x" * 99), made(site, b"x" * 100)
    assert (small.storage_id, large.storage_id) == ("main", "archive")
    assert b"".join(archive.read(large.key)) == b"x" * 100
    assert [each.key for each in archive.find("recordings")] == [large.key]
    assert site.keys("assembling") == [], "what was looked at there is gone"


def test_the_kind_is_what_the_content_says(site: Site, archive: LocalStore, call: bytes) -> None:
    storage_changes.add_rule(site.session, SYSTEM, "archive", kind="audio")
    assert made(site, call).storage_id == "archive"
    assert made(site, b"no sound").storage_id == "main"


def test_a_recording_elsewhere_is_verified_compared_and_purged_there(
    site: Site, archive: LocalStore, call: bytes
) -> None:
    storage_changes.add_rule(site.session, SYSTEM, "archive")
    recording = made(site, call)
    assert fixity.verify(site.session, site.stores, recording) == "ok"
    assert orphans.compare(site.session, site.stores, utc_now()).missing == []
    deletion.ask(site.session, site.caller, recording.id, "asked for", timedelta(0))
    lease = leases.claim(site.session, deletion.KIND, recording.id, 60)
    assert lease is not None
    deletion.purge(site.session, site.stores, recording.id, timedelta(0), lease)
    assert list(archive.find("recordings")) == []


def test_while_the_chosen_storage_is_away_the_upload_waits(site: Site) -> None:
    storage_changes.add_rule(site.session, SYSTEM, _nowhere(site))
    upload_id = site.received(b"in good time")
    with pytest.raises(StorageUnavailable):
        site.assemble(upload_id, seconds=-1)
    assert site.upload(upload_id).state == "finishing" and site.keys("assembling") == []
    storage_changes.drop_rule(site.session, SYSTEM, 1)
    site.assemble(upload_id)
    assert site.recording(upload_id) is not None


def _nowhere(site: Site) -> str:
    """A storage that does not answer."""
    row = Storage(id="nowhere", url="s3://bucket", options=S3, identity="x")
    row.created_at = row.changed_at = utc_now()
    with writing(site.session):
        site.session.add(row)
    return "nowhere"


@pytest.mark.parametrize("name", ["main", "staging", "", "Archive", "a/b", "x" * 41])
def test_a_name_that_cannot_be_used_is_refused(site: Site, tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidRequest, match="no name"):
        storage_changes.add(site.session, site.stores, SYSTEM, name, tmp_path.as_uri(), {})


@pytest.mark.parametrize(
    ("url", "said"),
    [("ftp://x", {}), ("s3://bucket", {"nonsense": "1"}), ("file:///srv", {"key": "1"})],
)
def test_an_address_or_option_that_means_nothing_is_refused(
    site: Site, url: str, said: dict[str, str]
) -> None:
    with pytest.raises(InvalidRequest):
        storage_changes.add(site.session, site.stores, SYSTEM, "other", url, said)


def test_secrets_are_kept_encrypted_and_need_the_key(site: Site) -> None:
    hidden = site.stores.hidden({"secret": "Geheim77"})
    assert hidden is not None and "Geheim77" not in hidden
    row = Storage(id="cloud", url="s3://bucket", options={}, secrets=hidden)
    site.stores.open(row)
    stranger = Stores(site.store, site.store, "another secret")
    with pytest.raises(StorageUnavailable, match="PORTAL_SECRET_KEY"):
        stranger.open(row)


def test_what_is_a_secret_stands_in_no_option_and_no_audit_event(site: Site) -> None:
    row = storage_changes._described(site.stores, "cloud", "s3://bucket", S3)
    assert "Geheim77" not in str(row.options) and row.options["key"] == "portal"


def test_a_name_stays_with_its_place(site: Site, archive: LocalStore, tmp_path: Path) -> None:
    elsewhere = (tmp_path / "elsewhere").as_uri()
    with pytest.raises(Conflict, match="another name"):
        storage_changes.add(site.session, site.stores, SYSTEM, "archive", elsewhere, {})


def test_a_storage_that_holds_recordings_is_not_forgotten(site: Site, archive: LocalStore) -> None:
    storage_changes.add_rule(site.session, SYSTEM, "archive")
    with pytest.raises(Conflict, match="rule"):
        storage_changes.remove(site.session, site.stores, SYSTEM, "archive")
    made(site, b"kept there")
    storage_changes.drop_rule(site.session, SYSTEM, 1)
    with pytest.raises(Conflict, match="Recordings are in"):
        storage_changes.remove(site.session, site.stores, SYSTEM, "archive")


def test_an_empty_storage_is_forgotten(site: Site, archive: LocalStore) -> None:
    storage_changes.remove(site.session, site.stores, SYSTEM, "archive")
    assert site.stores.ids(site.session) == ["main"]
    with pytest.raises(StorageUnavailable, match="no storage"):
        site.stores.of(site.session, "archive")
    with pytest.raises(NotFound):
        storage_changes.remove(site.session, site.stores, SYSTEM, "archive")
    with pytest.raises(NotFound):
        storage_changes.add_rule(site.session, SYSTEM, "archive")


def test_staging_apart_from_the_storage_is_left_empty(site: Site, tmp_path: Path) -> None:
    main = LocalStore(tmp_path / "main")
    site.stores = Stores(main, site.store, "secret")
    recording = made(site, b"from there to here")
    assert b"".join(main.read(recording.key)) == b"from there to here"
    assert site.keys() == []
    assert site.stores.ids(site.session) == ["main", "staging"]
    assert storages.pick(site.session, "tus", None, 1) == "main"
    assert assembly.recording_folder(recording.id) in recording.key


def test_a_place_has_one_name(site: Site, archive: LocalStore, tmp_path: Path) -> None:
    url = (tmp_path / "archive").as_uri()
    with pytest.raises(Conflict, match="'archive' already"):
        storage_changes.add(site.session, site.stores, SYSTEM, "twin", url, {})
    with pytest.raises(NotFound, match="for recordings"):
        storage_changes.add_rule(site.session, SYSTEM, "staging")


@pytest.mark.parametrize("inner", ["parts", "recordings/x", "assembling", "trial"])
def test_no_place_lies_within_what_another_one_keeps(
    site: Site, archive: LocalStore, tmp_path: Path, inner: str
) -> None:
    url = (tmp_path / "archive" / inner).as_uri()
    with pytest.raises(InvalidRequest, match="within each other"):
        storage_changes.add(site.session, site.stores, SYSTEM, "inner", url, {})


def test_what_was_removed_can_be_added_again(site: Site, tmp_path: Path) -> None:
    act = (site.session, site.stores, SYSTEM, "archive", (tmp_path / "archive").as_uri(), {})
    for _ in range(2):
        storage_changes.add(*act)
        storage_changes.remove(site.session, site.stores, SYSTEM, "archive")
    LocalStore(tmp_path / "archive").write(storages.MARK, [b'{"id": "left by a crash"}'])
    with pytest.raises(Conflict, match="--adopt"):
        storage_changes.add(*act)
    storage_changes.add(*act, adopt=True)


def test_a_storage_that_was_removed_meanwhile_gets_no_recording(
    site: Site, archive: LocalStore, tmp_path: Path
) -> None:
    upload_id = site.received(b"where to?")
    storage_changes.add_rule(site.session, SYSTEM, "archive")

    def remove() -> None:
        with site.sessions() as session:
            storage_changes.drop_rule(session, SYSTEM, 1)
            storage_changes.remove(session, site.stores, SYSTEM, "archive")

    copy, archive_store = LocalStore.copy_from, site.stores.of(site.session, "archive")

    def copy_and_remove(*about: str) -> StoredObject:
        made = copy(archive_store, *about)  # type: ignore[arg-type]
        remove()
        return made

    archive_store.copy_from = copy_and_remove  # type: ignore[method-assign]
    with pytest.raises(LeaseLost, match="was removed"):
        site.assemble(upload_id, seconds=-1)
    assert list(archive.find("recordings")) == []
    site.assemble(upload_id)
    assert made_of(site, upload_id).storage_id == "main"


def made_of(site: Site, upload_id: str) -> Recording:
    found = site.recording(upload_id)
    assert found is not None
    return found


def test_waiting_for_a_storage_uses_up_no_attempts(site: Site) -> None:
    storage_changes.add_rule(site.session, SYSTEM, _nowhere(site))
    upload_id = site.received(b"in good time")
    for _ in range(assembly.ATTEMPTS + 1):
        lease = leases.claim(site.session, assembly.KIND, upload_id, -1)
        assert lease is not None and lease.attempt == 1
        with pytest.raises(StorageUnavailable):
            assembly.assemble(site.session, site.stores, upload_id, lease)
        leases.put_off(site.session, lease, "away", waits=True)
        with writing(site.session):
            site.session.get_one(Job, lease.job_id).lease_until = None


def test_a_purge_leaves_nothing_where_the_recording_was_assembled(
    site: Site, tmp_path: Path
) -> None:
    """A worker that is killed right after its commit leaves desk and parts."""
    main = LocalStore(tmp_path / "main")
    site.stores = Stores(main, site.store, "secret")
    recording = made(site, b"forget me")
    for key in (f"assembling/{recording.id}/1-x/original", f"parts/{recording.id}/0.1"):
        site.store.write(key, [b"forget me"])
    deletion.ask(site.session, site.caller, recording.id, "asked for", timedelta(0))
    lease = leases.claim(site.session, deletion.KIND, recording.id, 60)
    assert lease is not None
    deletion.purge(site.session, site.stores, recording.id, timedelta(0), lease)
    assert site.keys() == [] and list(main.find("recordings")) == []
