"""Legal cases: of recordings that are named, and of whatever filters find, now and later."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from portal.core import accounts, cases, holding, notes, owning, tagging
from portal.core.accounts import Caller
from portal.core.audit import SYSTEM
from portal.core.errors import Held, InvalidRequest, NotAllowed, NotFound
from portal.core.holding import Chosen, NewCase
from portal.core.kept_filters import read, written
from portal.core.models import Recording
from portal.core.notes import Written
from portal.core.transaction import writing
from portal.core.wanted import Wanted
from tests.core.cases import ABOUT, case_now, officer, place, standing
from tests.core.conftest import Site, at_once
from tests.core.deleting import MISSING, WORDS, ask, found, purge

SALES = Wanted(department="sales")


def of_sales(site: Site, count: int) -> list[str]:
    made = [site.recorded(WORDS).id for _ in range(count)]
    with writing(site.session):
        for each in made:
            site.session.get_one(Recording, each).department = "sales"
    return made


def by_filters(wanted: Wanted, future: bool = False) -> Chosen:
    return Chosen(wanted=wanted, filters={"department": ["sales"]}, future=future)


def test_a_case_holds_what_is_named_and_tells_it(site: Site) -> None:
    anna, one, other = officer(site), site.recorded(WORDS), site.recorded(WORDS)
    about = replace(ABOUT, review_on=date(2027, 1, 31))
    case = holding.place(site.session, anna, about, Chosen([one.id, one.id]))
    assert standing(site, case) == [one.id]
    assert (case.name, case.number, case.owner_label) == (ABOUT.name, "12/2026", anna.label)
    assert case.review_on == date(2027, 1, 31) and not case.future
    with pytest.raises(Held, match="legal hold"):
        ask(site, one.id)
    assert ask(site, other.id) == "deleting"
    assert site.events(one.id)[-1] == site.events(case.id)[-1] == "hold.placed"
    assert cases.tallies(site.session, [case])[case.id] == cases.Tally(1, len(WORDS))
    [(hold, of_case)] = cases.of_recording(site.session, anna, one.id)
    assert (hold.reason, of_case.id) == (ABOUT.reason, case.id)


def test_filters_hold_all_that_they_find_and_nothing_else(site: Site) -> None:
    anna, sales, other = officer(site), of_sales(site, 3), site.recorded(WORDS)
    looked = holding.preview(site.session, anna, by_filters(SALES))
    oldest = min(found(site, each).received_at for each in sales)
    assert (looked.count, looked.size, looked.oldest) == (3, 3 * len(WORDS), oldest)
    case = holding.place(site.session, anna, ABOUT, by_filters(SALES))
    assert standing(site, case) == sorted(sales) and ask(site, other.id) == "deleting"
    assert case.query is not None and case.query["filters"] == {"department": ["sales"]}
    later = of_sales(site, 1)
    assert holding.catch_up(site.session) == 0
    assert ask(site, later[0]) == "deleting"


def test_more_than_a_thousand_are_held_at_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the limit of events lowered: the case's own event has all of them."""
    monkeypatch.setattr(cases, "TOLD", 2)
    anna, sales = officer(site), of_sales(site, 3)
    case = holding.place(site.session, anna, ABOUT, by_filters(SALES))
    assert standing(site, case) == sorted(sales)
    assert site.events(case.id) == ["hold.placed"]
    assert [site.events(each) for each in sales] == [["upload.created"]] * 3


def test_a_case_takes_in_what_comes_to_match(site: Site) -> None:
    anna = officer(site)
    case = holding.place(site.session, anna, ABOUT, by_filters(SALES, future=True))
    assert standing(site, case) == [] and case.future
    moved, stays = site.recorded(WORDS).id, site.recorded(WORDS).id
    tagging.set_department(site.session, anna, moved, "Sales")
    assert standing(site, case) == [moved]
    tagging.set_department(site.session, anna, moved, None)  # once in a case, always in it
    tagging.set_department(site.session, anna, stays, "support")
    assert standing(site, case) == [moved]
    assert site.events(moved).count("hold.item_added") == 1


