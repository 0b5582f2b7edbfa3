"""The start page: for each role the tiles that say what to look at next, each a link to it."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, render_template
from flask_login import current_user

from portal import uploading
from portal.auth import caller
from portal.core import approvals, rolling
from portal.core.dashboard import operating, reviewing, sending
from portal.core.finding import COUNTED
from portal.db import db
from portal.storage import stores
from portal.web import retention

Facts = Callable[[], object]

REVIEWING: dict[str, Facts] = {
    "waiting": lambda: reviewing.waiting(db.session, caller()),
    "fresh": lambda: reviewing.fresh(db.session, caller(), current_user.session_id),
    "held": lambda: reviewing.held(db.session, caller()),
    "received": lambda: reviewing.received(db.session, caller()),
    "viewings": lambda: reviewing.viewings(db.session, caller()),
    "integrity": lambda: rolling.tile(db.session, caller(), uploading.settings().verify_period),
    "exports": lambda: reviewing.exports(db.session, caller()),
}
OPERATING: dict[str, Facts] = {
    "arriving": lambda: operating.arriving(db.session, caller()),
    "trouble": lambda: operating.trouble(db.session, caller()),
    "work": lambda: operating.work(db.session, caller()),
    "chain": lambda: operating.chain(db.session, caller()),
    "places": lambda: operating.places(db.session, caller(), stores),
    "disk": lambda: operating.disk(db.session, caller(), stores),
}
DECIDING: dict[str, Facts] = {"decisions": lambda: approvals.to_decide(db.session, caller())}
KEEPING: dict[str, Facts] = {"retention": retention.tile}
SENDING: dict[str, Facts] = {
    "under_way": lambda: sending.under_way(db.session, caller()),
    "failures": lambda: sending.failures(db.session, caller()),
    "tokens": lambda: sending.ending(db.session, caller()),
}
FROM_THE_FIRST = REVIEWING | DECIDING | KEEPING
"""What is shown from the first recording on; until then officers see how to send one."""
FACTS = REVIEWING | OPERATING | DECIDING | KEEPING | SENDING

TILES: dict[str, tuple[str, ...]] = {
    "admin": (*OPERATING, *DECIDING, *KEEPING, "integrity"),
    "officer": (*DECIDING, *REVIEWING, *KEEPING),
    "auditor": tuple(REVIEWING),
    "reviewer": ("waiting", "fresh", "held", "received", "viewings", "exports"),
    "source_owner": (*SENDING, "fresh", "received", "viewings"),
    "uploader": tuple(SENDING),
}
"""What each role finds, in this order; `home/_<tile>.html` shows it. The core asks for the rights
again, as for every page."""

blueprint = Blueprint("home", __name__)


@blueprint.get("/")
def index() -> str:
    anything = reviewing.anything(db.session, caller())
    shown = [name for name in TILES[caller().role] if anything or name not in FROM_THE_FIRST]
    found = [(name, FACTS[name]()) for name in shown]
    return render_template(
        "home/index.html",
        tiles=[(name, facts) for name, facts in found if facts is not None],
        anything=anything,
        reaches_nothing=caller().scope.nothing,
        counted=COUNTED,
        verify_days=uploading.settings().verify_period.days,
    )
