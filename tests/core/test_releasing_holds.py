"""Releasing legal holds: one asks, another approves, and exactly that is released."""

from __future__ import annotations

import pytest

from portal.core import approvals, deciding, holding, releasing
from portal.core.audit import SYSTEM
from portal.core.errors import Conflict, InvalidRequest, NotAllowed, NotFound
from portal.core.holding import Chosen
from portal.core.models import LegalHold
from portal.core.wanted import Wanted
from tests.core import cases
from tests.core.cases import ABOUT, approve, case_now, officer, place, standing
from tests.core.conftest import Site
from tests.core.deleting import MISSING, NOT_KEPT, WORDS, ask


def test_a_case_is_released_by_two_people_and_stays_on_record(site: Site) -> None:
    anna, bert = officer(site), officer(site)
    recording = site.recorded(WORDS)
    case = place(site, anna, recording)
    made = cases.ask(site, anna, case)
    with pytest.raises(NotAllowed, match="second person"):
        approve(site, anna, made)
    assert standing(site, case) == [recording.id]
    assert approve(site, bert, made).outcome == {"released": 1, "case": case.id}
    over = case_now(site, case)
    assert (over.released_by, over.approval_id) == (f"{anna.label} / {bert.label}", made.id)
    with site.sessions() as session:
        hold = session.get_one(LegalHold, (case.id, recording.id))
        assert (hold.released_by, hold.released_at) == (over.released_by, over.released_at)
    assert site.events(case.id) == ["hold.placed", "hold.release_requested", "hold.released"]
    assert site.events(recording.id)[-1] == "hold.released"
    assert ask(site, recording.id) == "deleting"


def test_single_recordings_are_released_and_the_others_stay_held(site: Site) -> None:
    anna, bert = officer(site), officer(site)
    gone, kept = site.recorded(WORDS), site.recorded(WORDS)
    case = place(site, anna, gone, kept)
    approve(site, bert, cases.ask(site, anna, case, gone.id))
    assert standing(site, case) == [kept.id] and case_now(site, case).released_at is None
    with pytest.raises(Conflict, match="released from this case"):
        holding.add(site.session, anna, case.id, Chosen([gone.id]))
    approve(site, bert, cases.ask(site, anna, case, kept.id))
    assert case_now(site, case).released_at is not None, "it went with its last recording"


def test_what_came_in_after_the_request_stays_held(site: Site) -> None:
    anna, bert = officer(site), officer(site)
    first, later = site.recorded(WORDS), site.recorded(WORDS)
    chosen = Chosen(wanted=Wanted(words=first.id), future=True)
    case = holding.place(site.session, anna, ABOUT, chosen)
    holding.add(site.session, anna, case.id, Chosen([first.id]))
    made = cases.ask(site, anna, case)
    holding.add(site.session, bert, case.id, Chosen([later.id]))
    approve(site, bert, made)
    assert standing(site, case) == [later.id]
    now = case_now(site, case)
    assert now.released_at is None and not now.future, "but it takes no more in"


def test_of_two_requests_for_the_same_the_second_is_told(site: Site) -> None:
    anna, bert = officer(site), officer(site)
    one, other = site.recorded(WORDS), site.recorded(WORDS)
    case = place(site, anna, one, other)
    whole, single = cases.ask(site, anna, case), cases.ask(site, anna, case, one.id)
    approve(site, bert, single)
    with pytest.raises(Conflict, match="changed meanwhile"):
        approve(site, bert, whole)
    assert standing(site, case) == [other.id]
    assert approvals.find(site.session, bert, whole.id).state == approvals.OPEN
    with pytest.raises(Conflict, match="changed meanwhile"):
        cases.ask(site, anna, case, one.id)


def test_a_denied_release_changes_nothing(site: Site) -> None:
    anna, bert = officer(site), officer(site)
    recording = site.recorded(WORDS)
    case = place(site, anna, recording)
    deciding.deny(site.session, bert, cases.ask(site, anna, case).id, "the claim goes on")
    assert standing(site, case) == [recording.id]


def test_an_administrator_neither_asks_nor_approves(site: Site) -> None:
    anna, admin = officer(site), officer(site, "admin")
    case = place(site, anna, site.recorded(WORDS))
    with pytest.raises(NotAllowed):
        cases.ask(site, admin, case)
    with pytest.raises(NotFound):
        approve(site, admin, cases.ask(site, anna, case))


def test_what_cannot_be_released_is_refused(site: Site) -> None:
    anna, bert = officer(site), officer(site)
    case = place(site, anna, site.recorded(WORDS))
    with pytest.raises(Conflict):
        cases.ask(site, anna, case, MISSING)
    with pytest.raises(InvalidRequest, match="at most"):
        cases.ask(site, anna, case, *(str(each) for each in range(holding.MOST + 1)))
    with pytest.raises(InvalidRequest, match="Say why"):
        releasing.ask(site.session, anna, case.id, [], " ")
    with pytest.raises(NotFound):
        releasing.ask(site.session, anna, MISSING, [], "settled")
    approve(site, bert, cases.ask(site, anna, case))
    for act in (
        lambda: cases.ask(site, anna, case),
        lambda: holding.add(site.session, anna, case.id, Chosen([MISSING])),
        lambda: holding.review(site.session, anna, case.id, None),
    ):
        with pytest.raises(Conflict, match="released"):
            act()


def test_the_operator_releases_a_recording_in_every_case(site: Site) -> None:
    anna, one, other = officer(site), site.recorded(WORDS), site.recorded(WORDS)
    case = place(site, anna, one, other)
    single = holding.hold(site.session, SYSTEM, one.id, "lawsuit 12")
    assert releasing.end_holds(site.session, SYSTEM, one.id) == 2
    assert standing(site, case) == [other.id] and case_now(site, case).released_at is None
    assert case_now(site, single).released_at is not None
    assert ask(site, one.id) == "deleting"


def test_an_added_recording_and_a_release_at_once_leave_nothing_held_by_a_case_that_is_over(
    site: Site,
) -> None:
    anna, bert = officer(site), officer(site)
    case = place(site, anna, site.recorded(WORDS))
    made, more = cases.ask(site, anna, case), [site.recorded(WORDS).id for _ in range(3)]
    acts = iter(
        [
            lambda session: deciding.approve(session, bert, made.id, made.sha256, NOT_KEPT),
            *(lambda session, id=each: _add(session, anna, case, id) for each in more),
        ]
    )
    site.at_once(lambda session: next(acts)(session), 4)
    assert (case_now(site, case).released_at is None) == bool(standing(site, case))


def _add(session, anna, case, recording_id):  # type: ignore[no-untyped-def]
    return holding.add(session, anna, case.id, Chosen([recording_id]))
