"""How values look on a page: sizes, times, file names, and the core's codes as words."""

from __future__ import annotations

import json
import unicodedata
from datetime import UTC, date, datetime
from pathlib import Path

from babel.dates import format_datetime as babel_datetime
from babel.dates import format_skeleton
from babel.numbers import format_decimal
from flask import Flask, url_for
from flask_babel import LazyString, get_locale, lazy_gettext
from markupsafe import Markup

from portal import __version__
from portal.core.audit.actions import ACTIONS, OBJECTS, RESULTS
from portal.core.playing import unproven
from portal.core.ranges import percent
from portal.web.positions import clock, stretches, written

STATES: dict[str, LazyString] = {
    "ready": lazy_gettext("Available"),
    "quarantined": lazy_gettext("Quarantined"),
    "open": lazy_gettext("Receiving"),
    "finishing": lazy_gettext("Assembling"),
    "failed": lazy_gettext("Failed"),
    "done": lazy_gettext("Available"),
    "abandoned": lazy_gettext("Cancelled"),
    "expired": lazy_gettext("Expired"),
    "joined": lazy_gettext("Joined with others"),
    "deleting": lazy_gettext("Being deleted"),
    "purging": lazy_gettext("Being deleted"),
    "deleted": lazy_gettext("Deleted"),
}
KINDS: dict[str, LazyString] = {
    "video": lazy_gettext("Video"),
    "audio": lazy_gettext("Audio"),
    "image": lazy_gettext("Picture"),
    "document": lazy_gettext("Document"),
    "other": lazy_gettext("Other content"),
}
SOURCES: dict[str, LazyString] = {
    "tus": lazy_gettext("Resumable upload (tus)"),
    "resumable": lazy_gettext("Resumable upload (IETF draft)"),
    "chunks": lazy_gettext("Upload in chunks"),
    "sessions": lazy_gettext("Desktop recorder"),
    "calls": lazy_gettext("Call recording"),
}
"""How a recording came in, by the dialect of its upload."""
REASONS: dict[str, LazyString] = {
    "not_media": lazy_gettext("It is neither audio nor video."),
    "not_examined": lazy_gettext("The content could not be examined."),
    "not_accepted": lazy_gettext("Recordings of this kind are not accepted here."),
    "not_as_declared": lazy_gettext("The content is not what the sender declared."),
    "too_long": lazy_gettext("It is longer than a recording may be."),
    "wrong_size": lazy_gettext("The stored size is not the one that was announced."),
    "checksum_mismatch": lazy_gettext("The SHA-256 is not the one that the sender declared."),
    "part_missing": lazy_gettext("A part of the file is missing in the storage."),
}
"""Why something was quarantined or failed, by the core's error_code."""
CURES: dict[str, LazyString] = {
    "not_media": lazy_gettext("Send the recording itself, not an archive or a note beside it."),
    "not_examined": lazy_gettext("See whether a player opens it, and send it again."),
    "not_accepted": lazy_gettext("Send it by the way that is meant for its kind."),
    "not_as_declared": lazy_gettext("Correct the content type that the client declares."),
    "too_long": lazy_gettext("Divide it into shorter recordings, and send these."),
    "wrong_size": lazy_gettext("The file changed while it was sent: send it again, once closed."),
    "checksum_mismatch": lazy_gettext("The file changed on the way or before: send it again."),
    "part_missing": lazy_gettext("Send it again, and tell an administrator about the storage."),
}
"""What whoever has sent it can do, by the core's error_code."""
ROLES: dict[str, LazyString] = {
    "admin": lazy_gettext("Administrator"),
    "officer": lazy_gettext("Compliance officer"),
    "auditor": lazy_gettext("Auditor"),
    "reviewer": lazy_gettext("Reviewer"),
    "source_owner": lazy_gettext("Source owner"),
    "uploader": lazy_gettext("Uploader"),
}
INTEGRITY: dict[str, LazyString] = {
    "ok": lazy_gettext("Verified"),
    "overdue": lazy_gettext("Overdue"),
    "mismatch": lazy_gettext("Different"),
    "missing": lazy_gettext("Missing"),
}
"""What is known of the bytes, by portal.core.rolling's states."""
TABS: dict[str, LazyString] = {
    "notes": lazy_gettext("Notes"),
    "access": lazy_gettext("Access"),
    "integrity": lazy_gettext("Integrity"),
    "history": lazy_gettext("History"),
    "metadata": lazy_gettext("Metadata"),
}
PLAY_REASONS: dict[str, LazyString] = {
    "complaint": lazy_gettext("A complaint"),
    "incident": lazy_gettext("An incident is investigated"),
    "sampling": lazy_gettext("Quality sampling"),
    "legal": lazy_gettext("A legal request"),
    "other": lazy_gettext("Another reason"),
}
"""Why somebody plays what is sensitive, by the core's codes."""
OUTCOMES: dict[str, LazyString] = {
    "fine": lazy_gettext("Nothing to report"),
    "finding": lazy_gettext("Finding"),
    "escalated": lazy_gettext("Escalated"),
}
"""What came of a review."""

