"""Tags for many recordings: the chosen ones, or all that a filtered list shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from flask import Blueprint, render_template, request

from portal.auth import caller
from portal.core import bulk, finding, tagging
from portal.core.bulk import Outcome
from portal.core.errors import InvalidRequest
from portal.core.models import is_id
from portal.db import db
from portal.web import filters

SAMPLES = 10

blueprint = Blueprint("bulk", __name__)


@blueprint.post("/recordings/tags/preview")
def preview() -> str:
    """What would happen, for the person to confirm."""
    tag, remove = _asked()
    ids = chosen(bulk.MOST)
    if not ids:
        return _shown("recordings/tags_none.html", tag, remove, [])
    outcomes = bulk.preview(db.session, caller(), ids, tag, remove)
    return _shown("recordings/tags_preview.html", tag, remove, outcomes)


@blueprint.post("/recordings/tags")
def apply() -> str:
    tag, remove = _asked()
    outcomes = list(bulk.tag_all(db.session, caller(), _named(bulk.MOST), tag, remove))
    return _shown("recordings/tags_done.html", tag, remove, outcomes)


def _asked() -> tuple[str, bool]:
    tag = tagging.label_of(request.form.get("tag", ""))
    return tag, request.form.get("act") == "remove"


def chosen(most: int) -> list[str]:
    """The ids of a form of the list: those that are named, or with `all` the first that the list
    shows with the filters of the address. Raises InvalidRequest."""
    if not request.form.get("all"):
        return _named(most)
    wanted = filters.wanted(filters.read())
    return [row.id for row in finding.page(db.session, caller(), most, wanted).rows]


def _named(most: int) -> list[str]:
    ids = request.form.getlist("id")
    if len(ids) > most or not all(map(is_id, ids)):
        raise InvalidRequest(f"Choose {most} recordings at most.")
    return ids


def _shown(template: str, tag: str, remove: bool, outcomes: Sequence[Outcome]) -> str:
    return render_template(
        template,
        tag=tag,
        remove=remove,
        outcomes=outcomes,
        counts=Counter(each.result for each in outcomes),
        samples=SAMPLES,
        filters=filters.read(),
    )
