"""The list of recordings. portal/web/recording.py has the page of each."""

from __future__ import annotations

from flask import Blueprint, render_template, request, url_for
from werkzeug.utils import redirect
from werkzeug.wrappers import Response as WerkzeugResponse

from portal.auth import caller
from portal.core import recordings
from portal.core.errors import InvalidRequest
from portal.core.models import is_id
from portal.core.recordings import Wanted
from portal.db import db

PER_PAGE = 50

blueprint = Blueprint("recordings", __name__)


@blueprint.get("/")
def start() -> WerkzeugResponse:
    return redirect(url_for("recordings.index"))


@blueprint.get("/recordings")
def index() -> str:
    state = request.args.get("state") or None
    if state is not None and state not in recordings.STATES:
        raise InvalidRequest("There is no such state.")
    page = recordings.page(
        db.session,
        caller(),
        PER_PAGE,
        Wanted(state=state),
        before=_cursor("before"),
        after=_cursor("after"),
    )
    nothing = caller().scope.nothing
    return render_template("recordings/list.html", page=page, state=state, reaches_nothing=nothing)


def _cursor(name: str) -> str | None:
    text = request.args.get(name)
    if text is not None and not is_id(text):
        raise InvalidRequest("This page address is damaged; go back to the list.")
    return text
