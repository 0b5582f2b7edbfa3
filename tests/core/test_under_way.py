"""What pages tell of uploads, on either database: maps of parts, who sees which, more time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import insert

from portal.core import under_way
from portal.core.accounts import Caller
from portal.core.errors import Conflict
from portal.core.models import Part
from portal.core.roles import ROLE_MAY
from portal.core.scopes import of_words
from tests.core.chunking import begin, put
from tests.core.conftest import HOUR, Body, Site


def map_of(site: Site, upload_id: str) -> under_way.PartsMap | None:
    with site.sessions() as session:
        return under_way.find(session, site.caller, upload_id).parts


def test_a_map_of_few_parts_has_a_cell_for_each(site: Site) -> None:
    upload_id = begin(site)
    empty = map_of(site, upload_id)
    assert (empty.total, empty.here, empty.missing) == (3, 0, 0)
    put(site, upload_id, 0, b"first")
    put(site, upload_id, 2, b"end")
    found = map_of(site, upload_id)
    assert (found.total, found.here, found.missing) == (3, 2, 1)
    assert [cell.full for cell in found.cells] == [True, False, True]
    put(site, upload_id, 1, b"other")
    assert map_of(site, upload_id).missing is None


def test_a_map_of_very_many_parts_stays_small_and_names_the_first_that_is_missing(
    site: Site,
) -> None:
    total = 100_000
    upload_id = begin(site, length=total, chunk_size=1)
    there = [number for number in range(total) if number not in (43_210, 99_999)]
    parts = [{"number": each, "size": 1, "key": f"{upload_id}/{each}"} for each in there]
    with site.sessions() as session:
        session.execute(insert(Part), [each | {"upload_id": upload_id} for each in parts])
        session.commit()
    found = map_of(site, upload_id)
    assert (found.total, found.here, found.missing) == (total, total - 2, 43_210)
    assert len(found.cells) <= under_way.CELLS and found.cells[-1].last == total - 1
    assert sum(not cell.full for cell in found.cells) == 2


def test_where_only_the_end_tells_how_many_the_map_reaches_to_the_last_one(site: Site) -> None:
    upload_id = begin(site, length=None, chunk_size=None)
    assert map_of(site, upload_id) is None
    put(site, upload_id, 3, b"x")
    found = map_of(site, upload_id)
    assert (found.total, found.here, found.missing) == (4, 1, 0)


@pytest.mark.parametrize(("scope", "sees"), [("source:calls", False), ("source:tus", True)])
def test_a_scope_hides_what_others_send_and_nothing_of_ones_own(
    site: Site, stranger: Caller, scope: str, sees: bool
) -> None:
    rights, reach = ROLE_MAY["source_owner"], of_words([scope])
    mine = site.begin(10)
    for caller, expected in ((stranger, sees), (site.caller, True)):
        owner = replace(caller, role="source_owner", rights=rights, scope=reach)
        shown, _ = under_way.page(site.session, owner, 10)
        assert [each.upload.id for each in shown] == [mine] * expected


def test_numbered_parts_do_not_shorten_what_was_extended(site: Site) -> None:
    upload_id = begin(site)
    later = under_way.extend(site.session, site.caller, upload_id, 30)
    put(site, upload_id, 0, b"first")
    assert site.upload(upload_id).expires_at == later
    put(site, upload_id, 1, b"other", lifetime=timedelta(days=40))
    assert site.upload(upload_id).expires_at > later


def test_what_is_complete_is_neither_ended_nor_extended(site: Site) -> None:
    upload_id = site.begin(4)
    site.append(upload_id, 0, Body(b"full"), lifetime=HOUR)
    with pytest.raises(Conflict):
        under_way.cancel(site.session, site.stores, site.caller, upload_id)
    with pytest.raises(Conflict):
        under_way.extend(site.session, site.caller, upload_id, 1)
    assert site.upload(upload_id).state == "finishing"


def test_cancelling_removes_what_had_arrived(site: Site) -> None:
    upload_id = site.begin(10)
    site.append(upload_id, 0, Body(b"12345"))
    under_way.cancel(site.session, site.stores, site.caller, upload_id)
    assert site.keys(f"parts/{upload_id}") == [] and site.parts(upload_id) == []
    assert site.events(upload_id)[-1] == "upload.cancelled"
