"""What retention asks the database is read along the dates: anything else takes a second a batch
where there are a million, while nobody else can write."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event

from portal.core.accounts import Caller
from portal.core.retention import looking, running
from portal.core.retention.deciding import Rule
from portal.core.roles import ROLE_MAY
from portal.core.scopes import EVERYTHING
from tests.core.conftest import Site
from tests.core.retaining import HOW, NOW, in_force, recorded, run


def officer(site: Site) -> Caller:
    return replace(site.caller, role="officer", rights=ROLE_MAY["officer"], scope=EVERYTHING)


ACTS: dict[str, Callable[[Site], object]] = {
    "run": run,
    "rehearsal": lambda site: running.rehearse(site.session, NOW, HOW),
    "tile": lambda site: looking.tile(site.session, officer(site), NOW),
    "calendar": lambda site: looking.months(site.session, officer(site), NOW),
}
BY_DATE = re.compile("ix_recording_(purge|delete)_at_place")


@pytest.mark.parametrize("act", ACTS)
def test_it_is_read_along_the_dates(site: Site, act: str) -> None:
    in_force(site, Rule("ten days", keep_days=0, delete_days=10))
    recorded(site, days=10)
    recorded(site, days=-3)
    asked: list[tuple[str, Any]] = []
    engine = site.session.get_bind()

    def note(_connection: object, _cursor: object, said: str, values: Any, *_: object) -> None:
        if re.search(r"FROM recording\s+WHERE.*(purge|delete)_at", said, re.DOTALL):
            asked.append((said, values))

    event.listen(engine, "before_cursor_execute", note)
    try:
        ACTS[act](site)
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert asked
    for said, values in asked:
        plan = explained(site, said, values)
        assert "B-TREE" not in plan and "Sort" not in plan, plan
        # PostgreSQL counts values, and takes any small index to read two rows.
        assert BY_DATE.search(plan) or "Index Scan" in plan, plan


def explained(site: Site, said: str, values: Any) -> str:
    with site.session.get_bind().connect() as connection:
        sqlite = connection.dialect.name == "sqlite"
        if not sqlite:  # it would read a small table as a whole
            connection.exec_driver_sql("SET enable_seqscan = off; SET enable_bitmapscan = off")
        how = "EXPLAIN QUERY PLAN" if sqlite else "EXPLAIN"
        rows = connection.exec_driver_sql(f"{how} {said}", values).all()
        return "\n".join(str(row) for row in rows)
