"""Several people write on one recording at the same time: nobody's words are lost."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy.orm import Session

from portal.core import finding, notes, reviews, tagging
from portal.core.accounts import Caller
from portal.core.models import Note, Review
from portal.core.notes import Written
from portal.core.roles import ROLE_MAY
from portal.core.scopes import EVERYTHING
from portal.core.wanted import Wanted
from tests.core.conftest import Site, at_once

WORDS = [f"word{number}" for number in range(4)]


@pytest.fixture
def officer(site: Site) -> Caller:
    return replace(site.caller, role="officer", rights=ROLE_MAY["officer"], scope=EVERYTHING)


def found(site: Site, caller: Caller, words: str) -> list[str]:
    return [row.id for row in finding.page(site.session, caller, 10, Wanted(words=words)).rows]


def test_notes_and_tags_of_one_moment_are_all_kept_and_all_found(
    site: Site, officer: Caller
) -> None:
    call = site.recorded(b"x").id

    def in_a_session(act: Callable[[Session], object]) -> Callable[[], object]:
        def run() -> object:
            with site.sessions() as session:
                return act(session)

        return run

    def note(word: str) -> Callable[[Session], object]:
        written = Written(word, 0, None, shared=True)
        return lambda session: notes.add(session, officer, call, written)

    def tag(word: str) -> Callable[[Session], object]:
        return lambda session: tagging.add_tag(session, officer, call, f"tag{word}")

    acts = [make(word) for word in WORDS for make in (note, tag)]
    outcomes = at_once([in_a_session(act) for act in acts])
    assert [each for each in outcomes if not isinstance(each, Note | list)] == []
    assert [each for each in WORDS if found(site, officer, each) != [call]] == []
    assert found(site, officer, " ".join(f"tag{each}" for each in WORDS)) == [call]


def test_a_double_click_on_reviewed_is_one_review(site: Site, officer: Caller) -> None:
    call = site.recorded(b"x").id
    start = threading.Barrier(8)

    def click(session: Session) -> Review:
        start.wait()
        return reviews.mark(session, officer, call, "fine")

    outcomes = site.at_once(click, 8)
    assert [each for each in outcomes if not isinstance(each, Review)] == []
    assert [row.outcome for row in reviews.of_recording(site.session, officer, call)] == ["fine"]
    gone = site.at_once(lambda session: reviews.unmark(session, officer, call), 8)
    assert gone == [None] * 8
    assert reviews.of_recording(site.session, officer, call) == []
    assert site.events(call).count("recording.review_withdrawn") == 1
