"""Pages of recordings: a walk in both directions that meets each exactly once."""

from __future__ import annotations

import pytest

from portal.core import finding
from portal.core.accounts import ROLE_MAY, Caller
from portal.core.audit import SYSTEM
from portal.core.finding import Page
from portal.core.scopes import EVERYTHING
from portal.core.wanted import Wanted
from tests.core.conftest import Site


@pytest.fixture
def officer() -> Caller:
    rights = ROLE_MAY["officer"]
    return Caller("nobody", "olga@example.org", "officer", rights, SYSTEM, scope=EVERYTHING)


def ids(page: Page) -> list[str]:
    return [row.id for row in page.rows]


def test_pages_meet_every_recording_once_forth_and_back(site: Site, officer: Caller) -> None:
    made = [site.recorded(b"number %d" % number).id for number in range(7)]
    newest_first = sorted(made, reverse=True)
    first = finding.page(site.session, officer, limit=3)
    second = finding.page(site.session, officer, limit=3, before=first.older)
    third = finding.page(site.session, officer, limit=3, before=second.older)
    assert ids(first) + ids(second) + ids(third) == newest_first
    assert (first.newer, third.older) == (None, None)
    back = finding.page(site.session, officer, limit=3, after=third.newer)
    start = finding.page(site.session, officer, limit=3, after=back.newer)
    assert (ids(back), ids(start)) == (ids(second), ids(first))
    assert start.newer is None


def test_a_state_is_a_walk_of_its_own(site: Site, officer: Caller) -> None:
    ready = site.recorded(b"ready").id
    page = finding.page(site.session, officer, limit=3, wanted=Wanted("ready"))
    assert ids(page) == [ready]
    assert ids(finding.page(site.session, officer, limit=3, wanted=Wanted("quarantined"))) == []


def test_an_uploader_walks_through_its_own_only(
    site: Site, uploader: Caller, stranger: Caller
) -> None:
    mine = site.recorded(b"mine").id
    assert ids(finding.page(site.session, uploader, limit=3)) == [mine]
    assert ids(finding.page(site.session, stranger, limit=3)) == []
