"""Is this the place that the database means? An unmounted disk must not pass for an empty store."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from portal.core import storage_changes, storage_marks, storages
from portal.core.audit import SYSTEM
from portal.core.models import Storage
from portal.core.storage_marks import WrongPlace
from portal.core.storages import Stores
from portal.core.transaction import utc_now, writing
from storage_backends import StorageUnavailable
from storage_backends.local import LocalStore
from tests.core.conftest import Body, Site, stores_of

URLS = {"staging": "file:///staging", "main": "file:///main"}
NOWHERE = {"endpoint_url": "http://127.0.0.1:1", "key": "portal", "secret": "Geheim77"}


class Places:
    """A portal's two folders."""

    def __init__(self, site: Site, folder: Path) -> None:
        self.site, self.folder = site, folder

    def start(self, adopt: bool = False) -> list[str]:
        """As the portal does it at each start: folders that are missing are made."""
        main, staging = LocalStore(self.folder / "main"), LocalStore(self.folder / "staging")
        self.site.stores = Stores(main, staging, "secret")
        adopted = URLS if adopt else ()
        return storage_marks.recognise(self.site.session, self.site.stores, self._urls(), adopted)

    def _urls(self) -> dict[str, str]:
        return {name: (self.folder / name).as_uri() for name in URLS}

    def lose(self, name: str) -> None:
        shutil.rmtree(self.folder / name)

    def known(self, name: str) -> Storage | None:
        self.site.session.close()
        return self.site.session.get(Storage, name)


@pytest.fixture
def places(site: Site, tmp_path: Path) -> Places:
    made = Places(site, tmp_path / "places")
    made.start()
    return made


def record(site: Site) -> None:
    upload_id = site.received(b"kept")
    site.assemble(upload_id)
    assert site.recording(upload_id) is not None


def test_a_place_is_recognised_at_every_start(places: Places) -> None:
    before = places.known("main")
    record(places.site)
    places.start()
    assert before is not None and places.known("main") is not None
    assert places.known("main").identity == before.identity  # type: ignore[union-attr]


def test_an_empty_folder_in_the_place_of_a_full_one_is_refused(places: Places) -> None:
    record(places.site)
    places.lose("main")
    with pytest.raises(WrongPlace, match=r"Mount its disk.*PORTAL_STORAGE_URL"):
        places.start()
    places.start(adopt=True)
    places.start()


def test_staging_that_holds_acknowledged_bytes_is_missed(places: Places) -> None:
    upload_id = places.site.begin(10)
    places.site.append(upload_id, 0, Body(b"four"))
    places.lose("staging")
    with pytest.raises(WrongPlace, match="PORTAL_STAGING_URL"):
        places.start()


def test_a_folder_that_held_nothing_is_made_anew_on_one_machine_only(places: Places) -> None:
    places.lose("staging")
    if places.site.session.get_bind().dialect.name == "sqlite":
        places.start()
    else:  # another machine may be the one that has the folder
        with pytest.raises(WrongPlace, match="several machines"):
            places.start()


def test_a_place_that_has_moved_is_still_the_same(places: Places) -> None:
    record(places.site)
    places.folder = places.folder.rename(places.folder.with_name("moved"))
    places.start()
    row = places.known("main")
    assert row is not None and row.url.endswith("moved/main")


def test_two_portals_do_not_share_a_place(places: Places, site: Site) -> None:
    for row in (places.known("main"), places.known("staging")):
        site.session.delete(row)
    site.session.commit()  # as another portal's database, which knows nothing of it
    with pytest.raises(WrongPlace, match="another portal"):
        places.start()
    places.start(adopt=True)
    places.start()


def test_a_portal_from_before_the_marks_gets_them_where_its_recordings_are(
    places: Places, site: Site
) -> None:
    record(site)
    for name in URLS:
        (places.folder / name / storages.MARK).unlink()
        site.session.delete(places.known(name))
        site.session.commit()
    hidden = (places.folder / "main").rename(places.folder / "hidden")
    with pytest.raises(WrongPlace, match="Mount its disk"):
        places.start()
    shutil.rmtree(places.folder / "main")
    hidden.rename(places.folder / "main")
    places.start()
    assert (places.folder / "main" / storages.MARK).exists()


def test_one_place_for_both_is_known_by_both_names(site: Site, tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "one")
    site.stores = Stores(store, store, "secret")
    urls = dict.fromkeys(URLS, (tmp_path / "one").as_uri())
    for _ in range(2):
        storage_marks.recognise(site.session, site.stores, urls)
    assert site.stores.ids(site.session) == ["main"]


def test_two_machines_that_start_at_once_on_one_place_both_may(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage_marks, "PATIENCE", 10.0)
    url = (tmp_path / "one").as_uri()

    def start(session: Session) -> None:
        stores = stores_of(LocalStore(tmp_path / "one"))
        storage_marks.recognise(session, stores, dict.fromkeys(URLS, url))

    assert site.at_once(start, 4) == [None] * 4


def test_one_that_does_not_answer_does_not_hide_the_others(places: Places, site: Site) -> None:
    row = Storage(id="cloud", url="s3://bucket", options=NOWHERE, identity="x")
    row.created_at = row.changed_at = utc_now()
    with writing(site.session):
        site.session.add(row)
    (silent,) = places.start()
    assert silent.startswith("cloud: ")
    upload_id = site.begin(10)
    site.append(upload_id, 0, Body(b"four"))
    places.lose("staging")
    with pytest.raises(WrongPlace, match="PORTAL_STAGING_URL"):
        places.start()


def test_a_further_storage_is_looked_at_too(places: Places, site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "nas"
    storage_changes.add(site.session, site.stores, SYSTEM, "nas", folder.as_uri(), {})
    storage_changes.add_rule(site.session, SYSTEM, "nas")
    record(site)
    shutil.rmtree(folder)
    (silent,) = places.start()
    assert silent.startswith("nas: ") and "mount its disk" in silent
    folder.mkdir()
    with pytest.raises(WrongPlace, match="nas storage"):
        places.start()
    upload_id = site.received(b"not on the disk below")
    with pytest.raises(StorageUnavailable, match="mount its disk"):
        Stores(site.stores.main, site.stores.staging, "secret").of(site.session, "nas")
    assert site.upload(upload_id).state == "finishing"
