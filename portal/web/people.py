"""Accounts and their tokens, for administrators: who there is, what they may, and ending it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from portal import uploading
from portal.auth import caller
from portal.core import accounts, directory, login_sessions, tokens
from portal.core.errors import Conflict, InvalidRequest
from portal.core.models import User
from portal.core.passwords import made_up
from portal.core.roles import ROLE_MAY, SCOPED
from portal.core.transaction import utc_now
from portal.db import db
from portal.parsing import known_id, plain
from portal.web import cursors
from portal.web.account import OVERLAP
from portal.web.people_forms import SCOPE_NAMES, PersonForm, ScopeForm, TokenForm

PER_PAGE = 50
LONGEST_WORDS = 100
FRESH_PASSWORD, FRESH_TOKEN = "fresh_password", "fresh_token_of"
"""Where a secret waits in the signed cookie of whoever made it, for one redirect: (id, secret)."""
_GONE = "There is no such account."

blueprint = Blueprint("people", __name__, url_prefix="/people")


@blueprint.get("")
def index() -> str:
    words, role = request.args.get("q", "").strip(), request.args.get("role") or None
    after = request.args.get("after")
    asked = (words, role or "", after or "")
    if len(words) > LONGEST_WORDS or not all(map(plain, asked)) or role not in (None, *ROLE_MAY):
        cursors.damaged()
    rows, more = directory.page(db.session, caller(), PER_PAGE, words, role, after)
    return render_template(
        "people/index.html", rows=rows, more=more, words=words, role=role, roles=list(ROLE_MAY)
    )


@blueprint.route("/new", methods=["GET", "POST"])
def new() -> Response | str | tuple[str, int]:
    caller().must("people")
    form = PersonForm()
    if not form.validate_on_submit():
        status = 400 if form.is_submitted() else 200
        return render_template("people/new.html", form=form, scoped=sorted(SCOPED)), status
    password = made_up()
    account = (form.email.data, form.role.data, password, form.scope())
    try:
        user = accounts.create_user(db.session, *account, caller().actor, must_change=True)
    except InvalidRequest:
        form.email.errors = [gettext("There is an account with this address already.")]
        return render_template("people/new.html", form=form, scoped=sorted(SCOPED)), 400
    session[FRESH_PASSWORD] = [user.id, password]
    return redirect(url_for("people.show", user_id=user.id), 303)


@blueprint.get("/<user_id>")
def show(user_id: str) -> str:
    found = directory.find(db.session, caller(), known_id(user_id, _GONE))
    return _page(found, ScopeForm.of(found.user), TokenForm(found.user.role, formdata=None))


def _page(found: directory.Person, scope: ScopeForm, token: TokenForm) -> str:
    user, idle = found.user, uploading.settings().session_idle
    return render_template(
        "people/show.html",
        person=found,
        user=user,
        reach=accounts.scope_of(user),
        scope=scope,
        token=token,
        roles=list(ROLE_MAY),
        scoped=user.role in SCOPED,
        sessions=login_sessions.of_user(db.session, user.id, idle),
        tokens=tokens.of_user(db.session, user.id),
        scope_names=SCOPE_NAMES,
        fresh_password=_fresh(FRESH_PASSWORD, user.id),
        fresh_token=_fresh(FRESH_TOKEN, user.id),
        now=utc_now(),
    )


def _fresh(name: str, user_id: str) -> str | None:
    """The secret that was just made for this account, this once."""
    owner, secret = session.pop(name, None) or (None, None)
    return str(secret) if owner == user_id else None


@blueprint.post("/<user_id>/role")
def set_role(user_id: str) -> Response:
    role = request.form.get("role", "")
    done = gettext("The role is changed, and all sessions of the account have ended.")
    return _changed(user_id, lambda me: accounts.set_role(db.session, *me, role), done)


@blueprint.post("/<user_id>/scope")
def set_scope(user_id: str) -> Response | tuple[str, int]:
    form = ScopeForm()
    if not form.validate_on_submit():
        found = directory.find(db.session, _editor(), known_id(user_id, _GONE))
        return _page(found, form, TokenForm(found.user.role, formdata=None)), 400
    words, done = form.words(), gettext("The scope is changed.")
    return _changed(user_id, lambda me: accounts.set_scope(db.session, *me, words), done)


@blueprint.post("/<user_id>/disable")
def disable(user_id: str) -> Response:
    done = gettext("The account is disabled; its sessions and tokens are dead.")
    return _changed(user_id, lambda me: accounts.disable(db.session, *me), done)


@blueprint.post("/<user_id>/enable")
def enable(user_id: str) -> Response:
    done = gettext("The account is enabled again.")
    return _changed(user_id, lambda me: accounts.enable(db.session, *me), done)


@blueprint.post("/<user_id>/sessions/end")
def end_sessions(user_id: str) -> Response:
    done = gettext("All sessions of the account have ended.")
    return _changed(user_id, lambda me: accounts.end_sessions(db.session, *me), done)


@blueprint.post("/<user_id>/password")
def new_password(user_id: str) -> Response:
    """A password to hand over once; whoever signs in with it has to choose another."""
    password = made_up()
    session[FRESH_PASSWORD] = [user_id, password]

    def act(me: tuple[accounts.Actor, str]) -> None:
        actor, email = me
        accounts.set_password(db.session, email, password, actor, must_change=True)

    return _changed(user_id, act, gettext("There is a new password, and all sessions have ended."))


def _editor() -> accounts.Caller:
    me = caller()
    me.must("people")
    return me


def _changed(
    user_id: str, act: Callable[[tuple[accounts.Actor, str]], object], done: str
) -> Response:
    """Do it to the account and show it. Raises NotAllowed, NotFound."""
    me = _editor()
    user: User = directory.find(db.session, me, known_id(user_id, _GONE)).user
    try:
        act((me.actor, user.email))
        flash(done)
    except Conflict:
        flash(gettext("This is the last administrator; make somebody else one first."), "problem")
    return redirect(url_for("people.show", user_id=user_id), 303)


@blueprint.post("/<user_id>/tokens")
def create_token(user_id: str) -> Response | tuple[str, int]:
    found = directory.find(db.session, _editor(), known_id(user_id, _GONE))
    form = TokenForm(found.user.role)
    if not form.validate_on_submit():
        return _page(found, ScopeForm.of(found.user), form), 400
    made = tokens.create_for(db.session, caller(), user_id, form.wanted())
    session[FRESH_TOKEN] = [user_id, made]
    return _to_tokens(user_id)


@blueprint.post("/tokens/<token_id>/<any(rotate, disable, enable, revoke):verb>")
def change_token(token_id: str, verb: str) -> Response:
    me, known = _editor(), known_id(token_id, "There is no such token.")
    owner = directory.token_owner(db.session, me, known)[1].id
    if verb == "rotate":
        session[FRESH_TOKEN] = [owner, tokens.rotate(db.session, me.actor, known, _overlap())]
    elif verb == "revoke":
        tokens.revoke(db.session, me.actor, known)
    else:
        tokens.rest(db.session, me.actor, known, resting=verb == "disable")
    return _to_tokens(owner)


def _overlap() -> timedelta:
    """None, if the old one is to end at once: it may be in the wrong hands."""
    return timedelta(0) if request.form.get("at_once") else OVERLAP


def _to_tokens(user_id: str) -> Response:
    return redirect(url_for("people.show", user_id=user_id, _anchor="tokens"), 303)
