"""Asking for the deletion of recordings: what would go, why, and then a second person decides."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from portal import uploading
from portal.auth import caller
from portal.core import approvals, requested_deletion
from portal.core.errors import Held
from portal.db import db
from portal.web import filters, reasons_given
from portal.web.bulk import chosen

blueprint = Blueprint("deleting", __name__)


@blueprint.post("/recordings/deletion/preview")
def preview() -> str:
    """What the request would be about, for the person to confirm and give a reason."""
    return _shown(chosen(requested_deletion.MOST))


@blueprint.post("/recordings/deletion")
def ask() -> Response | tuple[str, int]:
    ids, reason = chosen(requested_deletion.MOST), request.form.get("reason", "")
    missing = gettext("Say why: whoever approves it has to know.")
    if problem := reasons_given.problem(missing):
        return _shown(ids, problem), 400
    keep = uploading.settings().keep
    try:
        made = requested_deletion.ask(db.session, caller(), ids, reason, keep)
    except Held:  # somebody held one of them between the two pages, which now says so
        return _shown(ids), 409
    return redirect(url_for("approvals.show", approval_id=made.id), 303)


def _shown(ids: list[str], problem: str | None = None) -> str:
    keep = uploading.settings().keep
    looked = requested_deletion.preview(db.session, caller(), ids, keep)
    return render_template(
        "approvals/deletion.html",
        looked=looked,
        problem=problem,
        reason=request.form.get("reason", ""),
        filters=filters.read(),
        longest=approvals.LONGEST_REASON,
    )
