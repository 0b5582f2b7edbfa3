"""The filters of the audit log as they stand in the address: read, checked, shown as chips."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from flask import request, url_for
from flask_babel import LazyString, lazy_gettext

from portal.core.audit.actions import ACTIONS, OBJECTS, RESULTS
from portal.core.audit.search import Wanted
from portal.core.errors import InvalidRequest
from portal.parsing import plain
from portal.web.filters import Chip

NAMES: dict[str, LazyString] = {
    "actor": lazy_gettext("Who"),
    "action": lazy_gettext("Action"),
    "type": lazy_gettext("Kind of object"),
    "object": lazy_gettext("Object"),
    "result": lazy_gettext("Result"),
    "ip": lazy_gettext("IP address"),
    "request": lazy_gettext("Request"),
    "from": lazy_gettext("From"),
    "to": lazy_gettext("Until"),
}
"""The filters by their names in the address, and what people call them."""

WORDS = {"action": ACTIONS, "type": OBJECTS, "result": RESULTS}
"""Filters whose values are codes, and the words for them."""

MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2})?)?")


def read() -> dict[str, str]:
    """The filters of this request's address that say something. Raises InvalidRequest."""
    found = {name: request.args.get(name, "").strip() for name in NAMES}
    for value in found.values():
        if len(value) > 255 or not plain(value):
            raise InvalidRequest("A filter of this address is damaged; go back to the list.")
    return {name: value for name, value in found.items() if value}


def wanted(filters: dict[str, str]) -> Wanted:
    """Raises InvalidRequest for what is no time."""
    return Wanted(
        actor=filters.get("actor"),
        action=filters.get("action"),
        object_type=filters.get("type"),
        object_id=filters.get("object"),
        result=filters.get("result"),
        ip=filters.get("ip"),
        request_id=filters.get("request"),
        at_from=_moment(filters, "from"),
        at_to=_moment(filters, "to"),
    )


def _moment(filters: dict[str, str], name: str) -> datetime | None:
    text = filters.get(name)
    if text is None:
        return None
    try:
        if not MOMENT.fullmatch(text):
            raise ValueError(text)
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError as error:
        raise InvalidRequest("Write times like 2026-01-31T16:00; they are in UTC.") from error


def chips(filters: dict[str, str]) -> Iterator[Chip]:
    for name, value in filters.items():
        rest = {each: filters[each] for each in filters if each != name}
        yield Chip(NAMES[name], _shown(name, value), url_for("audit_log.index", **rest))


def _shown(name: str, value: str) -> str | LazyString:
    if value in WORDS.get(name, {}):
        return lazy_gettext(WORDS[name][value])
    return f"{value.replace('T', ' ')} UTC" if name in ("from", "to") else value
