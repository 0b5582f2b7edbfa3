"""Changing the retention rules: the form, what they would delete, and then it is done or asked."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from portal import queue, uploading
from portal.auth import caller
from portal.core.errors import InvalidRequest, NotConfirmed, Outdated
from portal.core.retention import changing, checking, measuring, planning, policies
from portal.core.retention.changing import Change, Changed
from portal.core.retention.comparing import shortens
from portal.core.retention.deciding import Rule
from portal.core.retention.presets import PRESETS
from portal.core.transaction import utc_now
from portal.db import db
from portal.parsing import plain
from portal.web import retention_form
from portal.web.retention import blueprint
from portal.web.retention_form import Problems, Row

Answer = Response | str | tuple[str, int]


@blueprint.get("/edit")
def edit() -> str:
    caller().must("retention")
    number, rules = policies.current(db.session)
    return _form([retention_form.row_of(rule) for rule in rules], number)


@blueprint.post("/edit")
def edited() -> Answer:
    """One more row, one less, another order; or, from them, the preview."""
    caller().must("retention")
    rows, act = retention_form.typed(), request.form.get("act", "preview")
    if act != "preview":
        return _form(retention_form.edited(rows, act), _base())
    rules, problems = retention_form.rules(rows)
    if problems:
        return _form(rows, _base(), problems), 400
    if _base() != policies.current(db.session)[0]:
        return _outdated(rows)
    return _preview(rows, rules)


@blueprint.post("/change")
def change() -> Answer:
    """The end of it. Whatever is missing or came in between is told, and nothing typed is lost."""
    caller().must("retention")
    rows = retention_form.typed()
    rules, problems = retention_form.rules(rows)
    if problems:
        return _form(rows, _base(), problems), 400
    typed = retention_form.number(request.form, "typed")
    wanted = Change(_base(), rules, _reason(), typed)
    try:
        return _done(changing.change(db.session, caller(), wanted, uploading.settings().keep))
    except Outdated:
        return _outdated(rows)
    except NotConfirmed:
        problem = gettext("Type the number of recordings that would go.")
        return _preview(rows, rules, typed=problem), 409
    except InvalidRequest:
        problem = gettext("Say why, in 2,000 characters at most; and change something.")
        return _preview(rows, rules, reason=problem), 400


def _base() -> int:
    """The policy that the form began with. There has to be one of this number, or none at all."""
    number = retention_form.number(request.form, "base")
    if number is None or number > policies.current(db.session)[0]:
        raise InvalidRequest("This form is damaged; open the page again.")
    return number


def _reason() -> str:
    """Why, as it was typed; nothing, which is refused, if there is more in it than text."""
    text = request.form.get("reason", "").replace("\r\n", "\n")
    return text if plain(text.replace("\n", " ")) else ""


def _done(made: Changed) -> Response:
    if made.approval is not None:
        return redirect(url_for("approvals.show", approval_id=made.approval.id), 303)
    queue.ring(planning.KIND, str(made.policy))
    flash(gettext("The new rules are in force."))
    return redirect(url_for("retention_rules.index"), 303)


def _outdated(rows: list[Row]) -> tuple[str, int]:
    """Somebody else was faster: their rules beside what was typed, which may go on from there."""
    newest = policies.versions(db.session, 1)[0]
    return _form(rows, newest.number, newest=newest), 409


def _form(rows: list[Row], base: int, problems: Problems | None = None, **more: Any) -> str:
    return render_template(
        "retention/edit.html",
        rows=rows,
        base=base,
        problems=problems or {},
        presets=PRESETS,
        kinds=checking.KINDS,
        most=checking.MOST_RULES,
        **more,
    )


def _preview(rows: list[Row], rules: list[Rule], **problems: str) -> str:
    keep = uploading.settings().keep
    number, old = policies.current(db.session)
    return render_template(
        "retention/preview.html",
        hidden=[*retention_form.hidden(rows), ("base", str(_base()))],
        old=old,
        rules=rules,
        number=number,
        measured=measuring.measure(db.session, caller(), rules, keep, utc_now()),
        shortens=shortens(old, rules),
        days=measuring.AHEAD.days,
        reason=request.form.get("reason", ""),
        problems=problems,
    )
