"""Asking for a legal hold of selected recordings, or of one from its page: an officer decides."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from portal.auth import caller
from portal.core import approvals, holding, requested_hold
from portal.core.errors import Held
from portal.core.holding import Chosen
from portal.db import db
from portal.web import filters
from portal.web.bulk import chosen
from portal.web.holds import about_problems

blueprint = Blueprint("requesting_hold", __name__, url_prefix="/holds/request")


@blueprint.post("/preview")
def preview() -> str:
    """What would be held, for the person to confirm, name and give a reason."""
    return _shown(chosen(holding.MOST), {})


@blueprint.post("")
def ask() -> Response | tuple[str, int]:
    ids = chosen(holding.MOST)
    if problems := about_problems():
        return _shown(ids, problems), 400
    name, reason = request.form.get("name", ""), request.form.get("reason", "")
    try:
        made = requested_hold.ask(db.session, caller(), ids, name, reason)
    except Held:  # all of it was deleted between the two pages, which now says so
        return _shown(ids, {}), 409
    return redirect(url_for("approvals.show", approval_id=made.id), 303)


def _shown(ids: list[str], problems: dict[str, str]) -> str:
    return render_template(
        "holds/request.html",
        looked=holding.preview(db.session, caller(), Chosen(ids), requested_hold.RIGHT),
        ids=ids,
        filters=filters.read(),
        typed=request.form,
        problems=problems,
        longest=approvals.LONGEST_REASON,
    )
