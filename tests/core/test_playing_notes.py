"""Notes and the mark of who has reviewed what: whose they are, and who may read them."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import pytest
from sqlalchemy import select

from portal.core import accounts, finding, notes, reviews
from portal.core.accounts import Caller
from portal.core.audit import SYSTEM
from portal.core.errors import InvalidRequest, NotAllowed, NotFound
from portal.core.models import Recording
from portal.core.notes import Written
from portal.core.wanted import Wanted
from tests.core.conftest import Site

Person = Callable[..., Caller]


@pytest.fixture
def person(site: Site) -> Person:
    def make(role: str = "reviewer") -> Caller:
        with site.sessions() as session:
            email = f"{secrets.token_hex(4)}@example.org"
            user = accounts.create_user(session, email, role, "x" * 12, ["*"])
            return accounts.caller_for(user, SYSTEM)

    return make


@pytest.fixture
def call(site: Site) -> Recording:
    return site.recorded(b"x" * 10)


def test_a_shared_note_is_for_all_and_a_private_one_for_its_writer(
    site: Site, call: Recording, person: Person
) -> None:
    writer, reader = person(), person("auditor")
    notes.add(site.session, writer, call.id, Written("later", 9000, None, shared=True))
    notes.add(site.session, writer, call.id, Written("mine", 1000, 2000, shared=False))
    seen = {
        who: [note.text for note in notes.of_recording(site.session, caller, call.id)]
        for who, caller in {"writer": writer, "reader": reader, "sender": site.caller}.items()
    }
    assert seen == {"writer": ["mine", "later"], "reader": ["later"], "sender": []}


def test_a_note_is_changed_and_removed_by_its_writer_alone_and_each_act_is_logged(
    site: Site, call: Recording, person: Person
) -> None:
    writer, other = person(), person("officer")
    note = notes.add(site.session, writer, call.id, Written("first", 0, None, shared=True))
    again = Written("second", 0, 500, shared=True)
    with pytest.raises(NotFound):
        notes.change(site.session, other, call.id, note.id, again)
    with pytest.raises(NotFound):
        notes.remove(site.session, other, call.id, note.id)
    with pytest.raises(NotAllowed):
        notes.add(site.session, person("admin"), call.id, again)
    assert notes.change(site.session, writer, call.id, note.id, again).end_ms == 500
    notes.remove(site.session, writer, call.id, note.id)
    assert notes.of_recording(site.session, writer, call.id) == []
    acts = [each for each in site.events(call.id) if "note" in each]
    assert acts == [f"recording.note_{act}" for act in ("added", "changed", "removed")]


@pytest.mark.parametrize(
    ("text", "start", "end"), [("", 0, None), ("x" * 4001, 0, None), ("x", -1, None), ("x", 5, 5)]
)
def test_a_note_has_words_and_a_time(text: str, start: int, end: int | None) -> None:
    with pytest.raises(InvalidRequest):
        Written(text, start, end, shared=True)


def by_nobody(site: Site, reader: Caller) -> set[str]:
    page = finding.page(site.session, reader, 10, Wanted(reviewed=False))
    return {row.id for row in page.rows}


def test_nobody_elses_mark_counts_as_mine(site: Site, call: Recording, person: Person) -> None:
    first, second, unseen = person(), person(), site.recorded(b"y" * 10)
    assert by_nobody(site, first) == {call.id, unseen.id}
    reviews.mark(site.session, first, call.id, None)
    reviews.mark(site.session, first, call.id, "finding")
    [row] = reviews.of_recording(site.session, second, call.id)
    assert (row.user_label, row.outcome) == (first.label, "finding")
    assert by_nobody(site, second) == {unseen.id}
    by_second = select(Recording.id).where(Recording.id.in_(reviews.by(second.user_id)))
    assert site.session.scalars(by_second).all() == []
    reviews.unmark(site.session, second, call.id)
    assert len(reviews.of_recording(site.session, first, call.id)) == 1
    with pytest.raises(InvalidRequest):
        reviews.mark(site.session, first, call.id, "splendid")


def test_it_is_reviewed_until_the_last_mark_is_withdrawn(
    site: Site, call: Recording, person: Person
) -> None:
    first, second = person(), person()
    for each in (first, second):
        reviews.mark(site.session, each, call.id, None)
    reviews.unmark(site.session, first, call.id)
    assert by_nobody(site, first) == set()
    reviews.unmark(site.session, second, call.id)
    assert by_nobody(site, first) == {call.id}
