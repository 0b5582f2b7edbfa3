"""How the list of recordings says what it knows: people, ages, seconds."""

from __future__ import annotations

from datetime import datetime

from babel.dates import format_timedelta
from babel.numbers import format_decimal
from flask import Flask
from flask_babel import LazyString, get_locale, lazy_gettext

from portal.core.models import Recording
from portal.core.transaction import utc_now

PEOPLE = ("wats_user", "user", "agent", "caller", "callee", "machine", "lead_id")
"""What clients call those who take part, in the order to tell them."""
SHOWN = 3

SHORT: dict[str, LazyString] = {
    "tus": lazy_gettext("tus"),
    "resumable": lazy_gettext("IETF draft"),
    "chunks": lazy_gettext("Chunks"),
    "sessions": lazy_gettext("Recorder"),
    "calls": lazy_gettext("Calls"),
}
"""Sources in a word, for narrow columns."""


def people(recording: Recording) -> list[str]:
    """Who took part, or else who sent it."""
    said = recording.details
    told = [str(said[name]) for name in PEOPLE if said.get(name)]
    return told[:SHOWN] or [recording.owner_label]


def ago(at: datetime) -> str:
    """How long ago that was, in a few words: «3 days ago»."""
    return format_timedelta(at - utc_now(), add_direction=True, locale=get_locale())


def seconds(taken: float) -> str:
    return format_decimal(taken, format="0.00", locale=get_locale())


def init_app(app: Flask) -> None:
    app.jinja_env.filters.update(people=people, ago=ago, seconds=seconds)
    app.jinja_env.globals.update(source_short=SHORT)
