"""A page that is left open asks for news by itself; that keeps nobody signed in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from playwright.sync_api import Page
from sqlalchemy import select, update

from portal.core.models import LoginSession
from portal.core.transaction import utc_now
from portal.db import db
from tests.conftest import Portal


def seen_at(portal: Portal, earlier: timedelta | None = None) -> datetime:
    """When the newest session was last used; first moved to so long ago."""
    with portal.app.app_context():
        newest = select(LoginSession.id).order_by(LoginSession.created_at.desc()).limit(1)
        mine = LoginSession.id == newest.scalar_subquery()
        if earlier is not None:
            db.session.execute(update(LoginSession).where(mine).values(seen_at=utc_now() - earlier))
            db.session.commit()
        return db.session.scalars(select(LoginSession.seen_at).where(mine)).one()


@pytest.mark.parametrize(("path", "ask"), [("/recordings", "look()"), ("/uploads", "refresh()")])
def test_what_a_page_asks_by_itself_is_no_use_of_the_session(
    open_page: Callable[..., Page], portal: Portal, path: str, ask: str
) -> None:
    page = open_page("officer")
    page.goto(path)
    left = seen_at(portal, timedelta(minutes=3))
    with page.expect_response("**" + path + "**") as answer:
        page.evaluate(ask)
    assert answer.value.ok and seen_at(portal) == left
    page.reload()
    assert seen_at(portal) > left
