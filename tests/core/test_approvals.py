"""Two people: what one asked for, exactly that, another one decides. Nobody decides their own."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from portal.core import accounts, approvals, deciding, deletion, holding, requested_deletion, tokens
from portal.core.accounts import Caller
from portal.core.audit import SYSTEM, Actor
from portal.core.errors import Conflict, Held, InvalidRequest, NotAllowed, NotFound
from portal.core.models import Approval, new_id
from portal.core.scopes import EVERYTHING
from portal.core.tokens import NewToken
from portal.core.transaction import utc_now, writing
from tests.core.conftest import Site
from tests.core.deleting import MISSING, NOT_KEPT, WEEK, WORDS, found, purge

BROWSER = Actor("visitor", None, "", ip="127.0.0.1")


def person(sessions: sessionmaker[Session], role: str) -> Caller:
    """Somebody new, signed in to the portal."""
    with sessions() as session:
        user = accounts.create_user(session, f"{new_id()}@example.org", role, "x" * 12, ["*"])
        return accounts.caller_for(user, BROWSER)


@pytest.fixture(scope="module")
def anna(sessions: sessionmaker[Session]) -> Caller:
    return person(sessions, "officer")


@pytest.fixture(scope="module")
def bert(sessions: sessionmaker[Session]) -> Caller:
    return person(sessions, "officer")


def requested(site: Site, who: Caller, *ids: str) -> Approval:
    return requested_deletion.ask(site.session, who, list(ids), "not ours", NOT_KEPT)


def test_looking_at_many_asks_the_database_no_oftener_than_at_one(site: Site, anna: Caller) -> None:
    ids = [site.recorded(WORDS).id for _ in range(12)]
    asked: list[str] = []

    def note(*said: object) -> None:
        asked.append(str(said[2]))

    event.listen(site.session.get_bind(), "before_cursor_execute", note)
    for some in (ids[:1], ids):
        requested_deletion.preview(site.session, anna, some, NOT_KEPT)
        asked.append("")
    event.remove(site.session.get_bind(), "before_cursor_execute", note)
    one = asked.index("")
    assert 0 < one == len(asked) - one - 2


def approve(site: Site, who: Caller, made: Approval, keep: timedelta = NOT_KEPT) -> Approval:
    return deciding.approve(site.session, who, made.id, made.sha256, keep)


def test_a_second_person_lets_exactly_what_was_asked_for_go(
    site: Site, anna: Caller, bert: Caller
) -> None:
    gone, kept = site.recorded(WORDS), site.recorded(WORDS)
    made = requested(site, anna, gone.id)
    assert found(site, gone.id).state == "ready"
    assert approve(site, bert, made).outcome == {"marked": [gone.id], "refused": []}
    purge(site, gone.id)
    tombstone = found(site, gone.id)
    assert (tombstone.state, tombstone.deletion_reason) == ("deleted", "not ours")
    assert tombstone.deleted_by == f"{anna.label} / {bert.label}"
    assert found(site, kept.id).state == "ready" and site.content(kept.key) == WORDS
    assert site.events(gone.id)[1:] == [
        "deletion.requested",
        "deletion.approved",
        "deletion.begun",
        "deletion.completed",
    ]
    assert site.events(made.id) == ["approval.requested", "approval.approved"]


def test_acceptance_16_nobody_approves_their_own_request_not_even_by_token(
    site: Site, anna: Caller
) -> None:
    recording = site.recorded(WORDS)
    made = requested(site, anna, recording.id)
    by_token = accounts.Caller(
        anna.user_id,
        anna.label,
        anna.role,
        anna.rights,
        Actor("token", anna.user_id, anna.label, new_id()),
        scope=EVERYTHING,
    )
    for who in (anna, by_token):
        with pytest.raises(NotAllowed, match="second person"):
            approve(site, who, made)
        with pytest.raises(NotAllowed, match="second person"):
            deciding.deny(site.session, who, made.id, "no")
    assert found(site, recording.id).state == "ready"
    assert site.events(made.id) == ["approval.requested", *["authz.denied"] * 4]


def test_nor_does_a_token_of_somebody_else(site: Site, anna: Caller, bert: Caller) -> None:
    made = requested(site, anna, site.recorded(WORDS).id)
    actor = Actor("token", bert.user_id, bert.label, new_id())
    token = accounts.Caller(bert.user_id, bert.label, bert.role, bert.rights, actor)
    with pytest.raises(NotAllowed, match="second person"):
        approve(site, token, made)


def test_the_database_itself_wants_two_people(site: Site, anna: Caller) -> None:
    made = requested(site, anna, site.recorded(WORDS).id)
    with pytest.raises(IntegrityError), writing(site.session):
        site.session.get_one(Approval, made.id).decided_by_id = anna.user_id


def test_only_roles_that_decide_know_of_the_request(
    site: Site, sessions: sessionmaker[Session], anna: Caller
) -> None:
    made = requested(site, anna, site.recorded(WORDS).id)
    for role in ("admin", "auditor", "uploader"):
        with pytest.raises(NotFound):
            approve(site, person(sessions, role), made)
    with pytest.raises(NotFound):
        approvals.find(site.session, anna, MISSING)


def test_what_is_approved_is_what_was_shown(site: Site, anna: Caller, bert: Caller) -> None:
    first, second = site.recorded(WORDS), site.recorded(WORDS)
    made = requested(site, anna, first.id)
    with pytest.raises(Conflict, match="not what you were shown"):
        deciding.approve(site.session, bert, made.id, "0" * 64, NOT_KEPT)
    with writing(site.session):  # somebody adds a recording behind the approver's back
        row = site.session.get_one(Approval, made.id)
        row.terms = {"recordings": [*row.terms["recordings"], [second.id, second.sha256]]}
    with pytest.raises(Conflict, match="not what you were shown"):
        approve(site, bert, made)
    assert found(site, first.id).state == found(site, second.id).state == "ready"


def test_a_hold_that_comes_in_between_wins(site: Site, anna: Caller, bert: Caller) -> None:
    held, free = site.recorded(WORDS), site.recorded(WORDS)
    made = requested(site, anna, held.id, free.id)
    holding.hold(site.session, SYSTEM, held.id, "lawsuit 12")
    outcome = approve(site, bert, made).outcome
    assert outcome is not None and outcome["marked"] == [free.id]
    assert [each[0] for each in outcome["refused"]] == [held.id]
    assert found(site, held.id).state == "ready" and found(site, free.id).state == "deleting"


def test_what_is_held_or_must_be_kept_is_not_even_asked_for(site: Site, anna: Caller) -> None:
    held, young = site.recorded(WORDS), site.recorded(WORDS)
    holding.hold(site.session, SYSTEM, held.id, "lawsuit 12")
    with pytest.raises(Held, match="legal hold"):
        requested(site, anna, held.id, young.id)
    with pytest.raises(Held, match="must be kept"):
        requested_deletion.ask(site.session, anna, [young.id], "because", WEEK)
    looked = requested_deletion.preview(site.session, anna, [held.id, young.id, MISSING], NOT_KEPT)
    assert looked.missing == 1 and [each.id for each in looked.going] == [young.id]
    assert looked.size == len(WORDS) and looked.oldest == found(site, young.id).received_at


def test_denied_withdrawn_and_expired_requests_are_over(
    site: Site, anna: Caller, bert: Caller
) -> None:
    recording = site.recorded(WORDS)
    denied, withdrawn, late = (requested(site, anna, recording.id) for _ in range(3))
    for reason in (" ", "still\0needed", "still\ud800needed", "x" * 2001):
        with pytest.raises(InvalidRequest):
            deciding.deny(site.session, bert, denied.id, reason)
    assert deciding.deny(site.session, bert, denied.id, "still needed").state == "denied"
    with pytest.raises(NotFound):
        approvals.withdraw(site.session, bert, withdrawn.id)
    assert approvals.withdraw(site.session, anna, withdrawn.id).state == "withdrawn"
    assert approvals.expire(site.session, utc_now()) == 0
    assert approvals.expire(site.session, utc_now() + approvals.LIFETIME) == 1
    for each in (denied, withdrawn, late):
        with pytest.raises(Conflict, match="over"):
            approve(site, bert, each)
    assert site.events(late.id)[-1] == "approval.expired"
    assert found(site, recording.id).state == "ready"


def test_of_two_who_decide_at_once_one_does(site: Site, anna: Caller, bert: Caller) -> None:
    made = requested(site, anna, site.recorded(WORDS).id)
    act = (bert, made.id, made.sha256, NOT_KEPT)
    outcomes = site.at_once(lambda session: deciding.approve(session, *act), 4)
    assert sum(isinstance(each, Approval) for each in outcomes) == 1
    assert site.events(made.id) == ["approval.requested", "approval.approved"]


def test_lists_show_what_waits_and_what_is_over(site: Site, anna: Caller, bert: Caller) -> None:
    recording = site.recorded(WORDS)
    made = [requested(site, anna, recording.id).id for _ in range(3)]
    deciding.deny(site.session, bert, made[0], "no")
    rows, more = approvals.page(site.session, bert, 1, waiting=True)
    assert [each.id for each in rows] == [made[2]] and more == made[2]
    rows, more = approvals.page(site.session, bert, 1, waiting=True, before=more)
    assert [each.id for each in rows] == [made[1]] and more is None
    assert [each.id for each in approvals.page(site.session, bert, 9, False)[0]] == made[:1]
    assert approvals.to_decide(site.session, bert) == 2
    assert approvals.to_decide(site.session, anna) == 0


def test_a_token_deletes_nothing_before_a_second_person_agrees(
    site: Site, sessions: sessionmaker[Session], anna: Caller, bert: Caller
) -> None:
    new = NewToken(["read", "delete"], label="clean up the test recordings")
    text = tokens.create_own(site.session, anna, new)
    recording = site.recorded(WORDS)
    before = tokens.caller_by_token(site.session, text, BROWSER)
    assert "list" in before.rights
    with pytest.raises(NotAllowed):
        deletion.ask(site.session, before, recording.id, "clean", NOT_KEPT)
    [made] = approvals.page(site.session, bert, 1, waiting=True)[0]
    assert made.terms["label"] == "clean up the test recordings"
    approve(site, person(sessions, "admin"), made)
    after = tokens.caller_by_token(site.session, text, BROWSER)
    assert deletion.ask(site.session, after, recording.id, "clean", NOT_KEPT).state == "deleting"
