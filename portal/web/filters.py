"""The filters of the recordings as they stand in the address: read, checked, shown as chips."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flask import request, url_for
from flask_babel import LazyString, lazy_gettext

from portal import uploading
from portal.auth import caller
from portal.core.errors import InvalidRequest
from portal.core.finding import BY_TIME, SORTS
from portal.core.labels import clean
from portal.core.models import is_id
from portal.core.transaction import utc_now
from portal.core.wanted import STATES, Wanted
from portal.parsing import plain
from portal.web import show

Filters = dict[str, list[str]]
"""What is asked for, by the names of the address; those of MOST may have several values."""

NAMES: dict[str, LazyString] = {
    "q": lazy_gettext("Words"),
    "period": lazy_gettext("Received"),
    "from": lazy_gettext("Received from"),
    "to": lazy_gettext("Received until"),
    "hour_from": lazy_gettext("From the hour"),
    "hour_to": lazy_gettext("Until the hour"),
    "weekday": lazy_gettext("Weekday"),
    "source": lazy_gettext("Source"),
    "kind": lazy_gettext("Kind"),
    "state": lazy_gettext("State"),
    "tag": lazy_gettext("Tag"),
    "department": lazy_gettext("Department"),
    "owner": lazy_gettext("Sent by"),
    "played_by": lazy_gettext("Played by"),
    "detail": lazy_gettext("Detail"),
    "min_minutes": lazy_gettext("Minutes, at least"),
    "max_minutes": lazy_gettext("Minutes, at most"),
    "min_mb": lazy_gettext("MB, at least"),
    "max_mb": lazy_gettext("MB, at most"),
    "integrity": lazy_gettext("Integrity"),
    "held": lazy_gettext("Legal hold"),
    "due": lazy_gettext("Retention ends before"),
    "reviewed": lazy_gettext("Reviewed"),
    "outcome": lazy_gettext("Outcome"),
    "notes": lazy_gettext("Shared notes"),
    "storage": lazy_gettext("Storage"),
    "token": lazy_gettext("Token"),
    "case": lazy_gettext("Legal case"),
}
PERIODS: dict[str, LazyString] = {
    "today": lazy_gettext("Today"),
    "7": lazy_gettext("Last 7 days"),
    "30": lazy_gettext("Last 30 days"),
    "month": lazy_gettext("This month"),
}
WEEKDAYS: dict[str, LazyString] = {
    "1": lazy_gettext("Monday"),
    "2": lazy_gettext("Tuesday"),
    "3": lazy_gettext("Wednesday"),
    "4": lazy_gettext("Thursday"),
    "5": lazy_gettext("Friday"),
    "6": lazy_gettext("Saturday"),
    "7": lazy_gettext("Sunday"),
}
CHOICES: dict[str, Mapping[str, LazyString | str]] = {
    "period": PERIODS,
    "hour_from": {str(hour): f"{hour:02}:00" for hour in range(24)},
    "hour_to": {str(hour): f"{hour:02}:00" for hour in range(1, 25)},
    "weekday": WEEKDAYS,
    "source": show.SOURCES,
    "kind": show.KINDS,
    "state": {state: show.STATES[state] for state in STATES},
    "integrity": show.INTEGRITY,
    "held": {"yes": lazy_gettext("Held"), "no": lazy_gettext("Not held")},
    "reviewed": {
        "nobody": lazy_gettext("By nobody"),
        "anyone": lazy_gettext("By anyone"),
        "me": lazy_gettext("By me"),
    },
    "outcome": show.OUTCOMES,
    "notes": {"yes": lazy_gettext("With notes"), "no": lazy_gettext("Without notes")},
}
MOST = {"detail": 5, "weekday": 7}
MOST_NUMBER, LONGEST = 10_000_000, 255
MINUTE, MB = 60_000, 1_000_000


class BadFilter(InvalidRequest):
    """A filter that cannot be; `sentence` says so in the reader's language."""

    def __init__(self, name: str, why: LazyString) -> None:
        super().__init__(f"The filter {name} is not understood.")
        self.name, self.sentence = name, why


@dataclass(frozen=True)
class Chip:
    """One filter that is set, and the address without it."""

    name: LazyString
    value: str | LazyString
    without: str


def read() -> Filters:
    """The filters of this request's address that say something."""
    named = {name: [each.strip() for each in request.args.getlist(name)] for name in NAMES}
    return {name: kept for name, values in named.items() if (kept := [v for v in values if v])}


def sort() -> str:
    """The order that is asked for. What is found by words has its order from time."""
    name = request.args.get("sort", "newest")
    if name not in SORTS:
        raise InvalidRequest("There is no such order.")
    return name if name in BY_TIME or not request.args.get("q", "").strip() else "newest"


