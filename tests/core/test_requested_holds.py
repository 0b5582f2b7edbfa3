"""Legal holds on request: an auditor asks, an officer places exactly that, and both are named."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from sqlalchemy import select

from portal.core import accounts, approvals, deciding, requested_hold
from portal.core.accounts import Caller
from portal.core.errors import Conflict, Held, InvalidRequest, NotAllowed, NotFound
from portal.core.models import Approval, LegalCase, LegalHold, Recording, User, new_id
from portal.core.transaction import utc_now
from tests.core.cases import BROWSER, approve, officer, standing
from tests.core.conftest import Site
from tests.core.deleting import MISSING, NOT_KEPT, WORDS, ask, purge

NAME, WHY = "Smith against Jones", "The court asked for the calls."


def requested(site: Site, who: Caller, *recordings: Recording) -> Approval:
    return requested_hold.ask(site.session, who, [each.id for each in recordings], NAME, WHY)


def cases_of(site: Site, recording: Recording) -> Sequence[LegalCase]:
    with site.sessions() as session:
        query = select(LegalCase).join(LegalHold, LegalHold.case_id == LegalCase.id)
        return session.scalars(query.where(LegalHold.recording_id == recording.id)).all()


def test_an_officer_places_what_an_auditor_asked_for(site: Site) -> None:
    anna, olga = officer(site, "auditor"), officer(site)
    one, other = site.recorded(WORDS), site.recorded(WORDS)
    made = requested(site, anna, one)
    assert cases_of(site, one) == [], "asking holds nothing"
    approved = approve(site, olga, made)
    [case] = cases_of(site, one)
    assert approved.outcome == {"held": 1, "case": case.id}
    assert standing(site, case) == [one.id] and cases_of(site, other) == []
    assert (case.name, case.reason) == (NAME, WHY)
    assert (case.owner_id, case.owner_label) == (olga.user_id, olga.label)
    assert case.placed_by == f"{anna.label} / {olga.label}"
    assert site.events(one.id)[-2:] == ["hold.requested", "hold.placed"]
    assert site.events(made.id) == ["approval.requested", "approval.approved"]
    with pytest.raises(Held):
        ask(site, one.id)


def test_nobody_but_an_officer_decides_and_never_the_asker(site: Site) -> None:
    anna = officer(site, "auditor")
    one = site.recorded(WORDS)
    made = requested(site, anna, one)
    with pytest.raises(NotAllowed, match="second person"):
        approve(site, anna, made)
    for role in ("admin", "auditor", "reviewer", "source_owner"):
        with pytest.raises(NotFound):
            approve(site, officer(site, role), made)
    with site.sessions() as session:
        accounts.set_role(session, BROWSER, anna.label, "officer")
        promoted = accounts.caller_for(session.get_one(User, anna.user_id), BROWSER)
    with pytest.raises(NotAllowed, match="second person"):
        approve(site, promoted, made)
    assert cases_of(site, one) == []


def test_a_request_may_be_denied_taken_back_and_expires(site: Site) -> None:
    anna, olga = officer(site, "auditor"), officer(site)
    one = site.recorded(WORDS)
    denied, back, late = (requested(site, anna, one) for _ in range(3))
    deciding.deny(site.session, olga, denied.id, "another case holds it")
    approvals.withdraw(site.session, anna, back.id)
    assert approvals.expire(site.session, utc_now() + approvals.LIFETIME) == 1
    for each in (denied, back, late):
        with pytest.raises(Conflict):
            approve(site, olga, each)
    assert cases_of(site, one) == []


def test_an_auditor_asks_for_what_the_scope_reaches_and_nothing_else(site: Site) -> None:
    with site.sessions() as session:
        scope = ["department:finance"]
        user = accounts.create_user(session, f"{new_id()}@example.org", "auditor", "x" * 12, scope)
        anna = accounts.caller_for(user, BROWSER)
    with pytest.raises(Held, match="nothing to hold"):
        requested(site, anna, site.recorded(WORDS))


@pytest.mark.parametrize("role", ["admin", "officer", "reviewer", "source_owner", "uploader"])
def test_other_roles_do_not_ask(site: Site, role: str) -> None:
    with pytest.raises(NotAllowed):
        requested(site, officer(site, role), site.recorded(WORDS))


def test_what_is_missing_is_refused_and_writes_nothing(site: Site) -> None:
    anna, olga, one = officer(site, "auditor"), officer(site), site.recorded(WORDS)
    for ids, name, reason in (
        ([one.id], " ", WHY),
        ([one.id], "x" * 256, WHY),
        ([one.id], NAME, "\n"),
        ([], NAME, WHY),
        ([new_id() for _ in range(1001)], NAME, WHY),
    ):
        with pytest.raises(InvalidRequest):
            requested_hold.ask(site.session, anna, ids, name, reason)
    with pytest.raises(Held):
        requested_hold.ask(site.session, anna, [MISSING], NAME, WHY)
    assert approvals.page(site.session, olga, 9, waiting=True)[0] == []


def test_what_was_deleted_meanwhile_is_left_out_and_the_rest_is_held(site: Site) -> None:
    anna, olga = officer(site, "auditor"), officer(site)
    gone, kept = site.recorded(WORDS), site.recorded(WORDS)
    both, alone = requested(site, anna, gone, kept), requested(site, anna, gone)
    ask(site, gone.id)
    purge(site, gone.id)
    approve(site, olga, both)
    [case] = cases_of(site, kept)
    assert standing(site, case) == [kept.id]
    with pytest.raises(Held, match="nothing to hold"):
        approve(site, olga, alone)
    assert approvals.find(site.session, olga, alone.id).state == approvals.OPEN


def test_two_officers_at_once_place_one_case(site: Site) -> None:
    anna, one = officer(site, "auditor"), site.recorded(WORDS)
    made = requested(site, anna, one)
    both = iter([officer(site), officer(site)])
    site.at_once(
        lambda session: deciding.approve(session, next(both), made.id, made.sha256, NOT_KEPT), 2
    )
    assert len(cases_of(site, one)) == 1