def test_a_case_takes_in_what_is_tagged_uploaded_or_found_by_its_words(
    site: Site, call: bytes
) -> None:
    anna = officer(site)
    tagged, uploaded, said = (
        holding.place(site.session, anna, ABOUT, by_filters(wanted, future=True))
        for wanted in (Wanted(tag="urgent"), Wanted(kind="audio"), Wanted(words="extortion"))
    )
    one = site.recorded(WORDS).id
    tagging.add_tag(site.session, anna, one, "urgent")
    assert standing(site, tagged) == [one]
    upload_id = site.received(call)
    site.assemble(upload_id)
    assert standing(site, uploaded) == [upload_id]
    notes.add(site.session, anna, one, Written("This is extortion!", 0, None, True))
    assert holding.catch_up(site.session) == 1 and standing(site, said) == [one]
    assert holding.catch_up(site.session) == 0


def test_what_waits_for_its_deletion_goes_back_when_a_case_takes_it(site: Site) -> None:
    anna, sales = officer(site), of_sales(site, 2)
    for each in sales:
        ask(site, each)
    case = holding.place(
        site.session, anna, ABOUT, by_filters(replace(SALES, state="deleting"), future=True)
    )
    assert [found(site, each).state for each in sales] == ["ready"] * 2
    assert standing(site, case) == sorted(sales)
    for each in sales:
        purge(site, each)
        assert site.content(found(site, each).key) == WORDS


def test_what_is_gone_is_not_held(site: Site) -> None:
    anna, gone, there = officer(site), site.recorded(WORDS), site.recorded(WORDS)
    ask(site, gone.id)
    purge(site, gone.id)
    looked = holding.preview(site.session, anna, Chosen([gone.id, there.id, MISSING]))
    assert (looked.count, looked.missing) == (1, 2)
    assert standing(site, place(site, anna, gone, there)) == [there.id]
    for chosen in (Chosen([gone.id]), by_filters(Wanted(state="deleted"))):
        with pytest.raises(Held, match="nothing to hold"):
            holding.place(site.session, anna, ABOUT, chosen)
    assert cases.page(site.session, anna, 9, released=False)[0][1:] == []


def test_items_are_added_by_one_person(site: Site) -> None:
    anna, bert = officer(site), officer(site)
    first, second = site.recorded(WORDS), site.recorded(WORDS)
    case = place(site, anna, first)
    assert holding.add(site.session, bert, case.id, Chosen([first.id, second.id])) == 1
    assert holding.add(site.session, bert, case.id, Chosen([second.id])) == 0
    assert standing(site, case) == sorted([first.id, second.id])
    assert site.events(case.id) == ["hold.placed", "hold.item_added"]
    rows, older = cases.items(site.session, bert, case.id, 1)
    assert [row[1].id for row in rows] == [second.id] and older == second.id
    rows, older = cases.items(site.session, bert, case.id, 1, older)
    assert [row[1].id for row in rows] == [first.id] and older is None


def test_a_review_sets_the_next_day(site: Site) -> None:
    anna = officer(site)
    case = place(site, anna, site.recorded(WORDS))
    holding.review(site.session, anna, case.id, date(2027, 6, 30))
    assert case_now(site, case).review_on == date(2027, 6, 30)
    assert [each.action for each in cases.events(site.session, anna, case.id)] == [
        "hold.reviewed",
        "hold.placed",
    ]


def test_the_owner_is_chosen_among_those_who_may_hold_and_changes_later(site: Site) -> None:
    anna, bob, carla = officer(site), officer(site), officer(site)
    users = {each.id: each for each in owning.candidates(site.session, anna)}
    assert {anna.user_id, bob.user_id, carla.user_id} <= users.keys()
    about = replace(ABOUT, owner=users[bob.user_id])
    case = holding.place(site.session, anna, about, Chosen([site.recorded(WORDS).id]))
    assert (case.owner_id, case.owner_label) == (bob.user_id, bob.label)
    assert case.placed_by == anna.label
    for _ in range(2):
        owning.give(site.session, anna, case.id, carla.user_id)
    assert case_now(site, case).owner_label == carla.label
    given, _ = cases.events(site.session, anna, case.id)
    assert given.action == "hold.given", "once: the second time nothing changed"
    told = (given.details["before"], given.details["after"])
    assert told == ({"owner": bob.label}, {"owner": carla.label})