def wanted(filters: Filters) -> Wanted:
    """What they mean. Raises BadFilter."""
    _check(filters)
    begin, end = _period(filters)
    integrity, reviewed = _one(filters, "integrity"), _one(filters, "reviewed")
    overdue = integrity == "overdue"
    return Wanted(
        state=_one(filters, "state"),
        source=_one(filters, "source"),
        received_from=begin,
        received_to=end,
        details=dict(_detail(each) for each in filters.get("detail", ())),
        kind=_one(filters, "kind"),
        owner=(_one(filters, "owner") or "").casefold() or None,
        department=_label(filters, "department"),
        storage=_one(filters, "storage"),
        token=_token(filters),
        integrity=None if overdue else integrity,
        verified_before=utc_now() - uploading.settings().verify_period if overdue else None,
        tag=_label(filters, "tag"),
        held=_yes_or_no(filters, "held"),
        shortest=_number(filters, "min_minutes", MINUTE),
        longest=_number(filters, "max_minutes", MINUTE, inclusive=True),
        smallest=_number(filters, "min_mb", MB),
        largest=_number(filters, "max_mb", MB, inclusive=True),
        words=_one(filters, "q") or "",
        reviewed_by=caller().user_id if reviewed == "me" else None,
        reviewed={"nobody": False, "anyone": True}.get(reviewed or ""),
        outcome=_one(filters, "outcome"),
        noted=_yes_or_no(filters, "notes"),
        played_by=(_one(filters, "played_by") or "").casefold() or None,
        hours=_hours(filters),
        case=_case(filters),
        due_before=_day(filters, "due"),
    )


def _check(filters: Filters) -> None:
    for name, values in filters.items():
        if len(values) > MOST.get(name, 1):
            raise BadFilter(name, lazy_gettext("It is there too often."))
        if any(len(each) > LONGEST or not plain(each) for each in values):
            raise BadFilter(name, lazy_gettext("It is too long, or holds control characters."))
        if name in CHOICES and not CHOICES[name].keys() >= set(values):
            raise BadFilter(name, lazy_gettext("Choose one of the values in the menu."))


def _one(filters: Filters, name: str) -> str | None:
    return filters[name][0] if name in filters else None


def _yes_or_no(filters: Filters, name: str) -> bool | None:
    text = _one(filters, name)
    return None if text is None else text == "yes"


def _label(filters: Filters, name: str) -> str | None:
    text = _one(filters, name)
    if text is not None and clean(text) is None:
        raise BadFilter(name, lazy_gettext("It may have 64 letters, digits and signs."))
    return None if text is None else clean(text)


def _token(filters: Filters) -> str | None:
    text = _one(filters, "token")
    if text is not None and not is_id(text):
        raise BadFilter("token", lazy_gettext("Give the token's number, not its secret."))
    return text


def _case(filters: Filters) -> str | None:
    text = _one(filters, "case")
    if text is not None and not is_id(text):
        raise BadFilter("case", lazy_gettext("Follow the link on the page of the case."))
    return text


def _detail(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name.strip() and equals and value.strip()):
        raise BadFilter("detail", lazy_gettext("Write it as name=value, such as machine=PC-17."))
    return name.strip(), value.strip()


def _number(filters: Filters, name: str, unit: int, inclusive: bool = False) -> int | None:
    text = _one(filters, name)
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,8}", text) or int(text) > MOST_NUMBER:
        raise BadFilter(name, lazy_gettext("Write a whole number."))
    return int(text) * unit + inclusive


def _period(filters: Filters) -> tuple[datetime | None, datetime | None]:
    """From when until when, in UTC; a day that is named is meant as a whole."""
    period = _one(filters, "period")
    begin, end = _day(filters, "from"), _day(filters, "to")
    if period is not None and (begin or end):
        raise BadFilter("period", lazy_gettext("Choose a period, or days; not both."))
    if begin and end and begin > end:
        raise BadFilter("from", lazy_gettext("The first day is after the last one."))
    today = utc_now().replace(hour=0, minute=0, second=0, microsecond=0)
    if period == "month":
        return today.replace(day=1), None
    if period is not None:
        return today - timedelta(days=0 if period == "today" else int(period)), None
    return begin, end and end + timedelta(days=1)


def _hours(filters: Filters) -> frozenset[int] | None:
    """Hours of the week; from 22 until 6 is the night."""
    if not filters.keys() & {"hour_from", "hour_to", "weekday"}:
        return None
    begin, end = int(_one(filters, "hour_from") or 0), int(_one(filters, "hour_to") or 24)
    if begin == end:
        raise BadFilter("hour_to", lazy_gettext("The hours end where they begin."))
    hours = range(begin, end) if begin < end else (*range(begin, 24), *range(end))
    days = [int(each) - 1 for each in filters.get("weekday", WEEKDAYS)]
    return frozenset(day * 24 + hour for day in days for hour in hours)


def _day(filters: Filters, name: str) -> datetime | None:
    text = _one(filters, name)
    if text is None:
        return None
    try:
        if not re.fullmatch(r"(19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}", text, re.ASCII):
            raise ValueError(text)
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError as error:
        raise BadFilter(name, lazy_gettext("Write a day as 2026-01-31.")) from error


def chips(filters: Filters, **beside: str | None) -> Iterator[Chip]:
    """`beside`: what else stays in the address, such as the order."""
    for name, values in filters.items():
        for value in values:
            rest = filters | {name: [each for each in values if each != value]}
            address = url_for("recordings.index", **rest, **beside)
            yield Chip(NAMES[name], CHOICES.get(name, {}).get(value, value), address)
