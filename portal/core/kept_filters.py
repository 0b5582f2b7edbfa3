"""What a list was asked for, as JSON that is kept: such as what a legal hold takes in later.

The names of `Wanted` stand in databases from now on: whoever renames one renames it there, too.
"""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from datetime import datetime
from typing import Any

from portal.core.wanted import Wanted

TIMES = {each.name for each in fields(Wanted) if "datetime" in str(each.type)}


def written(wanted: Wanted) -> dict[str, Any]:
    """Only what is asked for; times as ISO texts, hours as a list."""
    asked = {name: value for name, value in asdict(wanted).items() if value not in (None, {}, "")}
    if wanted.hours is not None:
        asked["hours"] = sorted(wanted.hours)
    return asked | {name: asked[name].isoformat() for name in TIMES & asked.keys()}


def read(kept: dict[str, Any]) -> Wanted:
    """The opposite."""
    times = {name: datetime.fromisoformat(kept[name]) for name in TIMES & kept.keys()}
    wanted = Wanted(**(kept | times))
    return wanted if wanted.hours is None else replace(wanted, hours=frozenset(wanted.hours))
