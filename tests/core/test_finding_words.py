"""A search has the same answers whether its words are found in few recordings or walked along."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.made_up import fill
from portal.core import filtering, finding
from portal.core.accounts import Caller
from portal.core.roles import ROLE_MAY
from portal.core.scopes import EVERYTHING
from portal.core.wanted import Wanted
from tests.core.conftest import Site

WANTED = [
    Wanted(words="example"),
    Wanted(words="invoice"),
    Wanted(words="example", tag="vip"),
    Wanted(words="example", source="calls"),
    Wanted(words="example", held=False, reviewed=False),
    Wanted(words="nowhere"),
]


def walk(site: Site, officer: Caller, wanted: Wanted, sort: str) -> tuple[int, list[str]]:
    """How many the first page says there are, and the ids of all pages."""
    page = finding.page(site.session, officer, 50, wanted, sort=sort, counting=True)
    count, ids = page.count, [row.id for row in page.rows]
    while page.older:
        page = finding.page(site.session, officer, 50, wanted, before=page.older, sort=sort)
        ids += [row.id for row in page.rows]
    return count, ids


def test_it_does_not_matter_how_many_there_are(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(site.session.get_bind(), 1200, events=0)
    officer = replace(site.caller, role="officer", rights=ROLE_MAY["officer"], scope=EVERYTHING)
    asked = [(wanted, sort) for wanted in WANTED for sort in finding.BY_TIME]
    few = [walk(site, officer, *each) for each in asked]
    assert few[0][0] == finding.COUNTED + 1 < len(few[0][1]), "more than are counted"
    assert len(few[4][1]) == few[4][0] > 0
    for where in (finding, filtering):
        monkeypatch.setattr(where, "FEW", 0)
    assert [walk(site, officer, *each) for each in asked] == few
