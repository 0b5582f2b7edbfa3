"""The query of /api/recordings: what is asked for, checked before the database sees it."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from werkzeug.datastructures import MultiDict

from portal.core.errors import InvalidRequest
from portal.core.wanted import STATES, Wanted
from portal.parsing import plain, whole_number

LIMIT, MOST, MOST_DETAILS = 100, 500, 10
ALIASES = ("session_id", "wats_user", "lead_id")
DETAIL = "details."
SEARCHED = 255
"""Characters of a detail that can be searched for; see portal/core/models.py."""
RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,9})?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})",
    re.ASCII,
)
ASKED = {
    "state": f"One of {', '.join(STATES)}; without it, what is ready or quarantined.",
    "source": "How it came: tus (videos too), sessions, chunks, calls, resumable.",
    "received_from": "Received at this time (RFC 3339) or later.",
    "received_to": "Received before this time.",
    "details.<name>": "What the client said of it, the whole value.",
    "session_id": "The same as details.session_id; likewise wats_user and lead_id.",
    "wats_user": "The same as details.wats_user.",
    "lead_id": "The same as details.lead_id.",
    "limit": f"How many at most, 1 to {MOST}; {LIMIT} without it.",
    "cursor": "`next_cursor` of the page before.",
}


def asked(query: MultiDict[str, str]) -> tuple[int, str | None, Wanted]:
    """How many, after which one, and which. Raises InvalidRequest that names what is wrong."""
    for name, values in query.lists():
        _refuse_odd(name, values)
    limit = whole_number(query.get("limit"), "limit", LIMIT)
    if not 1 <= limit <= MOST:
        raise InvalidRequest(f"limit must be 1 to {MOST}.")
    return limit, query.get("cursor"), _wanted(query)


def _refuse_odd(name: str, values: list[str]) -> None:
    known = name.startswith(DETAIL) or (name in ASKED and "<" not in name)
    if not known or not plain(name):
        raise InvalidRequest(f"There is no parameter {name[:100]!r}.")
    if len(values) > 1:
        raise InvalidRequest(f"{name[:100]} may be given once.")
    if not plain(values[0]):
        raise InvalidRequest(f"{name[:100]} holds control characters.")


def _wanted(query: MultiDict[str, str]) -> Wanted:
    state = query.get("state")
    if state is not None and state not in STATES:
        raise InvalidRequest(f"state must be one of {', '.join(STATES)}.")
    details = {name.removeprefix(DETAIL): query[name] for name in query if _is_detail(name)}
    if len(details) > MOST_DETAILS:
        raise InvalidRequest(f"Ask for {MOST_DETAILS} details at most.")
    return Wanted(
        state,
        query.get("source"),
        _moment(query, "received_from"),
        _moment(query, "received_to"),
        {name: value[:SEARCHED] for name, value in details.items()},
    )


def _is_detail(name: str) -> bool:
    return name.startswith(DETAIL) or name in ALIASES


def _moment(query: MultiDict[str, str], name: str) -> datetime | None:
    text = query.get(name)
    if text is None:
        return None
    # In a query, a `+` that was not encoded arrives as a blank.
    text = re.sub(r" (?=[0-9]{2}:[0-9]{2}$)", "+", text)
    try:
        if not RFC_3339.fullmatch(text):
            raise ValueError(text)
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidRequest(f"{name} must be a time like 2026-01-31T16:00:00Z.") from error
