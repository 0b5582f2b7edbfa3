"""Notes on a recording's page: all of them can be reached, changed by hand, and found again."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

import pytest

from portal.core import accounts, audit, notes
from portal.core.audit import SYSTEM
from portal.core.models import User
from portal.core.notes import Written
from portal.core.transaction import release
from portal.db import db
from tests.conftest import Portal
from tests.web.browsing import Person
from tests.web.listing import recorded


@pytest.fixture
def call(house: Portal) -> str:
    return recorded(house, [{"duration_ms": 3_600_000}])[0]


def write(person: Person, call: str, texts: list[str]) -> None:
    """Notes of this person, a second after one another."""
    with person.portal.app.app_context():
        user = db.session.query(User).filter_by(email=person.email).one()
        release(db.session)
        caller = accounts.caller_for(user, SYSTEM)
        for second, each in enumerate(texts):
            notes.add(db.session, caller, call, Written(each, 1000 * second, None, shared=True))


def words(page: str) -> list[str]:
    return re.findall(r'<p class="words"[^>]*>([^<]*)</p>', page)


def following(person: Person, page: str) -> Iterator[str]:
    """This page, and those that its links lead to."""
    yield page
    while found := re.search(r'rel="next" href="([^"]+)"', page):
        page = person.get(html.unescape(found[1])).text
        yield page


def test_each_of_many_notes_is_reached_and_a_page_stays_small(house: Portal, call: str) -> None:
    reviewer, said = Person(house, "reviewer"), [f"note {number}" for number in range(120)]
    write(reviewer, call, said)
    first = reviewer.get(f"/recordings/{call}/tab?tab=notes").text
    pages = [words(each) for each in following(reviewer, first)]
    assert [each for page in pages for each in page] == said and len(pages) == 3
    assert len(first) < 80_000 and first.count("<textarea") == 1


def test_a_note_is_shown_where_it_was_written_and_changed(house: Portal, call: str) -> None:
    reviewer = Person(house, "reviewer")
    write(reviewer, call, [f"note {number}" for number in range(60)])
    page = reviewer.post(f"/recordings/{call}/notes", text="late", start="55", shared="on")
    assert words(page.text)[0] == "late"
    link = re.search(r'class="change" href="([^"]+)"', page.text)[1]
    form = reviewer.get(html.unescape(link)).text
    address = re.search(r'action="(/recordings/[^"]+/notes/[^"]+)"', form)[1]
    assert ">late</textarea>" in form and form.count("<textarea") == 2
    changed = reviewer.post(address, text="later", start="56.5", shared="on")
    assert words(changed.text)[0] == "later"


def test_a_note_keeps_its_milliseconds_when_its_words_are_changed(house: Portal, call: str) -> None:
    reviewer, mine = Person(house, "reviewer"), "SELECT * FROM note WHERE recording_id = ?"
    page = reviewer.post(f"/recordings/{call}/notes", text="a", start="1:02.5", end="1:02.75")
    link = re.search(r'class="change" href="([^"]+)"', page.text)[1]
    form = reviewer.get(html.unescape(link)).text.partition('<ol class="notes">')[2]
    told = dict(re.findall(r'name="(start|end)" value="([^"]*)"', form))
    address = re.search(r'action="(/recordings/[^"]+/notes/[^"]+)"', form)[1]
    assert reviewer.post(address, text="b", **told).ok
    [note] = house.rows(mine, call)
    assert (note["text"], note["start_ms"], note["end_ms"]) == ("b", 62_500, 62_750)


def test_a_note_is_plain_text_with_lines(house: Portal, call: str) -> None:
    reviewer = Person(house, "reviewer")
    for text in ("a\x1b[2J", "a\x7f", "a\x85b"):
        answer = reviewer.post(f"/recordings/{call}/notes", text=text, start="0")
        assert answer.status_code == 400, repr(text)
    page = reviewer.post(f"/recordings/{call}/notes", text="one\r\n\ttwo \u202eevil", start="0")
    assert words(page.text) == ["one\n two \ufffdevil"]
    assert page.text.count("\u202e") == 0


def test_a_note_is_changed_at_its_own_recording_alone(house: Portal, call: str) -> None:
    reviewer, other = Person(house, "reviewer"), recorded(house, [{}])[0]
    write(reviewer, call, ["mine"])
    [note] = house.rows("SELECT * FROM note WHERE recording_id = ?", call)
    for form in ({"text": "other", "start": "0"}, {"remove": "1"}):
        answer = reviewer.post(f"/recordings/{other}/notes/{note['id']}", **form)
        assert answer.status_code == 404
    assert house.rows("SELECT text FROM note WHERE id = ?", note["id"]) == [{"text": "mine"}]


def test_each_verification_is_reached(house: Portal, call: str) -> None:
    with house.app.app_context():
        for _ in range(70):
            audit.record_alone(db.session, SYSTEM, "integrity.verified", ("recording", call))
    person = Person(house, "auditor")
    first = person.get(f"/recordings/{call}?tab=integrity").text
    told = [page.count("Integrity confirmed") for page in following(person, first)]
    assert told == [50, 20]
