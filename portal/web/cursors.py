"""Where a list goes on, as a page's address says it: checked, or refused with one sentence."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NoReturn

from flask import request

from portal.core.errors import InvalidRequest
from portal.core.models import is_id


def damaged() -> NoReturn:
    """For whatever an address says that no link of ours does."""
    raise InvalidRequest("This page address is damaged; open the page again.")


def by_id(name: str = "before") -> str | None:
    text = request.args.get(name)
    return text if text is None or is_id(text) else damaged()


def by_number(name: str = "before") -> int | None:
    text = request.args.get(name)
    if text is not None and not re.fullmatch(r"[0-9]{1,17}", text):
        damaged()
    return None if text is None else int(text)


def by_moment(
    name: str = "before", is_key: Callable[[str], bool] = is_id
) -> tuple[datetime, str] | None:
    """Microseconds since 1970 and a key, with a dot between: `1700000000000000.k3y`."""
    text = request.args.get(name)
    if text is None:
        return None
    moment, _, key = text.partition(".")
    if not (re.fullmatch(r"[0-9]{1,17}", moment) and is_key(key)):
        damaged()
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(moment)), key
