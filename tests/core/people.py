"""Accounts on the database as `portal run` opens it, one person of each role among them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import migrate
from portal.app import create_app
from portal.config import Settings
from portal.core import accounts
from portal.core.accounts import ROLE_MAY
from portal.core.audit import Actor
from portal.core.models import Token, User
from portal.db import db

PASSWORD = "correct horse battery staple"
VISITOR = Actor("visitor", None, "", ip="192.0.2.1", user_agent="pytest", request_id="r1")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """With one person of each role, called role@example.org."""
    data = tmp_path_factory.mktemp("accounts") / "data"
    made = create_app(Settings.from_env({"PORTAL_DATA_DIR": str(data)}))
    with made.app_context():
        migrate.upgrade(db.engine)
        for role in ROLE_MAY:
            accounts.create_user(db.session, f"{role}@example.org", role, PASSWORD, ["*"])
    return made


@pytest.fixture
def session(app: Flask) -> Iterator[Session]:
    with app.app_context():
        yield db.session
        db.session.rollback()


def user(session: Session, email: str) -> User:
    return session.scalars(select(User).where(User.email == email)).one()


def change(session: Session, thing: User | Token, **values: object) -> None:
    for name, value in values.items():
        setattr(thing, name, value)
    session.commit()
