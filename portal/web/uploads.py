"""Uploads under way: what is arriving, what is being assembled, what has failed and why."""

from flask import Blueprint, render_template

from portal.auth import caller
from portal.core import recordings
from portal.db import db

SHOWN = 200

blueprint = Blueprint("uploads", __name__)


@blueprint.get("/uploads")
def index() -> str:
    rows = recordings.uploads_under_way(db.session, caller(), SHOWN)
    return render_template("uploads/list.html", uploads=rows)
