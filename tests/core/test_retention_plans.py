"""What retention asks the database is read along the dates: anything else takes a second a batch
where there are a million, while nobody else can write."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from portal.core.accounts import Caller
from portal.core.retention import looking, running
from portal.core.retention.deciding import Rule
from portal.core.roles import ROLE_MAY
from portal.core.scopes import EVERYTHING
from tests.core.conftest import Site
from tests.core.explaining import plans
from tests.core.retaining import HOW, NOW, in_force, recorded, run


def officer(site: Site) -> Caller:
    return replace(site.caller, role="officer", rights=ROLE_MAY["officer"], scope=EVERYTHING)


ACTS: dict[str, Callable[[Site], object]] = {
    "run": run,
    "rehearsal": lambda site: running.rehearse(site.session, NOW, HOW),
    "tile": lambda site: looking.tile(site.session, officer(site), NOW),
    "calendar": lambda site: looking.months(site.session, officer(site), NOW),
}
OF_DATES = re.compile(r"FROM recording\s+WHERE.*(purge|delete)_at", re.DOTALL)
BY_DATE = re.compile("ix_recording_(purge|delete)_at_place")


@pytest.mark.parametrize("act", ACTS)
def test_it_is_read_along_the_dates(site: Site, act: str) -> None:
    in_force(site, Rule("ten days", keep_days=0, delete_days=10))
    recorded(site, days=10)
    recorded(site, days=-3)
    found = plans(site.session.get_bind(), lambda: ACTS[act](site))
    dated = [each for each in found if OF_DATES.search(each.asked)]
    assert dated
    for plan in dated:
        assert "B-TREE" not in plan.steps and "Sort" not in plan.steps, plan
        assert BY_DATE.search(plan.steps) or plan.counts, plan
