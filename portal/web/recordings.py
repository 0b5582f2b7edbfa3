"""What the pages of recordings share: listing.py has the list, recording.py the page of each."""

from __future__ import annotations

from flask import Blueprint, url_for
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

blueprint = Blueprint("recordings", __name__)


@blueprint.get("/")
def start() -> Response:
    return redirect(url_for("recordings.index"))
