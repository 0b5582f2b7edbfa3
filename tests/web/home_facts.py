"""What tests of the start page share: its tiles as a reader finds them, and a department's people
and recordings."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from portal.core import accounts
from portal.core.audit import SYSTEM
from portal.core.models import PlaySession, new_id
from portal.core.transaction import utc_now
from portal.db import db
from tests.conftest import Portal
from tests.web.browsing import Person
from tests.web.listing import recorded

FIGURE = re.compile(
    r'<h2><a href="([^"]+)">([^<]+)</a></h2>\s*<p class="figure-number">([^<]+)</p>'
)
TITLES = re.compile(r"<h2(?! id=\"keys)[^>]*>(?:<a [^>]+>)?([^<]+)<")


@dataclass(frozen=True)
class Figure:
    """A number of the page and where it leads to."""

    number: str
    link: str


def figures(person: Person) -> dict[str, Figure]:
    found = FIGURE.findall(person.get("/").text)
    return {name: Figure(number, html.unescape(link)) for link, name, number in found}


def titles(person: Person) -> list[str]:
    return [html.unescape(each) for each in TITLES.findall(person.get("/").text)]


def scoped(portal: Portal, role: str, *words: str) -> Person:
    person = Person(portal, role)
    with portal.app.app_context():
        accounts.set_scope(db.session, SYSTEM, person.email, words)
    return person


def in_department(portal: Portal, department: str, *rows: dict[str, Any]) -> list[str]:
    """Recordings of today in this department; their ids, the oldest first."""
    now = utc_now()
    usual = {"department": department, "received_at": now, "verified_at": now}
    return recorded(portal, [usual | row for row in rows])


def played(
    portal: Portal, person: Person, recording_id: str, heard: list[list[int]], length: int = 60_000
) -> None:
    """The row of a viewing that is over."""
    [user] = portal.rows("SELECT id FROM user WHERE email = ?", person.email)
    now = utc_now()
    row = PlaySession(secret_hash=new_id(), recording_id=recording_id, user_id=user["id"])
    row.user_label, row.size, row.length_ms = person.email, 1, length
    row.started_at = row.seen_at = row.told_at = row.ended_at = now
    row.heard, row.sent = heard, []
    with portal.app.app_context():
        db.session.add(row)
        db.session.commit()


def days_ago(days: int) -> datetime:
    return utc_now() - timedelta(days=days)
