"""Charts: how much came, failed, waited, was played and deleted; each as bars, table and CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from babel.dates import format_skeleton
from flask import Blueprint, Response, render_template, request
from flask_babel import LazyString, get_locale, lazy_gettext, ngettext

from portal.auth import caller
from portal.core.audit.actions import ACTIONS
from portal.core.csv_lines import csv_line
from portal.core.errors import NotFound
from portal.core.metrics import charts, forecast
from portal.core.metrics.charts import PERIODS, Chart
from portal.core.metrics.rolling_up import MARKED, OLDEST_CHECK
from portal.db import db
from portal.storage import stores
from portal.web import cursors
from portal.web.show import SOURCES, number, size

PERIOD_NAMES: dict[str, LazyString] = {
    "day": lazy_gettext("24 hours"),
    "month": lazy_gettext("30 days"),
    "year": lazy_gettext("52 weeks"),
}
STRETCHES: dict[str, LazyString] = {
    "day": lazy_gettext("Hour"),
    "month": lazy_gettext("Day"),
    "year": lazy_gettext("Week from"),
}
TITLES: dict[str, tuple[LazyString, LazyString]] = {
    "received": (
        lazy_gettext("Recordings received"),
        lazy_gettext("By source, when their last byte came."),
    ),
    "bytes": (
        lazy_gettext("Bytes received"),
        lazy_gettext("By source, of the same recordings."),
    ),
    "outcomes": (
        lazy_gettext("What became of uploads"),
        lazy_gettext("When it was decided."),
    ),
    "available": (
        lazy_gettext("Time until available"),
        lazy_gettext("From the last byte until the recording could be played, rounded up."),
    ),
    "waiting": (
        lazy_gettext("Work that waited"),
        lazy_gettext("The most at one time, looked at every five minutes."),
    ),
    "stored": (
        lazy_gettext("Bytes stored"),
        lazy_gettext("By storage, at the end: what was received and not deleted."),
    ),
    "plays": (lazy_gettext("Plays and downloads"), lazy_gettext("By anybody, of any recording.")),
    "deletions": (
        lazy_gettext("Deletions"),
        lazy_gettext("What was asked for, refused, and done."),
    ),
    "marked": (
        lazy_gettext("Marked, not yet deleted"),
        lazy_gettext("The most at one time: what retention deletes when the grace is over."),
    ),
    "checks": (
        lazy_gettext("Integrity checks"),
        lazy_gettext("Recordings whose bytes were read back."),
    ),
    "oldest_check": (
        lazy_gettext("Age of the oldest check"),
        lazy_gettext("Of all recordings that are kept."),
    ),
    "refusals": (
        lazy_gettext("Refused"),
        lazy_gettext("A rise may be somebody who tries."),
    ),
}
"""Each chart's title, and what is shown, by the core's names."""
WORDS: dict[str, LazyString] = {
    "assemble_upload": lazy_gettext("To be assembled"),
    "purge_recording": lazy_gettext("To be deleted"),
    "verify_recording": lazy_gettext("To be verified, as somebody asked"),
    "half": lazy_gettext("Half of them within"),
    "most": lazy_gettext("95 of 100 within"),
    MARKED: lazy_gettext("Marked by retention"),
    OLDEST_CHECK: lazy_gettext("Oldest check"),
}
RETRIED = lazy_gettext("Assembled at a further attempt")

blueprint = Blueprint("charts", __name__)


@blueprint.get("/charts")
def index() -> str:
    period = _period()
    drawn = charts.drawn(db.session, caller(), PERIODS[period])
    times = drawn[0].times
    return render_template(
        "charts/index.html",
        charts=drawn,
        period=period,
        periods=PERIOD_NAMES,
        stretch=STRETCHES[period],
        titles=TITLES,
        since=charts.counted_from(db.session, caller()),
        begin=times[0],
        names=[_WHEN[period](each) for each in times],
        disks=forecast.forecast(db.session, caller(), stores),
        line_name=line_name,
        shown=SHOWN,
        line_values=lambda chart, line: [SHOWN[chart.unit](each) for each in line.values],
    )


def _period() -> str:
    asked = request.args.get("period", "month")
    if asked not in PERIODS:
        cursors.damaged()
    return asked


def line_name(chart: Chart, key: str) -> LazyString | str:
    """What people call a line of this chart."""
    if chart.name in ("received", "bytes"):
        return SOURCES.get(key, key)
    if chart.name == "outcomes" and key not in ACTIONS:
        return RETRIED
    return lazy_gettext(ACTIONS[key]) if key in ACTIONS else WORDS.get(key, key)


def seconds(value: int) -> str:
    """90 → 2 min: in the greatest unit of which there are two, rounded."""
    if value < 120:
        return ngettext("%(num)s second", "%(num)s seconds", value)
    if value < 7200:
        return ngettext("%(num)s minute", "%(num)s minutes", round(value / 60))
    if value < 2 * 86_400:
        return ngettext("%(num)s hour", "%(num)s hours", round(value / 3600))
    return ngettext("%(num)s day", "%(num)s days", round(value / 86_400))


def _or_dash(show: Callable[[int], str]) -> Callable[[int | None], str]:
    return lambda value: "–" if value is None else show(value)


SHOWN = {"count": _or_dash(number), "bytes": _or_dash(size), "seconds": _or_dash(seconds)}
"""How values look, by their unit."""


def _hour(at: datetime) -> str:
    return f"{at:%H:%M}"


def _day(at: datetime) -> str:
    return format_skeleton("MMMd", at, locale=get_locale())


def _week(at: datetime) -> str:
    return format_skeleton("yMMMd", at, locale=get_locale())


_WHEN = {"day": _hour, "month": _day, "year": _week}
"""How the beginning of a stretch is told."""


@blueprint.get("/charts/<name>.csv")
def comma_separated(name: str) -> Response:
    """One stretch a line: when it begins, in UTC, and the values: counts, bytes or seconds."""
    period = _period()
    drawn = {each.name: each for each in charts.drawn(db.session, caller(), PERIODS[period])}
    if name not in drawn:
        raise NotFound("There is no such chart.")
    response = Response(_lines(drawn[name]), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}-{period}.csv"'
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _lines(chart: Chart) -> Iterator[str]:
    yield csv_line(["begin", *(each.key for each in chart.lines)])
    for place, at in enumerate(chart.times):
        values = (each.values[place] for each in chart.lines)
        yield csv_line([at.isoformat(), *("" if one is None else str(one) for one in values)])
