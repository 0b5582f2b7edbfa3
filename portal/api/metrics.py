"""`GET /metrics` for Prometheus: its text format, version 0.0.4."""

from __future__ import annotations

import hmac
from collections.abc import Iterator

from flask import Blueprint, Response, current_app, request

from portal import __version__, queue
from portal.api.refusals import Explained, answer_refusals
from portal.auth import visitor
from portal.bearer import bearer, shown
from portal.core.metrics import totals
from portal.core.metrics.totals import Family, Sample
from portal.core.transaction import utc_now
from portal.db import db
from portal.storage import stores

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PREFIX = "portal_"

blueprint = Blueprint("metrics", __name__)


def _sentence(explained: Explained) -> Response:
    return Response(f"{explained.sentence}\n", explained.status, mimetype="text/plain")


answer_refusals(blueprint, _sentence)


@blueprint.get("/metrics")
def show() -> Response:
    """For the setting's token, which is no account's, and for tokens with the scope `admin`."""
    if not _is_monitoring():
        bearer(shown(visitor())).must("operate")
    families = [*totals.families(db.session, stores, utc_now()), *_of_this_program()]
    text = "".join(line for family in families for line in _lines(family))
    return Response(text, headers={"Cache-Control": "no-store"}, content_type=CONTENT_TYPE)


def _is_monitoring() -> bool:
    expected: str = current_app.config["SETTINGS"].metrics_token
    given = request.headers.get("Authorization", "")
    right = f"Bearer {expected}"
    return bool(expected) and hmac.compare_digest(given.encode(), right.encode())


def _of_this_program() -> list[Family]:
    length = queue.waiting()
    waiting = [] if length is None else [Sample(length, {})]
    version = [Sample(1, {"version": __version__})]
    return [
        Family("queue_up", "gauge", "Whether Redis answers.", [Sample(length is not None, {})]),
        Family("queue_length", "gauge", "Rings that no worker has heard yet.", waiting),
        Family("info", "gauge", "The version of the program.", version),
    ]


def _lines(family: Family) -> Iterator[str]:
    name = f"{PREFIX}{family.name}"
    yield f"# HELP {name} {family.told}\n# TYPE {name} {family.kind}\n"
    for sample in family.samples:
        labels = ",".join(f'{key}="{_escaped(each)}"' for key, each in sample.labels.items())
        shown_labels = f"{{{labels}}}" if labels else ""
        yield f"{name}{sample.suffix}{shown_labels} {_number(sample.value)}\n"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
