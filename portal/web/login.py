"""Signing in and out."""

from urllib.parse import urlsplit

from flask import Blueprint, redirect, render_template, request, session, url_for
from flask_babel import gettext, lazy_gettext
from flask_login import current_user, login_user, logout_user
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import EmailField, PasswordField
from wtforms.validators import DataRequired

from portal import uploading
from portal.auth import SignedIn, caller, visitor
from portal.core import login_sessions, sign_in
from portal.core.errors import NotAuthenticated, TooManyAttempts
from portal.db import db

blueprint = Blueprint("login", __name__)


class LoginForm(FlaskForm):  # type: ignore[misc]
    email = EmailField(
        lazy_gettext("E-mail"), [DataRequired(lazy_gettext("Enter your e-mail address."))]
    )
    password = PasswordField(
        lazy_gettext("Password"), [DataRequired(lazy_gettext("Enter your password."))]
    )


def local_target(address: str | None) -> str:
    """An address of ours to go on to; anything else leads to the start page."""
    parts = urlsplit(address or "")
    foreign = parts.scheme or parts.netloc or "\\" in (address or "")
    return "/" if foreign or not parts.path.startswith("/") else str(address)


@blueprint.route("/login", methods=["GET", "POST"])
def login() -> Response | str | tuple[str, int]:
    target = local_target(request.args.get("next"))
    if current_user.is_authenticated:
        return redirect(target)
    form = LoginForm()
    if not form.validate_on_submit():
        return render_template("login.html", form=form, problem=None)
    lifetime = uploading.settings().session_lifetime
    try:
        given = (form.email.data, form.password.data, visitor())
        user, secret = sign_in.log_in(db.session, *given, lifetime)
    except NotAuthenticated:
        problem = gettext("E-mail or password is wrong.")
        return render_template("login.html", form=form, problem=problem), 401
    except TooManyAttempts:
        problem = gettext("Too many failed sign-ins; wait 15 minutes.")
        return render_template("login.html", form=form, problem=problem), 429
    _begin_session(SignedIn(user, secret))
    return redirect(target)


def _begin_session(user: SignedIn) -> None:
    """Nothing of the visitor's old cookie is carried into the signed-in one but the language."""
    language = session.get("language")
    session.clear()
    if language:
        session["language"] = language
    login_user(user)


@blueprint.post("/logout")
def logout() -> Response:
    login_sessions.log_out(db.session, caller().actor, current_user.session_id)
    logout_user()
    return redirect(url_for("login.login"))