UNSEEN = {"Cc", "Cf", "Zl", "Zp"}
JOINERS = "\u200c\u200d"


def size(count: int) -> str:
    """1234567 → 1.2 MB, in the reader's locale."""
    value, unit = float(count), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            break
        value /= 1000
    pattern = "0" if unit == "B" or value >= 100 else "0.0"
    return f"{format_decimal(value, format=pattern, locale=get_locale())} {unit}"


def number(value: float) -> str:
    """1204331 → 1,204,331, in the reader's locale."""
    return format_decimal(value, locale=get_locale())


def duration(milliseconds: int | None) -> str:
    """3723000 → 1:02:03; a dash where it is unknown."""
    if milliseconds is None:
        return "–"
    minutes, seconds = divmod(round(milliseconds / 1000), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def moment(at: datetime) -> Markup:
    """A point in time: in UTC as sent, in the reader's own zone once local-time.js has run."""
    shown = babel_datetime(at, "yyyy-MM-dd HH:mm", locale=get_locale())
    return Markup('<time datetime="{}">{} UTC</time>').format(at.isoformat(), shown)


def day(of: date) -> str:
    """22 Nov, as the reader's language says it."""
    return format_skeleton("MMMd", of, locale=get_locale())


def exactly(at: datetime) -> str:
    """A point in time as an investigator quotes it: to the microsecond, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f} UTC"


def told(value: object) -> str:
    """A value of an event's details as text: texts as they are, the rest as JSON."""
    return plain(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def utc(at: datetime) -> str:
    """A point in time as the records have it: 2026-11-22 14:03:22 UTC."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def plain(name: str) -> str:
    """A sender's file name without what turns text around, hides in it or breaks its lines.
    Joiners stay: they are unseen too, but Persian, Hindi and emoji are misspelt without them."""
    return "".join(
        "\ufffd" if unicodedata.category(each) in UNSEEN and each not in JOINERS else each
        for each in name
    )


def plain_lines(text: str) -> str:
    """The same for a text that has lines."""
    return "\n".join(map(plain, text.split("\n")))


def asset(name: str) -> str:
    """The address of a static file; it changes with the file, so that browsers may keep it."""
    path = Path(__file__).parent.parent / "static" / name
    stamp = f"{path.stat().st_mtime_ns:x}" if path.exists() else __version__
    return url_for("static", filename=name, v=stamp)


def _translated(texts: dict[str, str]) -> dict[str, LazyString]:
    """The core's words, in the reader's language."""
    return {code: lazy_gettext(text) for code, text in texts.items()}


def init_app(app: Flask) -> None:
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = 30 * 24 * 3600
    app.jinja_env.filters.update(size=size, duration=duration, moment=moment, plain=plain)
    app.jinja_env.filters.update(plain_lines=plain_lines, day=day)
    app.jinja_env.filters.update(number=number, exactly=exactly, told=told, utc=utc)
    app.jinja_env.filters.update(stamped=datetime.fromisoformat)
    app.jinja_env.filters.update(clock=clock, written=written)
    app.jinja_env.filters.update(stretches=stretches, percent=percent)
    app.jinja_env.filters.update(unproven=unproven)
    app.jinja_env.globals.update(
        asset=asset,
        state_name=STATES,
        kind_name=KINDS,
        source_name=SOURCES,
        role_name=ROLES,
        reasons=REASONS,
        cures=CURES,
        actions=_translated(ACTIONS),
        results=_translated(RESULTS),
        object_types=_translated(OBJECTS),
        tab_name=TABS,
        integrity_name=INTEGRITY,
        play_reasons=PLAY_REASONS,
        outcomes=OUTCOMES,
    )
