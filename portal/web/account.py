"""One's own account: password, where one is signed in, tokens."""

from __future__ import annotations

import re
from datetime import timedelta

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext, lazy_gettext
from flask_login import current_user
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import PasswordField
from wtforms.validators import DataRequired, EqualTo, Length

from portal import uploading
from portal.auth import caller
from portal.core import login_sessions, sign_in, tokens
from portal.core.accounts import scope_of
from portal.core.errors import NotAuthenticated, NotFound, TooManyAttempts
from portal.core.passwords import LONGEST_PASSWORD, MIN_PASSWORD
from portal.core.transaction import utc_now
from portal.db import db
from portal.parsing import known_id
from portal.web.people_forms import SCOPE_NAMES, TokenForm

FRESH = "fresh_token"
"""Where a new token waits in the signed cookie of its owner's browser, for one redirect."""
OVERLAP = timedelta(days=1)
"""So long a token that was replaced still works, so that nothing stands still in between."""

blueprint = Blueprint("account", __name__, url_prefix="/account")


class PasswordForm(FlaskForm):  # type: ignore[misc]
    old = PasswordField(
        lazy_gettext("Current password"),
        [DataRequired(lazy_gettext("Enter the password that you have now."))],
    )
    new = PasswordField(
        lazy_gettext("New password"),
        [
            Length(
                MIN_PASSWORD,
                LONGEST_PASSWORD,
                lazy_gettext("Use at least %(min)d characters.", min=MIN_PASSWORD),
            )
        ],
    )
    again = PasswordField(
        lazy_gettext("New password, once more"),
        [EqualTo("new", lazy_gettext("The two are not the same."))],
    )


@blueprint.get("")
def show() -> str:
    return _page(PasswordForm(), TokenForm(caller().role))


def _page(password: PasswordForm, token: TokenForm) -> str:
    me = caller()
    return render_template(
        "account.html",
        user=current_user.user,
        scope=scope_of(current_user.user),
        password=password,
        token=token,
        fresh_token=session.pop(FRESH, None),
        sessions=login_sessions.of_user(db.session, me.user_id, uploading.settings().session_idle),
        tokens=tokens.of_user(db.session, me.user_id),
        scope_names=SCOPE_NAMES,
        now=utc_now(),
    )


@blueprint.post("/password")
def change_password() -> Response | tuple[str, int]:
    form = PasswordForm()
    if not form.validate_on_submit():
        return _page(form, TokenForm(caller().role, formdata=None)), 400
    try:
        keep = current_user.session_id
        sign_in.change_password(db.session, caller(), form.old.data, form.new.data, keep)
    except NotAuthenticated:
        form.old.errors = [gettext("This is not your current password.")]
        return _page(form, TokenForm(caller().role, formdata=None)), 400
    except TooManyAttempts:
        form.old.errors = [gettext("Too many wrong passwords; wait 15 minutes.")]
        return _page(form, TokenForm(caller().role, formdata=None)), 429
    flash(gettext("Your password is changed. All other sessions have ended."))
    return redirect(url_for("account.show"))


@blueprint.post("/sessions/end")
def end_session() -> Response:
    """One session, or with no id all but the one that asks."""
    actor, one = caller().actor, request.form.get("session_id")
    if one:
        login_sessions.end_one(db.session, actor, _session_id(one))
        flash(gettext("The session has ended."))
    else:
        login_sessions.end_others(db.session, actor, current_user.session_id)
        flash(gettext("All other sessions have ended."))
    return redirect(url_for("account.show"))


def _session_id(text: str) -> str:
    """The text, if it could be a session's: nothing else goes near the database."""
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        raise NotFound("You have no such session.")
    return text


@blueprint.post("/tokens")
def create_token() -> Response | tuple[str, int]:
    form = TokenForm(caller().role)
    if not form.validate_on_submit():
        return _page(PasswordForm(formdata=None), form), 400
    session[FRESH] = tokens.create_own(db.session, caller(), form.wanted())
    return redirect(url_for("account.show", _anchor="fresh-token"))


@blueprint.post("/tokens/<token_id>/rotate")
def rotate_token(token_id: str) -> Response:
    me, known = caller(), known_id(token_id, "There is no such token.")
    session[FRESH] = tokens.rotate(db.session, me.actor, known, OVERLAP, me.user_id)
    return redirect(url_for("account.show", _anchor="fresh-token"), 303)


@blueprint.post("/tokens/<token_id>/revoke")
def revoke_token(token_id: str) -> Response:
    me = caller()
    tokens.revoke(db.session, me.actor, known_id(token_id, "There is no such token."), me.user_id)
    flash(gettext("The token is revoked."))
    return redirect(url_for("account.show"))
