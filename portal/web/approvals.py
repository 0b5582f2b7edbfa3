"""Requests that need a second person: what waits, what became of it, and deciding."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlalchemy import select
from werkzeug.wrappers import Response

from portal import queue, uploading
from portal.auth import caller, may
from portal.core import approvals, deciding, deletion
from portal.core.errors import InvalidRequest
from portal.core.models import Approval, Recording
from portal.core.recordings import visible
from portal.core.transaction import release, utc_now
from portal.db import db
from portal.parsing import known_id
from portal.web import cursors, reasons_given

PER_PAGE = 50
_GONE = "There is no such request."

blueprint = Blueprint("approvals", __name__, url_prefix="/approvals")


@blueprint.get("")
def index() -> str:
    """What waits for a decision, or with `?over=1` what was decided."""
    waiting, before = "over" not in request.args, cursors.by_id()
    rows, older = approvals.page(db.session, caller(), PER_PAGE, waiting, before)
    return render_template(
        "approvals/index.html", rows=rows, older=older, waiting=waiting, now=utc_now(), me=caller()
    )


@blueprint.get("/<approval_id>")
def show(approval_id: str) -> str:
    found = approvals.find(db.session, caller(), known_id(approval_id, _GONE))
    return _shown(found)


def _shown(found: Approval, problem: str | None = None) -> str:
    me = caller()
    own = found.asked_by_id == me.user_id
    waits = found.state == approvals.OPEN and found.expires_at > utc_now()
    return render_template(
        "approvals/show.html",
        approval=found,
        about=f"approvals/_{found.kind}.html",
        recordings=_recordings(found),
        refused=dict((found.outcome or {}).get("refused", ())),
        waits=waits,
        decides=waits and not own and may(approvals.DECIDES[found.kind]),
        own=own,
        problem=problem,
        why=request.form.get("why", ""),
    )


def _recordings(found: Approval) -> Sequence[Recording]:
    """The recordings that a request names, as far as the reader may know of them."""
    ids = [each[0] for each in found.terms.get("recordings", ())]
    if not ids or not may("list"):
        return []
    query = select(Recording).where(visible(caller()), Recording.id.in_(ids))
    rows = db.session.scalars(query.order_by(Recording.place)).all()
    release(db.session)
    return rows


@blueprint.post("/<approval_id>/approve")
def approve(approval_id: str) -> Response | tuple[str, int]:
    def act() -> str:
        keep, why = uploading.settings().keep, request.form.get("why", "")
        seen = request.form.get("sha256", "")
        found = deciding.approve(db.session, caller(), approval_id, seen, keep, why)
        for marked in (found.outcome or {}).get("marked", ()):
            queue.ring(deletion.KIND, marked)
        return gettext("Approved.")

    return _done(approval_id, act)


@blueprint.post("/<approval_id>/deny")
def deny(approval_id: str) -> Response | tuple[str, int]:
    def act() -> str:
        deciding.deny(db.session, caller(), approval_id, request.form.get("why", ""))
        return gettext("Denied.")

    return _done(approval_id, act)


@blueprint.post("/<approval_id>/withdraw")
def withdraw(approval_id: str) -> Response | tuple[str, int]:
    def act() -> str:
        approvals.withdraw(db.session, caller(), approval_id)
        return gettext("Taken back.")

    return _done(approval_id, act)


def _done(approval_id: str, act: Callable[[], str]) -> Response | tuple[str, int]:
    """Do it and show the request; a reason that cannot be kept is asked for on the same page."""
    known_id(approval_id, _GONE)
    try:
        flash(act())
    except InvalidRequest:
        found = approvals.find(db.session, caller(), approval_id)
        missing = gettext("Say why you deny it, so that the asker can mend it.")
        return _shown(found, reasons_given.problem(missing, "why")), 400
    return redirect(url_for("approvals.show", approval_id=approval_id), 303)
