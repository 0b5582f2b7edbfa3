"""Integrity: how many recordings are verified, which are not what they should be, verify now."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from portal import queue
from portal.auth import caller
from portal.core import recordings, rolling
from portal.core.models import place_at
from portal.core.rolling import Tile
from portal.db import db
from portal.parsing import known_id
from portal.web import cursors
from portal.web.recording import told

PER_PAGE = 50

blueprint = Blueprint("integrity", __name__)


@blueprint.get("/integrity")
def index() -> str:
    period = _period()
    tile = rolling.tile(db.session, caller(), period)
    which = _asked(tile)
    rows, more = rolling.page(
        db.session, caller(), which, period, PER_PAGE, cursors.by_moment("after")
    )
    return render_template(
        "integrity/index.html",
        tile=tile,
        which=which,
        rows=rows,
        older=more and f"{place_at(more[0])}.{more[1]}",
        counted=rolling.COUNTED,
        days=period.days,
    )


def _period() -> timedelta:
    period: timedelta = current_app.config["SETTINGS"].verify_period
    return period


def _asked(tile: Tile) -> str:
    """The list that is asked for, else the first that has anything."""
    asked = request.args.get("state")
    if asked is not None and asked not in rolling.TROUBLE:
        cursors.damaged()
    return asked or next((each for each in rolling.TROUBLE if tile.counts[each]), "mismatch")


@blueprint.post("/recordings/<recording_id>/verify")
def verify(recording_id: str) -> Response | str:
    """Have a worker read the bytes back. The tab for a script, so that what is playing goes on;
    else the page."""
    known = known_id(recording_id, "There is no such recording.")
    rolling.ask(db.session, caller(), known)
    queue.ring(rolling.KIND, known)
    if "X-Part" not in request.headers:
        address = url_for("recordings.show", recording_id=known, tab="integrity")
        return redirect(f"{address}#panel", 303)
    recording = recordings.find(db.session, caller(), known)
    return render_template("recordings/_panel.html", **told(recording, "integrity"))
