"""What a list was asked for, as JSON that is kept: such as what a legal hold takes in later.

The names of `Wanted` stand in databases from now on: whoever renames one renames it there, too.
"""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from portal.core.wanted import Wanted

TIMES = {each.name for each in fields(Wanted) if "datetime" in str(each.type)}


def written(wanted: Wanted) -> dict[str, Any]:
    """Only what is asked for; times as ISO texts, hours in their order."""
    asked = {name: value for name, value in asdict(wanted).items() if value not in (None, {}, "")}
    hours = {name: sorted(asked[name]) for name in {"hours"} & asked.keys()}
    return asked | hours | {name: asked[name].isoformat() for name in TIMES & asked.keys()}


def read(kept: dict[str, Any]) -> Wanted:
    """The opposite."""
    hours = {name: frozenset(kept[name]) for name in {"hours"} & kept.keys()}
    times = {name: datetime.fromisoformat(kept[name]) for name in TIMES & kept.keys()}
    return Wanted(**(kept | hours | times))
