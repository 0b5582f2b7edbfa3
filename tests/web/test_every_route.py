"""Acceptance 22 on every path: what is beyond somebody's reach is 404, and the attempt is an event.

The paths come from the application itself, so that one which is added tomorrow is asked for, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest
import requests
from werkzeug.routing import Rule

from portal.auth import BEARER, OPEN
from portal.core import accounts, notes, requested_deletion, uploads
from portal.core.accounts import Caller
from portal.core.audit import SYSTEM
from portal.core.limits import Limits
from portal.core.models import new_id
from portal.core.notes import Written
from portal.core.uploads import NewUpload
from portal.db import db
from tests.conftest import PASSWORD, Portal
from tests.web.browsing import Person, csrf
from tests.web.listing import recorded

HOUR = timedelta(hours=1)
LEAD = "0190aaaa-0000-7000-8000-000000000001"
OBJECTS = {"recording_id", "note_id", "upload_id", "token_id", "approval_id"}
BY_ROLE = {"people", "storages", "holds", "retention", "charts"}
"""Pages that a role opens or not, whatever the scope: 403."""
NAMES = {"lead_id", "filename"}
"""Parts of addresses that are no ids of ours."""
STILL_OPEN = {"recordings.heard"}
"""403 without an event: whoever tells what was heard has no address of the bytes."""
HEADERS: dict[str, dict[str, str]] = {
    "tus": {
        "Tus-Resumable": "1.0.0",
        "Upload-Length": "10",
        "Upload-Offset": "0",
        "Content-Type": "application/offset+octet-stream",
    },
    "resumable": {
        "Upload-Draft-Interop-Version": "8",
        "Upload-Offset": "0",
        "Upload-Complete": "?1",
        "Content-Type": "application/partial-upload",
    },
}
"""What a dialect wants to be told before it looks for the upload."""


def of(role: str) -> Caller:
    """A new person as the core knows them; inside an application context."""
    email = f"{role}-{new_id()}@example.org"
    return accounts.caller_for(accounts.create_user(db.session, email, role, PASSWORD), SYSTEM)


@dataclass
class Things:
    """Ids of things of the department of sales, by the names that they have in addresses."""

    ids: dict[str, str]
    uploads: dict[str, str]

    def path(self, rule: Rule, dialect: str | None) -> str:
        known = self.ids | {"lead_id": LEAD, "upload_id": self.uploads[dialect or "tus"]}
        with_ids = str(rule)
        for name in rule.arguments:
            with_ids = with_ids.replace(f"<{name}>", known[name])
        return with_ids


@pytest.fixture(scope="module")
def things(house: Portal) -> Things:
    said = {"source": "calls", "department": "sales", "details": {"lead_id": LEAD}}
    call, other = recorded(house, [said, said])
    house.token()
    token = house.rows("SELECT id FROM token")[0]["id"]
    with house.app.app_context():
        officer, sender = of("officer"), of("uploader")
        note = notes.add(db.session, officer, call, Written("hm", 0, None, shared=True)).id
        asked = requested_deletion.ask(db.session, officer, [other], "why", timedelta(0)).id
        begun = {
            dialect: uploads.start(
                db.session, sender, NewUpload(dialect, "x", 10), Limits(HOUR)
            ).upload_id
            for dialect in {each for each in BEARER.values() if each}
        }
    ids = {"recording_id": call, "note_id": note, "token_id": token, "approval_id": asked}
    return Things(ids, begun)


class Stranger:
    """An auditor of the department of finance at the pages, and an uploader with a token."""

    def __init__(self, portal: Portal) -> None:
        self.portal = portal
        self.person = Person(portal, "auditor")
        with portal.app.app_context():
            accounts.set_scope(db.session, SYSTEM, self.person.email, ["department:finance"])
        token = portal.token("uploader", "upload", "read", "delete", leads=["*"])
        self.program = {"Authorization": f"Bearer {token}"}
        self.form = {
            "text": "a note",
            "days": "1",
            "csrf_token": csrf(self.person.get("/recordings").text),
        }

    def ask(self, rule: Rule, method: str, path: str) -> int:
        url, blueprint = self.portal.url + path, rule.endpoint.partition(".")[0]
        if blueprint in BEARER:
            headers = self.program | HEADERS.get(blueprint, {})
            return requests.request(method, url, headers=headers).status_code
        data = self.form if method == "POST" else None
        return self.person.session.request(method, url, data=data).status_code


def denials(portal: Portal) -> int:
    query = "SELECT count(*) AS many FROM audit_event WHERE action = 'authz.denied'"
    return int(portal.rows(query)[0]["many"])


def test_acceptance_22_beyond_the_reach_every_route_is_404_and_writes_an_event(
    house: Portal, things: Things
) -> None:
    stranger, wrong = Stranger(house), {}
    rules = [
        rule
        for rule in house.app.url_map.iter_rules()
        if rule.endpoint not in OPEN and rule.endpoint.partition(".")[0] not in BY_ROLE
    ]
    assert {name for rule in rules for name in rule.arguments} <= OBJECTS | NAMES
    for rule in rules:
        if not rule.arguments & OBJECTS:
            continue
        path = things.path(rule, BEARER.get(rule.endpoint.partition(".")[0]))
        for method in rule.methods - {"OPTIONS"}:
            before = denials(house)
            found = stranger.ask(rule, method, path), denials(house) - before
            if found[0] != 404 or not found[1]:
                wrong[rule.endpoint] = found
    assert {name: found for name, found in wrong.items() if name not in STILL_OPEN} == {}
    assert wrong.keys() == STILL_OPEN, "these are mended: take them out"
