"""Retention: the rules, what they say of a recording, the coming deletions and the runs."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from flask import Blueprint, render_template, request
from flask_babel import gettext

from portal import uploading
from portal.auth import caller
from portal.core import recordings
from portal.core.errors import NotFound
from portal.core.models import Recording, is_id
from portal.core.retention import looking, planning, policies
from portal.core.retention.deciding import Decision
from portal.core.transaction import utc_now
from portal.db import db
from portal.web import cursors

PER_PAGE = 50
COUNTED = 1000
"""What is still to be planned is counted up to here."""

blueprint = Blueprint("retention_rules", __name__, url_prefix="/retention")


@blueprint.get("")
def index() -> str:
    """The rules in force, or with `?policy=3` those of an older version."""
    caller().must("verify")
    number = policies.current(db.session)[0]
    asked = cursors.by_number("policy")
    shown = number if asked is None else asked
    policy, rules = policies.version(db.session, shown)
    if policy is None and shown:
        raise NotFound("There never was such a version of the rules.")
    return render_template(
        "retention/index.html",
        policy=policy,
        rules=rules,
        number=number,
        versions=policies.versions(db.session),
        left=planning.left(db.session, COUNTED + 1),
        counted=COUNTED,
        **_tested(),
    )


def _tested() -> dict[str, object]:
    """The recording that somebody asks about with `?id=`, and what the rules say of it."""
    asked = request.args.get("id", "").strip()
    if not asked:
        return {"asked": "", "problem": None}
    try:
        if not is_id(asked):
            raise NotFound("This is no number of a recording.")
        found = recordings.find(db.session, caller(), asked)
    except NotFound:
        problem = gettext("There is no recording with this number, or it is not yours to see.")
        return {"asked": asked, "problem": problem}
    return {"asked": asked, "problem": None, "recording": found, "standing": of_recording(found)}


def of_recording(recording: Recording) -> Decision:
    """What becomes of a recording and why: `standing` of templates/retention/_of_recording.html."""
    return looking.of_recording(db.session, recording, uploading.settings().keep, utc_now())


def tile() -> looking.Tile:
    """`tile` of templates/retention/_tile.html: marked and not yet purged, and the next run."""
    return looking.tile(db.session, caller(), utc_now())


@blueprint.get("/calendar")
def calendar() -> str:
    """The coming deletions by month, or by day with `?month=2027-03`."""
    month = _month()
    if month is None:
        spans = looking.months(db.session, caller(), utc_now())
    else:
        spans = looking.days(db.session, caller(), month)
    most = max((each.count for each in spans), default=0)
    return render_template(
        "retention/calendar.html", spans=spans, most=most, month=month, tile=tile()
    )


def _month() -> datetime | None:
    text = request.args.get("month")
    if text is None:
        return None
    if not re.fullmatch("(19|20|21)[0-9]{2}-(0[1-9]|1[0-2])", text):
        cursors.damaged()
    return datetime(int(text[:4]), int(text[5:]), 1, tzinfo=UTC)


@blueprint.get("/runs")
def runs() -> str:
    caller().must("verify")
    before = cursors.by_id()
    rows = looking.runs(db.session, PER_PAGE + 1, before)
    older = rows[PER_PAGE - 1].id if len(rows) > PER_PAGE else None
    return render_template(
        "retention/runs.html", rows=rows[:PER_PAGE], older=older, tile=tile(), before=before
    )
