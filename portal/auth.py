"""Who is calling: a bearer token or a signed-in person, as the core's Caller.

Routes are closed by default: `OPEN` lists the few that are not.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import cast

from flask import Response, g, request
from flask_login import LoginManager, UserMixin, current_user

from portal.bearer import bearer
from portal.core.accounts import Caller, caller_for
from portal.core.audit import Actor
from portal.core.models import User
from portal.core.transaction import release
from portal.db import db

login_manager = LoginManager()
login_manager.login_view = "login.login"
login_manager.login_message = None  # the sign-in page speaks for itself
login_manager.session_protection = None  # it would bind the cookie to an IP, and phones roam


class SignedIn(UserMixin):
    """Flask-Login's view of a user: the cookie holds the id and the epoch it was made in."""

    def __init__(self, user: User) -> None:
        self.user = user

    def get_id(self) -> str:
        return f"{self.user.id}:{self.user.login_epoch}"


@login_manager.user_loader
def load_user(text: str) -> SignedIn | None:
    """The user of a cookie, unless disabled or signed out everywhere since: one SELECT."""
    user_id, _, epoch = text.partition(":")
    user = db.session.get(User, user_id)
    release(db.session)
    if user is None or not user.active or str(user.login_epoch) != epoch:
        return None
    return SignedIn(user)


def visitor() -> Actor:
    """The current request's sender before we know who that is."""
    return Actor(
        type="visitor",
        id=None,
        label="",
        ip=request.remote_addr,
        user_agent=request.headers.get("User-Agent"),
        request_id=request_id(),
    )


def request_id() -> str:
    if "request_id" not in g:
        g.request_id = uuid.uuid4().hex
    return str(g.request_id)


OPEN = {
    "static",
    "health.health",
    "health.api_health",
    "login.login",
    "language.choose",
    "tus.options",
    "resumable.options",
    "openapi.document",
    "openapi.browse",
}
"""The endpoints that need no account. Every other one is closed."""

BEARER = {
    "tus": "tus",
    "videos": "tus",
    "chunks": "chunks",
    "sessions": "sessions",
    "calls": "calls",
    "resumable": "resumable",
    "api_recordings": None,
}
"""The blueprints whose callers are programs with a token, and the dialect whose uploads each may
reach; elsewhere people sign in."""


def require_caller() -> Response | None:
    """Runs before every request: nothing is reached by nobody."""
    if request.endpoint is None or request.endpoint in OPEN:
        return None
    if request.blueprint in BEARER:
        g.caller = replace(bearer(visitor()), dialect=BEARER[request.blueprint])
    elif current_user.is_authenticated:
        g.caller = caller_for(current_user.user, visitor())
    else:
        return cast(Response, login_manager.unauthorized())
    return None


def caller() -> Caller:
    """Whoever sends the current request, which `require_caller` has let in."""
    return cast(Caller, g.caller)


def forget_caller() -> None:
    """For the page that tells that the database is away: it cannot be asked who this is."""
    g._login_user = login_manager.anonymous_user()


def may(right: str) -> bool:
    """For the pages: whether to show what needs this right. Error pages have no caller of their
    own where no route matched, so this asks who is signed in."""
    if not current_user.is_authenticated:
        return False
    return right in caller_for(current_user.user, visitor()).rights


def add_request_id(response: Response) -> Response:
    response.headers["X-Request-ID"] = request_id()
    return response
