"""Background work: what runs, what waits, what failed and why, and trying it again."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import ngettext
from werkzeug.wrappers import Response

from portal import queue
from portal.auth import caller
from portal.core import job_list
from portal.core.errors import InvalidRequest
from portal.core.job_list import KINDS, MOST, STATES, Asked
from portal.core.models import Job, place_at
from portal.db import db
from portal.parsing import plain
from portal.web import cursors
from portal.web.words import JOB_KINDS, JOB_STATES

PER_PAGE = 50
SAMPLES = 10
LONGEST_ID = 80

blueprint = Blueprint("jobs", __name__, url_prefix="/jobs")


@blueprint.get("")
def index() -> str:
    asked = _asked()
    rows, more = job_list.page(
        db.session, caller(), PER_PAGE, asked, cursors.by_moment(is_key=_is_job)
    )
    return render_template(
        "jobs/index.html",
        rows=rows,
        older=more and f"{place_at(more[0])}.{more[1]}",
        asked=asked,
        states=STATES,
        kinds=KINDS,
        workers=queue.workers(),
        waiting=queue.waiting(),
        kind_name=JOB_KINDS,
        job_state=JOB_STATES,
    )


def _asked() -> Asked:
    state, kind = request.args.get("state") or None, request.args.get("kind") or None
    if state not in (None, *STATES) or kind not in (None, *KINDS):
        cursors.damaged()
    return Asked(state, kind)


def _is_job(text: str) -> bool:
    return 0 < len(text) <= LONGEST_ID and plain(text)


@blueprint.post("/retry/preview")
def preview() -> str:
    """How many would be tried again, for the person to confirm."""
    if request.form.get("all"):
        found: Sequence[Job] = job_list.matching(db.session, caller(), _asked())
    else:
        found = job_list.find(db.session, caller(), _chosen())
    return render_template(
        "jobs/retry.html",
        jobs=found,
        samples=SAMPLES,
        asked=_asked(),
        kind_name=JOB_KINDS,
        job_state=JOB_STATES,
    )


@blueprint.post("/retry")
def retry() -> Response:
    done = job_list.retry(db.session, caller(), _chosen())
    for job in done:
        queue.ring(job.kind, job.object_id or "", job.epoch)
    flash(ngettext("%(num)d job is tried again.", "%(num)d jobs are tried again.", len(done)))
    return redirect(url_for("jobs.index"), 303)


def _chosen() -> list[str]:
    ids = request.form.getlist("id")
    if len(ids) > MOST or not all(map(_is_job, ids)):
        raise InvalidRequest(f"Choose {MOST} jobs at most.")
    return ids
