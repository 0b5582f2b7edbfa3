"""The audit log: its events, and whether its chain is what was written."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, url_for
from werkzeug.wrappers import Response

from portal import queue
from portal.auth import by_itself, caller
from portal.core import audit
from portal.core.audit import checking, seals, search
from portal.core.audit.verifying import PROBLEMS
from portal.db import db
from portal.storage import seal_key
from portal.web import audit_filters, cursors

PER_PAGE = 50
SEALS_SHOWN = 20

blueprint = Blueprint("audit_log", __name__)


@blueprint.get("/audit")
def index() -> str:
    filters = audit_filters.read()
    wanted = audit_filters.wanted(filters)
    before, after = cursors.by_number("before"), cursors.by_number("after")
    search.readable(caller())
    audit.record_alone(db.session, caller().actor, "audit.viewed", filters=filters)
    page = search.page(db.session, caller(), PER_PAGE, wanted, before, after)
    return render_template(
        "audit/list.html",
        page=page,
        filters=filters,
        chips=list(audit_filters.chips(filters)),
        counted=search.COUNTED,
        scoped=not caller().scope.everything,
        **_state(),
    )


def _state() -> dict[str, object]:
    """What is known of the chain: the running check, the last one, and the last seal."""
    running, last = checking.newest(db.session)
    sealed = seals.latest(db.session)
    return {"running": running, "last": last, "sealed": sealed, "problems": PROBLEMS}


@blueprint.get("/audit/chain")
def chain() -> str:
    """The page, or for its own script only how far a verification is: that shows nothing of the
    log, and is asked for every second."""
    search.readable(caller())
    if by_itself():
        return render_template("audit/_live.html", **_state())
    audit.record_alone(db.session, caller().actor, "audit.viewed", page="chain")
    return render_template(
        "audit/chain.html",
        head=seals.head(db.session),
        kept=[each for _, each in seals.in_database(db.session, SEALS_SHOWN)],
        public_key=seal_key.public,
        **_state(),
    )


@blueprint.post("/audit/verify")
def verify() -> Response:
    """Have a worker verify the log; a page shows how far it is."""
    search.readable(caller())
    check = checking.ask(db.session, caller().actor)
    queue.ring(checking.KIND, check.id)
    return redirect(url_for("audit_log.chain"))