@pytest.mark.parametrize("role", ["admin", "auditor", "reviewer", "uploader"])
def test_whoever_may_not_hold_owns_no_case(site: Site, role: str) -> None:
    anna, other = officer(site), officer(site, role)
    case = place(site, anna, site.recorded(WORDS))
    with pytest.raises(InvalidRequest, match="may place legal holds"):
        owning.give(site.session, anna, case.id, other.user_id)
    with pytest.raises(NotAllowed):
        owning.give(site.session, other, case.id, anna.user_id)
    assert case_now(site, case).owner_id == anna.user_id


def test_a_closed_account_owns_no_further_case(site: Site) -> None:
    anna, gone = officer(site), officer(site)
    accounts.disable(site.session, SYSTEM, gone.label)
    case = place(site, anna, site.recorded(WORDS))
    with pytest.raises(InvalidRequest):
        owning.give(site.session, anna, case.id, gone.user_id)


@pytest.mark.parametrize("role", ["admin", "auditor", "reviewer", "source_owner", "uploader"])
def test_only_officers_hold(site: Site, role: str) -> None:
    case = place(site, officer(site), site.recorded(WORDS))
    who, chosen = officer(site, role), Chosen([site.recorded(WORDS).id])
    for act in (
        lambda: holding.place(site.session, who, ABOUT, chosen),
        lambda: holding.add(site.session, who, case.id, chosen),
        lambda: holding.preview(site.session, who, chosen),
        lambda: holding.review(site.session, who, case.id, None),
        lambda: cases.page(site.session, who, 9, released=False),
        lambda: cases.find(site.session, who, case.id),
        lambda: cases.items(site.session, who, case.id, 9),
        lambda: cases.events(site.session, who, case.id),
    ):
        with pytest.raises(NotAllowed):
            act()


@pytest.mark.parametrize(
    "about",
    [
        replace(ABOUT, name=" "),
        replace(ABOUT, name="x" * 256),
        replace(ABOUT, reason=" "),
        replace(ABOUT, number="7" * 101),
    ],
)
def test_a_case_needs_a_name_and_a_reason(site: Site, about: NewCase) -> None:
    with pytest.raises(InvalidRequest):
        holding.place(site.session, officer(site), about, Chosen([site.recorded(WORDS).id]))


def test_no_recording_too_many_and_no_such_case(site: Site) -> None:
    anna = officer(site)
    for ids in ([], [str(each) for each in range(holding.MOST + 1)]):
        with pytest.raises(InvalidRequest, match="Choose 1 to 1000"):
            holding.place(site.session, anna, ABOUT, Chosen(ids))
    with pytest.raises(NotFound):
        holding.add(site.session, anna, MISSING, Chosen([MISSING]))
    with pytest.raises(NotFound):
        cases.find(site.session, anna, MISSING)


def test_filters_are_kept_as_they_were(site: Site) -> None:
    asked = Wanted(
        tag="urgent",
        held=False,
        words="ação",
        smallest=0,
        details={"machine": "PC-17"},
        hours=frozenset(range(22, 30)),
        due_before=datetime(2027, 3, 1, tzinfo=UTC),
        received_from=datetime(2026, 3, 1, tzinfo=UTC),
        received_to=datetime(2026, 3, 1, tzinfo=UTC) + timedelta(days=1),
    )
    for each in (asked, Wanted()):
        assert read(json.loads(json.dumps(written(each)))) == each


def test_no_purge_slips_past_a_case_that_is_placed_meanwhile(site: Site) -> None:
    """Either it is held and all there, or it is gone and in no case."""
    anna = officer(site)
    for _ in range(6):
        recording = site.recorded(WORDS)
        ask(site, recording.id)
        outcomes = _at_once(site, anna, recording)
        held = not any(isinstance(each, Held) for each in outcomes)
        assert found(site, recording.id).state == ("ready" if held else "deleted"), outcomes
        assert site.keys().count(recording.key) == (1 if held else 0)


def _at_once(site: Site, anna: Caller, recording: Recording) -> list[object]:
    def hold() -> object:
        with site.sessions() as session:
            return holding.place(session, anna, ABOUT, Chosen([recording.id]))

    return at_once([hold, lambda: purge(site, recording.id)])
