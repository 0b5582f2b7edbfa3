"""What people add to a recording leads to it: words of shared notes, and marks of reviews."""

from __future__ import annotations

from dataclasses import replace

import pytest

from portal.core import finding, notes, reviews
from portal.core.accounts import Caller
from portal.core.errors import NotAllowed
from portal.core.models import Note
from portal.core.notes import Written
from portal.core.transaction import utc_now
from portal.core.wanted import Wanted
from tests.core.conftest import Site


@pytest.fixture
def reviewer(site: Site) -> Caller:
    return replace(site.caller, rights=frozenset({"list", "note"}))


def found(site: Site, caller: Caller, wanted: Wanted) -> list[str]:
    return [row.id for row in finding.page(site.session, caller, 10, wanted).rows]


def test_shared_notes_are_searched_for_those_who_may_read_notes(
    site: Site, reviewer: Caller
) -> None:
    call = site.recorded(b"x" * 10)
    notes.add(site.session, reviewer, call.id, Written("mine: reclamação", 0, None, shared=False))
    note = Written("Conceição war", 0, None, shared=True)
    added = notes.add(site.session, reviewer, call.id, note)
    assert found(site, reviewer, Wanted(words="reclam")) == []
    assert found(site, reviewer, Wanted(words="conceicao wa")) == [call.id]
    listener = replace(reviewer, rights=frozenset({"list"}))
    assert found(site, listener, Wanted(words="conceicao wa")) == []
    assert found(site, listener, Wanted(words=call.id)) == [call.id]
    assert found(site, listener, Wanted(words=f"{call.id} conceicao")) == []
    notes.change(site.session, reviewer, call.id, added.id, replace(note, text="conceicao, warsaw"))
    assert found(site, reviewer, Wanted(words="warsaw conceicao")) == [call.id]
    notes.remove(site.session, reviewer, call.id, added.id)
    assert found(site, reviewer, Wanted(words="warsaw")) == []


def test_the_last_of_many_long_notes_is_found_too(site: Site, reviewer: Caller) -> None:
    call = site.recorded(b"x" * 10).id
    with site.sessions() as session:
        for number in range(100):
            # Words without any repetition, each of several bytes: the most that there can be.
            text = "".join(
                f"{chr(0x4E00 + each)} " for each in range(number * 20, number * 20 + 2000)
            )
            row = Note(recording_id=call, user_id=reviewer.user_id, user_label=reviewer.label)
            row.text, row.start_ms, row.shared, row.created_at = text, 0, True, utc_now()
            session.add(row)
        session.commit()
    long = f"wolverine {'and so on ' * 300} capybara"
    notes.add(site.session, reviewer, call, Written(long, 0, None, shared=True))
    assert found(site, reviewer, Wanted(words="wolverine")) == [call]
    few = site.recorded(b"few").id
    for word in ("one", "two", "three", "last"):
        said = Written(f"{'word ' * 790} {word}", 0, None, shared=True)
        notes.add(site.session, reviewer, few, said)
        assert found(site, reviewer, Wanted(words=f"word {word}")) == [few]


def test_what_nobody_or_what_i_have_reviewed_is_a_filter(site: Site, reviewer: Caller) -> None:
    seen, unseen = site.recorded(b"seen").id, site.recorded(b"unseen").id
    reviews.mark(site.session, reviewer, seen, "fine")
    assert found(site, reviewer, Wanted(reviewed=False)) == [unseen]
    assert found(site, reviewer, Wanted(reviewed=True)) == [seen]
    assert found(site, reviewer, Wanted(outcome="fine")) == [seen]
    assert found(site, reviewer, Wanted(outcome="finding")) == []
    assert found(site, reviewer, Wanted(reviewed_by="somebody else", outcome="fine")) == []
    assert found(site, reviewer, Wanted(reviewed_by=reviewer.user_id)) == [seen]
    assert found(site, reviewer, Wanted(reviewed_by="somebody else")) == []
    listener = replace(reviewer, rights=frozenset({"list"}))
    for wanted in (Wanted(reviewed=False), Wanted(outcome="fine"), Wanted(noted=True)):
        with pytest.raises(NotAllowed):
            found(site, listener, wanted)


def test_a_private_note_is_none_for_the_filter(site: Site, reviewer: Caller) -> None:
    private, shared = site.recorded(b"private").id, site.recorded(b"shared").id
    for call, open_to_all in ((private, False), (shared, True)):
        note = Written("said", 0, None, shared=open_to_all)
        notes.add(site.session, reviewer, call, note)
    assert found(site, reviewer, Wanted(noted=True)) == [shared]
    assert found(site, reviewer, Wanted(noted=False)) == [private]


def test_words_that_look_like_numbers_and_endless_ones_are_words(
    site: Site, reviewer: Caller
) -> None:
    call = site.recorded(b"x" * 10)
    said = f"seen 5e10ab-92e9231514e2 {'x' * 3000}"
    notes.add(site.session, reviewer, call.id, Written(said, 0, None, shared=True))
    for words in ("5e10ab", "92e9231514e2", "5e10ab-92e", "seen xxx"):
        assert found(site, reviewer, Wanted(words=words)) == [call.id], words
