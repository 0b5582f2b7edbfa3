"""Legal holds: the cases, what each one holds, placing them, and asking for their release."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext, ngettext
from sqlalchemy import Row
from werkzeug.wrappers import Response

from portal.auth import caller
from portal.core import approvals, cases, holding, owning, releasing
from portal.core.errors import Conflict, Held, InvalidRequest
from portal.core.holding import Chosen, NewCase
from portal.core.models import LegalCase, LegalHold
from portal.core.transaction import utc_now
from portal.db import db
from portal.parsing import known_id, plain
from portal.web import cursors, filters, reasons_given
from portal.web.bulk import chosen

PER_PAGE = 50
_GONE = "There is no such case."

blueprint = Blueprint("holds", __name__, url_prefix="/holds")


@blueprint.get("")
def index() -> str:
    """The cases that stand, or with `?released=1` those that are over."""
    released = "released" in request.args
    rows, older = cases.page(db.session, caller(), PER_PAGE, released, cursors.by_id())
    tallies = cases.tallies(db.session, rows)
    shown = {"rows": rows, "tallies": tallies, "older": older, "released": released}
    return render_template("holds/index.html", today=_today(), **shown)


@blueprint.route("/new", methods=["GET", "POST"])
def new() -> str:
    """What would be held: all that the filters of the address find, or what was selected."""
    return _new({})


@blueprint.post("")
def place() -> Response | tuple[str, int]:
    if problems := _problems():
        return _new(problems), 400
    try:
        made = holding.place(db.session, caller(), _about(), _chosen())
    except Held:  # all of it was deleted between the two pages, which now says so
        return _new({}), 409
    flash(gettext("The hold is placed."))
    return _shown_again(made.id)


@blueprint.post("/add")
def add() -> Response | tuple[str, int]:
    case_id = known_id(request.form.get("case", ""), _GONE)
    try:
        count = holding.add(db.session, caller(), case_id, _chosen())
    except Conflict:
        sentence = gettext("Released recordings, and cases that are over, need a new case.")
        return _new({"case": sentence}), 409
    flash(ngettext("%(num)d recording was added.", "%(num)d recordings were added.", count))
    return _shown_again(case_id)


@blueprint.get("/<case_id>")
def show(case_id: str) -> str:
    return _case(known_id(case_id, _GONE), {})


@blueprint.post("/<case_id>/review")
def review(case_id: str) -> Response | tuple[str, int]:
    known_id(case_id, _GONE)
    if problem := _day_problem():
        return _case(case_id, {"review_on": problem}), 400
    holding.review(db.session, caller(), case_id, _day())
    flash(gettext("The review is written down."))
    return _shown_again(case_id)


@blueprint.post("/<case_id>/owner")
def give(case_id: str) -> Response | tuple[str, int]:
    known_id(case_id, _GONE)
    if problem := _owner_problem():
        return _case(case_id, {"owner": problem}), 400
    case = owning.give(db.session, caller(), case_id, request.form.get("owner", ""))
    flash(gettext("The case belongs to %(name)s now.", name=case.owner_label))
    return _shown_again(case_id)


@blueprint.post("/<case_id>/release")
def release(case_id: str) -> Response | tuple[str, int]:
    """Ask for the release of what is selected, or with `whole` of the case."""
    known_id(case_id, _GONE)
    ids = [] if request.form.get("whole") else chosen(holding.MOST)
    if not ids and not request.form.get("whole"):
        return _case(case_id, {"reason": gettext("Select what is to be released.")}), 400
    missing = gettext("Say why: whoever approves it has to know.")
    if problem := reasons_given.problem(missing):
        return _case(case_id, {"reason": problem}), 400
    try:
        made = releasing.ask(db.session, caller(), case_id, ids, request.form["reason"])
    except Conflict:  # some of it was released meanwhile, which the page now shows
        return _case(case_id, {"reason": gettext("It has changed meanwhile; look again.")}), 409
    return redirect(url_for("approvals.show", approval_id=made.id), 303)


def of_recording(recording_id: str) -> Sequence[Row[LegalHold, LegalCase]]:
    """For templates/holds/_of_recording.html, as `held_by`."""
    return cases.of_recording(db.session, caller(), recording_id)


def _chosen() -> Chosen:
    if request.method == "POST" and not request.form.get("all"):
        return Chosen(chosen(holding.MOST))
    asked, future = filters.read(), "future" in request.form
    return Chosen(wanted=filters.wanted(asked), filters=asked, future=future)


def _new(problems: dict[str, str]) -> str:
    what = _chosen()
    return render_template(
        "holds/new.html",
        looked=holding.preview(db.session, caller(), what),
        chosen=what,
        chips=list(filters.chips(what.filters)),
        standing=cases.page(db.session, caller(), cases.MOST_LISTED, released=False)[0],
        owners=owning.candidates(db.session, caller()),
        owner_id=request.form.get("owner", caller().user_id),
        filters=filters.read(),
        typed=request.form,
        problems=problems,
        today=_today(),
        longest=approvals.LONGEST_REASON,
    )


def _case(case_id: str, problems: dict[str, str]) -> str:
    case = cases.find(db.session, caller(), case_id)
    rows, older = cases.items(db.session, caller(), case_id, PER_PAGE, cursors.by_id())
    query: dict[str, Any] = case.query or {}
    return render_template(
        "holds/show.html",
        case=case,
        rows=rows,
        older=older,
        tally=cases.tallies(db.session, [case])[case.id],
        chips=list(filters.chips(query.get("filters", {}))),
        found_by=query.get("filters", {}),
        events=cases.events(db.session, caller(), case_id),
        owners=owning.candidates(db.session, caller()),
        owner_id=request.form.get("owner", case.owner_id),
        typed=request.form,
        problems=problems,
        today=_today(),
        longest=approvals.LONGEST_REASON,
    )


def _about() -> NewCase:
    said = {name: request.form.get(name, "") for name in ("name", "reason", "number")}
    owner = owning.candidate(db.session, caller(), request.form["owner"]) if _names_one() else None
    return NewCase(review_on=_day(), owner=owner, **said)


def _names_one() -> bool:
    """Programs that leave the owner out are owners themselves."""
    return bool(request.form.get("owner"))


def _owner_problem() -> str | None:
    try:
        owning.candidate(db.session, caller(), request.form.get("owner", ""))
    except InvalidRequest:
        return gettext("Choose somebody who may place legal holds.")
    return None


def _problems() -> dict[str, str]:
    """What is to be mended in the form, by the name of its field."""
    number = request.form.get("number", "").strip()
    numbered = len(number) <= holding.LONGEST_NUMBER and plain(number)
    wrong = {
        "number": not numbered and gettext("Use up to 100 letters, digits and signs."),
        "review_on": _day_problem(),
        "owner": _names_one() and _owner_problem(),
    }
    return about_problems() | {each: sentence for each, sentence in wrong.items() if sentence}


def about_problems() -> dict[str, str]:
    """The same for what a case is about: its name and the reason."""
    name = request.form.get("name", "").strip()
    named = 0 < len(name) <= holding.LONGEST_NAME and plain(name)
    wrong = {
        "name": not named and gettext("Give the case a name, of 255 characters at most."),
        "reason": reasons_given.problem(gettext("Say why it is held.")),
    }
    return {each: sentence for each, sentence in wrong.items() if sentence}


def _day() -> date | None:
    """The day of the next review. Raises ValueError."""
    text = request.form.get("review_on", "")
    return datetime.strptime(text, "%Y-%m-%d").date() if text else None


def _day_problem() -> str | None:
    try:
        day = _day()
    except ValueError:
        return gettext("Write a day as 2026-01-31.")
    return gettext("This day is over.") if day and day < _today() else None


def _today() -> date:
    return utc_now().date()


def _shown_again(case_id: str) -> Response:
    return redirect(url_for("holds.show", case_id=case_id), 303)
