"""The list of recordings: searched, filtered, sorted, page by page, as a table or as cards."""

from __future__ import annotations

import time
from dataclasses import dataclass

from flask import Response, jsonify, redirect, render_template, request, session, url_for
from flask_babel import gettext, ngettext
from werkzeug.wrappers import Response as WerkzeugResponse

from portal.auth import caller
from portal.core import audit, finding, reviews
from portal.core.finding import COUNTED, Page
from portal.core.wanted import Wanted
from portal.db import db
from portal.web import filters
from portal.web.filters import BadFilter, Filters
from portal.web.recordings import blueprint

PER_PAGE = 50
MOST_NEW = 99
PLACES = {"before", "after"}
"""The ids that a page goes on from, by their names in the address; the core looks them up."""
LOOKS = {"view": ("table", "cards"), "density": ("roomy", "dense")}
"""How the list may look; the first is what nobody chose. A browser session remembers it."""


@dataclass(frozen=True)
class Found:
    """What the list shows: rows, what stands beside each, seconds it took, and the ids of those
    that the reader has reviewed."""

    page: Page
    beside: dict[str, finding.Beside]
    seconds: float
    reviewed: set[str]


NOTHING = Found(Page([], None, None), {}, 0.0, set())


@blueprint.get("/recordings")
def index() -> str | WerkzeugResponse | tuple[str, int]:
    if "" in request.args.values():  # an empty field of a form asks for nothing
        return redirect(url_for("recordings.index", **_said(request.args.to_dict(flat=False))))
    for name, looks in LOOKS.items():
        if request.args.get(name) in looks:
            session[name] = request.args[name]
    asked, sort = filters.read(), filters.sort()
    try:
        wanted = filters.wanted(asked)
        _note_search(asked, sort)
        found = _find(wanted, sort)
    except BadFilter as bad:
        return _shown(asked, sort, NOTHING, bad), bad.status
    return _shown(asked, sort, found, None)


def _note_search(asked: Filters, sort: str) -> None:
    """Who looks for a name or a number is written down before anything is shown, once for each
    search: its further pages, and lists by filters alone, leave no event."""
    if "q" in asked and not request.args.keys() & PLACES:
        audit.record_alone(db.session, caller().actor, "recording.list", filters=asked, sort=sort)


def _said(args: dict[str, list[str]]) -> dict[str, list[str]]:
    return {name: kept for name, values in args.items() if (kept := [v for v in values if v])}


def _find(wanted: Wanted, sort: str) -> Found:
    begun = time.perf_counter()
    here = {name: request.args.get(name) for name in PLACES}
    page = finding.page(db.session, caller(), PER_PAGE, wanted, sort=sort, counting=True, **here)
    ids = [row.id for row in page.rows]
    beside = finding.beside(db.session, ids)
    reviewed = reviews.own(db.session, caller(), ids)
    return Found(page, beside, time.perf_counter() - begun, reviewed)


def _shown(asked: Filters, sort: str, found: Found, problem: BadFilter | None) -> str:
    kept = None if sort == "newest" else sort
    return render_template(
        "recordings/list.html",
        found=found,
        page=found.page,
        filters=asked,
        sort=sort,
        kept_sort=kept,
        chips=list(filters.chips(asked, sort=kept)),
        names=filters.NAMES,
        choices=filters.CHOICES,
        problem=problem,
        counted=COUNTED,
        looks={name: session.get(name, looks[0]) for name, looks in LOOKS.items()},
        reaches_nothing=caller().scope.nothing,
        polls=sort == "newest" and not (problem or request.args.keys() & PLACES),
    )


@blueprint.get("/recordings/newer")
def newer() -> Response:
    """How many have come since the top of the list was made, and the sentence that says so."""
    wanted = filters.wanted(filters.read())
    count = finding.newer(db.session, caller(), wanted, request.args.get("than"), MOST_NEW)
    some = ngettext("%(num)d new recording: show it", "%(num)d new recordings: show them", count)
    return jsonify(count=count, text=some if count <= MOST_NEW else gettext("Many new: show them"))
