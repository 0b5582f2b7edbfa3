"""Storages: whether each works, what is in it, what goes where; adding one, and its secrets."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length, Optional, Regexp

from portal import queue
from portal.auth import caller
from portal.core import storage_changes, storage_checks, storages
from portal.core.accounts import Caller
from portal.core.errors import Refusal
from portal.core.storage_marks import WrongPlace
from portal.core.storages import STAGING
from portal.db import db
from portal.setting_types import SOURCES
from portal.storage import stores
from portal.uploading import settings
from portal.web.show import KINDS
from portal.web.show import SOURCES as SOURCE_NAMES
from storage_backends import StorageError

MIB = 1024 * 1024
_ANY = ("", lazy_gettext("any"))

blueprint = Blueprint("storages", __name__, url_prefix="/storages")


class StorageForm(FlaskForm):  # type: ignore[misc]
    """A further storage, or other options for one that is there."""

    name = StringField(
        lazy_gettext("Name"),
        [
            DataRequired(lazy_gettext("Give it a short name, such as archive.")),
            Regexp(storages.NAME, message=lazy_gettext("Use a-z, 0-9 and -, at most 40 of them.")),
        ],
    )
    url = StringField(
        lazy_gettext("Address"),
        [
            DataRequired(lazy_gettext("Write where it is, such as s3://bucket/prefix.")),
            Length(max=1000, message=lazy_gettext("Use 1,000 characters at most.")),
        ],
    )
    options = TextAreaField(lazy_gettext("Options"), [Length(max=4000)])
    secrets = TextAreaField(lazy_gettext("Secrets"), [Length(max=4000)])

    def said(self) -> dict[str, str]:
        """What both fields say, one NAME=VALUE a line. Raises ValueError."""
        lines = [*(self.options.data or "").splitlines(), *(self.secrets.data or "").splitlines()]
        pairs = [line.partition("=") for line in lines if line.strip()]
        if not all(equals and value.strip() for _, equals, value in pairs):
            raise ValueError(gettext("Write one NAME=VALUE a line."))
        return {name.strip(): value.strip() for name, _, value in pairs}


class RuleForm(FlaskForm):  # type: ignore[misc]
    """Which new recordings go to a storage."""

    storage = SelectField(lazy_gettext("Storage"))
    source = SelectField(
        lazy_gettext("Source"),
        choices=[_ANY, *((each, SOURCE_NAMES[each]) for each in SOURCES)],
    )
    kind = SelectField(
        lazy_gettext("Kind"), choices=[_ANY, *((each, KINDS[each]) for each in ("audio", "video"))]
    )
    at_least = StringField(
        lazy_gettext("From so many MB on"),
        [Optional(), Regexp(r"^[0-9]{1,9}$", message=lazy_gettext("Write a whole number."))],
    )


def _operator() -> Caller:
    me = caller()
    me.must("operate")
    return me


@blueprint.get("")
def index() -> str:
    return _page(StorageForm(formdata=None), _rule_form())


def _rule_form() -> RuleForm:
    form = RuleForm(formdata=request.form if request.endpoint == "storages.add_rule" else None)
    form.storage.choices = [each for each in stores.ids(db.session) if each != STAGING]
    return form


def _page(form: StorageForm, rule: RuleForm) -> str:
    return render_template(
        "storages/index.html",
        places=storage_checks.places(db.session, caller(), stores),
        urls={"main": settings().storage_url, "staging": settings().staging_url},
        rules=storages.rules(db.session),
        form=form,
        rule=rule,
        mib=MIB,
    )


@blueprint.post("/<storage_id>/check")
def check(storage_id: str) -> Response:
    asked = storage_checks.ask(db.session, stores, _operator().actor, storage_id)
    queue.ring(storage_checks.KIND, asked.id)
    return redirect(url_for("storages.index", _anchor=f"storage-{storage_id}"), 303)


@blueprint.post("")
def add() -> Response | tuple[str, int]:
    """A new storage, or other options; what it says against them stands at the field."""
    me, form = _operator(), StorageForm()
    if not form.validate_on_submit():
        return _refused(form)
    try:
        given = (form.name.data, form.url.data, form.said())
        storage_changes.add(db.session, stores, me.actor, *given)
    except (Refusal, StorageError, WrongPlace, ValueError) as refusal:
        form.url.errors = [str(refusal)]
        return _refused(form)
    flash(gettext("The storage is there. Test it before recordings go to it."))
    return check(form.name.data)


def _refused(form: StorageForm) -> tuple[str, int]:
    """All that was typed, but for the secrets: no page shows those, not even this one."""
    if form.secrets.data:
        form.secrets.data = ""
        form.secrets.errors = [gettext("Write the secrets again: no page shows them.")]
    return _page(form, _rule_form()), 400


@blueprint.post("/<storage_id>/remove")
def remove(storage_id: str) -> Response:
    try:
        storage_changes.remove(db.session, stores, _operator().actor, storage_id)
        flash(gettext("The storage is forgotten; nothing in it was touched."))
    except Refusal as refusal:
        if refusal.status != 409:
            raise
        flash(gettext("Recordings are in it, or a rule sends them there: it stays."), "problem")
    return redirect(url_for("storages.index"), 303)


@blueprint.post("/rules")
def add_rule() -> Response | tuple[str, int]:
    me, form = _operator(), _rule_form()
    if not form.validate_on_submit():
        return _page(StorageForm(formdata=None), form), 400
    typed = (form.at_least.data or "").strip()
    least = int(typed) * MIB if typed else None
    only = (form.source.data or None, form.kind.data or None, least)
    storage_changes.add_rule(db.session, me.actor, form.storage.data, *only)
    flash(gettext("New recordings like this go there from now on."))
    return redirect(url_for("storages.index", _anchor="rules"), 303)


@blueprint.post("/rules/<int:position>/drop")
def drop_rule(position: int) -> Response:
    storage_changes.drop_rule(db.session, _operator().actor, position)
    flash(gettext("The rule is dropped; recordings stay where they are."))
    return redirect(url_for("storages.index", _anchor="rules"), 303)
