"""Who answers for a legal case: its owner, chosen among those who may hold."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.core import audit
from portal.core.accounts import Caller
from portal.core.errors import InvalidRequest
from portal.core.holding import locked
from portal.core.models import LegalCase, User
from portal.core.roles import ROLE_MAY
from portal.core.transaction import release, writing

ROLES = [role for role, rights in ROLE_MAY.items() if "hold" in rights]


def candidates(session: Session, caller: Caller) -> Sequence[User]:
    """The accounts that may own a case, by address. Raises NotAllowed."""
    caller.must("hold")
    query = select(User).where(User.role.in_(ROLES), User.active.is_(True)).order_by(User.email)
    found = session.scalars(query).all()
    release(session)
    return found


def candidate(session: Session, caller: Caller, user_id: str) -> User:
    """One of them. Raises NotAllowed, InvalidRequest."""
    for user in candidates(session, caller):
        if user.id == user_id:
            return user
    raise InvalidRequest("Choose an owner who may place legal holds, and whose account is open.")


def give(session: Session, caller: Caller, case_id: str, user_id: str) -> LegalCase:
    """Another owner for a case that stands. Raises NotAllowed, NotFound, Conflict,
    InvalidRequest."""
    owner = candidate(session, caller, user_id)
    with writing(session):
        case = locked(session, case_id)
        if case.owner_id != owner.id:
            before, after = {"owner": case.owner_label}, {"owner": owner.email}
            case.owner_id, case.owner_label = owner.id, owner.email
            act = (caller.actor, "hold.given", ("case", case.id))
            audit.record(session, *act, name=case.name, before=before, after=after)
        return case
