"""One's own account: password, where one is signed in, tokens."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext, lazy_gettext
from flask_login import current_user
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import PasswordField, SelectField, SelectMultipleField, StringField
from wtforms.validators import DataRequired, EqualTo, Length, ValidationError
from wtforms.widgets import CheckboxInput, ListWidget

from portal import uploading
from portal.auth import caller
from portal.core import login_sessions, sign_in, tokens
from portal.core.accounts import scope_of
from portal.core.errors import NotAuthenticated, TooManyAttempts
from portal.core.passwords import LONGEST_PASSWORD, MIN_PASSWORD
from portal.core.tokens import NewToken
from portal.core.transaction import utc_now
from portal.db import db
from portal.parsing import known_id, plain

MOST_LEADS = 20
SCOPE_NAMES = {
    "upload": lazy_gettext("Send recordings"),
    "read": lazy_gettext("Find recordings and get their bytes"),
    "delete": lazy_gettext("Delete recordings"),
    "admin": lazy_gettext("Read the history and the audit log"),
}
LIFETIMES = [
    ("30", lazy_gettext("30 days")),
    ("90", lazy_gettext("90 days")),
    ("365", lazy_gettext("1 year")),
    ("", lazy_gettext("It does not expire")),
]
FRESH = "fresh_token"
"""Where a new token waits in the signed cookie of its owner's browser, for one redirect."""

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


class TokenForm(FlaskForm):  # type: ignore[misc]
    label = StringField(
        lazy_gettext("What it is for"),
        [
            DataRequired(lazy_gettext("Give it a name, so that you know it again.")),
            Length(max=100, message=lazy_gettext("Use 100 characters at most.")),
        ],
    )
    scopes = SelectMultipleField(
        lazy_gettext("What it may do"),
        [DataRequired(lazy_gettext("Choose at least one."))],
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )
    leads = StringField(lazy_gettext("Leads whose calls it may touch"))
    days = SelectField(lazy_gettext("Expires after"), choices=LIFETIMES, default="90")

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        useful = [each for each in tokens.SCOPES if tokens.rights_of(caller().role, [each])]
        self.scopes.choices = [(each, SCOPE_NAMES[each]) for each in useful]

    def validate_label(self, field: StringField) -> None:
        if not plain(field.data):
            raise ValidationError(gettext("Use letters, digits and signs only."))

    def validate_leads(self, field: StringField) -> None:
        named = leads_of(field)
        if len(named) > MOST_LEADS or not all(len(each) <= 255 and plain(each) for each in named):
            raise ValidationError(gettext("Write up to 20 leads, with commas in between."))

    def wanted(self) -> NewToken:
        days = int(self.days.data or 0)
        until = utc_now() + timedelta(days=days) if days else None
        return NewToken(self.scopes.data, until, leads_of(self.leads), label=self.label.data)


def leads_of(field: StringField) -> list[str]:
    return [each.strip() for each in (field.data or "").split(",") if each.strip()]


@blueprint.get("")
def show() -> str:
    return _page(PasswordForm(), TokenForm())


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
        return _page(form, TokenForm(formdata=None)), 400
    try:
        keep = current_user.session_id
        sign_in.change_password(db.session, caller(), form.old.data, form.new.data, keep)
    except NotAuthenticated:
        form.old.errors = [gettext("This is not your current password.")]
        return _page(form, TokenForm(formdata=None)), 400
    except TooManyAttempts:
        form.old.errors = [gettext("Too many wrong passwords; wait 15 minutes.")]
        return _page(form, TokenForm(formdata=None)), 429
    flash(gettext("Your password is changed. All other sessions have ended."))
    return redirect(url_for("account.show"))


@blueprint.post("/sessions/end")
def end_session() -> Response:
    """One session, or with no id all but the one that asks."""
    actor, one = caller().actor, request.form.get("session_id")
    if one:
        login_sessions.end_one(db.session, actor, one)
        flash(gettext("The session has ended."))
    else:
        login_sessions.end_others(db.session, actor, current_user.session_id)
        flash(gettext("All other sessions have ended."))
    return redirect(url_for("account.show"))


@blueprint.post("/tokens")
def create_token() -> Response | tuple[str, int]:
    form = TokenForm()
    if not form.validate_on_submit():
        return _page(PasswordForm(formdata=None), form), 400
    session[FRESH] = tokens.create_own(db.session, caller(), form.wanted())
    return redirect(url_for("account.show", _anchor="fresh-token"))


@blueprint.post("/tokens/<token_id>/revoke")
def revoke_token(token_id: str) -> Response:
    me = caller()
    tokens.revoke(db.session, me.actor, known_id(token_id, "There is no such token."), me.user_id)
    flash(gettext("The token is revoked."))
    return redirect(url_for("account.show"))
