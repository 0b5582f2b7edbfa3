"""Who is calling: a bearer token or a signed-in person, as the core's Caller.

Routes are closed by default: `OPEN` lists the few that are not.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import cast

from flask import Flask, Response, current_app, g, redirect, request, url_for
from flask_login import LoginManager, UserMixin, current_user
from sqlalchemy.orm import Session

from portal import logs
from portal.bearer import bearer, shown
from portal.config import Settings
from portal.core import login_sessions
from portal.core.accounts import Caller, caller_for
from portal.core.audit import Actor
from portal.core.errors import NotAllowed, NotAuthenticated, Refusal
from portal.core.models import User
from portal.db import db
from portal.watching import watch

login_manager = LoginManager()
login_manager.login_view = "login.login"
login_manager.login_message = None  # the sign-in page speaks for itself
login_manager.session_protection = None  # it would bind the cookie to an IP, and phones roam


class SignedIn(UserMixin):
    """Flask-Login's view of a user: the cookie holds the secret of a session and no more."""

    def __init__(self, user: User, secret: str, session_id: str = "") -> None:
        self.user, self.secret, self.session_id = user, secret, session_id

    def get_id(self) -> str:
        return self.secret


@login_manager.user_loader
def load_user(secret: str) -> SignedIn | None:
    """Who has signed in with this cookie, unless that is over: one SELECT."""
    found = login_sessions.find(db.session, secret, _settings().session_idle, not by_itself())
    return SignedIn(found[1], secret, found[0].id) if found else None


def by_itself() -> bool:
    """Whether an open page asks again by itself, as its scripts do. Nobody needs to be there, so
    that it keeps no session alive."""
    return request.headers.get("X-Requested-With") == "refresh"


def _settings() -> Settings:
    return cast(Settings, current_app.config["SETTINGS"])


def visitor() -> Actor:
    """The current request's sender before we know who that is."""
    return Actor(
        type="visitor",
        id=None,
        label="",
        ip=request.remote_addr,
        user_agent=request.headers.get("User-Agent"),
        request_id=logs.request_id(),
    )


def number_request() -> None:
    """Runs before anything else. The number is always ours: whatever `X-Request-ID` a client sends
    could be somebody else's, and the audit log has it."""
    logs.carry(request_id=uuid.uuid4().hex)


OPEN = {
    "static",
    "health.health",
    "health.api_health",
    "health.ready",
    "metrics.show",
    "login.login",
    "language.choose",
    "tus.options",
    "resumable.options",
    "openapi.document",
    "openapi.browse",
}
"""The endpoints that need no account. Every other one is closed. `metrics.show` asks by itself for
a token, which may be one of the settings."""

CHANGING = {"account.show", "account.change_password", "login.logout"}
"""What somebody reaches who has to choose a new password first."""

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

PASSES = {"tus"}
"""Those of them that the upload page reaches with a pass: see portal/core/passes.py."""


def init_app(app: Flask) -> None:
    login_manager.init_app(app)
    app.before_request(require_caller)
    app.teardown_request(_stop_watching)


def require_caller() -> Response | None:
    """Runs before every request: nothing is reached by nobody."""
    if request.endpoint is None or request.endpoint in OPEN:
        return None
    if request.blueprint in BEARER:
        proof = shown(visitor(), request.blueprint in PASSES)
        g.caller = replace(bearer(proof), dialect=BEARER[request.blueprint])
        g.proof = proof
        _watch_body()
    elif current_user.is_authenticated:
        sender = replace(visitor(), session_id=current_user.session_id)
        g.caller = caller_for(current_user.user, sender)
        g.proof = _proof_of_session(current_user.secret, sender)
        return _to_a_new_password()
    else:
        return cast(Response, login_manager.unauthorized())
    return None


def _to_a_new_password() -> Response | None:
    """A password that somebody else has made opens the page that changes it, and no other."""
    if not current_user.user.must_change or request.endpoint in CHANGING:
        return None
    return cast(Response, redirect(url_for("account.show")))


def _proof_of_session(secret: str, sender: Actor) -> Callable[[Session], Caller]:
    idle = _settings().session_idle

    def proof(session: Session) -> Caller:
        found = login_sessions.find(session, secret, idle)
        if found is None:
            raise NotAuthenticated("The session has ended; sign in again.")
        return caller_for(found[1], sender)

    return proof


def still(may: Callable[[Session, Caller], object]) -> Callable[[], bool]:
    """The question, for as often as one likes and outside of the request: may its sender still do
    this? `may` raises a refusal if not."""
    proof, dialect, engine = g.proof, g.caller.dialect, db.engine

    def ask() -> bool:
        with Session(engine, expire_on_commit=False) as session:
            try:
                may(session, replace(proof(session), dialect=dialect))
            except Refusal:
                return False
            return True

    return ask


def unchanged() -> Callable[[], bool]:
    """The question whether its sender still has the rights and the scope of its beginning."""
    rights, scope = g.caller.rights, g.caller.scope

    def as_before(session: Session, caller: Caller) -> None:
        if (caller.rights, caller.scope) != (rights, scope):
            raise NotAllowed("What your account may do has changed; ask again.")

    return still(as_before)


def _watch_body() -> None:
    """What a token sends for a long time ends soon after its rights do."""
    client, rights = request.environ.get("gunicorn.socket"), g.caller.rights

    def keeps_its_rights(session: Session, caller: Caller) -> None:
        for right in rights:
            caller.must(right, continuing=True)

    if client is not None and request.method in ("PATCH", "POST", "PUT"):
        g.stop_watching = watch.begin(client, still(keeps_its_rights))


def _stop_watching(error: BaseException | None) -> None:
    if "stop_watching" in g:
        g.stop_watching()


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
    response.headers["X-Request-ID"] = logs.request_id()
    return response
