"""Legal cases as tests place and release them, with two officers."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from portal.core import accounts, deciding, holding, releasing
from portal.core.accounts import Caller
from portal.core.audit import Actor
from portal.core.holding import Chosen, NewCase
from portal.core.models import Approval, LegalCase, LegalHold, Recording, new_id
from tests.core.conftest import Site
from tests.core.deleting import NOT_KEPT

BROWSER = Actor("visitor", None, "", ip="127.0.0.1")
ABOUT = NewCase("Smith against Jones", "A claim for damages.", "12/2026")


def officer(site: Site, role: str = "officer") -> Caller:
    """Somebody new, signed in to the portal."""
    with site.sessions() as session:
        user = accounts.create_user(session, f"{new_id()}@example.org", role, "x" * 12, ["*"])
        return accounts.caller_for(user, BROWSER)


def place(site: Site, who: Caller, *held: Recording) -> LegalCase:
    return holding.place(site.session, who, ABOUT, Chosen([each.id for each in held]))


def ask(site: Site, who: Caller, case: LegalCase, *ids: str) -> Approval:
    return releasing.ask(site.session, who, case.id, ids, "the claim was settled")


def approve(site: Site, who: Caller, made: Approval) -> Approval:
    return deciding.approve(site.session, who, made.id, made.sha256, NOT_KEPT)


def standing(site: Site, case: LegalCase) -> Sequence[str]:
    """The ids that a case holds right now, sorted."""
    with site.sessions() as session:
        query = select(LegalHold.recording_id).where(LegalHold.case_id == case.id)
        return sorted(session.scalars(query.where(LegalHold.released_at.is_(None))))


def case_now(site: Site, case: LegalCase) -> LegalCase:
    with site.sessions() as session:
        return session.get_one(LegalCase, case.id)
