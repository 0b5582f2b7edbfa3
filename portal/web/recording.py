"""One recording: its page with the player, and the bytes that the player asks for."""

from __future__ import annotations

import json
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from flask import Response, current_app, jsonify, render_template, request, url_for
from werkzeug.utils import redirect
from werkzeug.wrappers import Response as WerkzeugResponse

from portal.asking import asked
from portal.auth import caller, still
from portal.core import notes, playing, ranges, reasons, recordings, reviews, tagging
from portal.core.errors import InvalidRequest, NotFound, ReasonMissing, TryAgainLater
from portal.core.models import Recording
from portal.core.ranges import Ranges
from portal.db import db
from portal.delivery import Deliveries
from portal.parsing import known_id
from portal.streaming import direct_address, for_playing, original, play, send_derived
from portal.web import cursors, holds, retention
from portal.web.recordings import blueprint
from portal.web.security import allow_media_from

TABS = {
    "notes": {"note"},
    "access": {"history"},
    "integrity": {"history", "verify"},
    "history": {"history"},
    "metadata": {"list"},
}
"""What the page tells below the player, and the rights of which each needs one."""
PER_TAB = 50
PLAYED = ("audio", "video")
MOST_TOLD = 1000


@blueprint.get("/recordings/<recording_id>")
def show(recording_id: str) -> str:
    return page(recordings.view(db.session, caller(), _known(recording_id)))


def page(recording: Recording, media_url: str | None = None) -> str:
    """The whole page. `media_url`: of a play session that stands already."""
    playable = recording.state == "ready" and recording.integrity == "ok"
    address = urlsplit((direct_address(original(recording)) if playable else None) or "")
    allow_media_from(f"{address.scheme}://{address.netloc}" if address.netloc else None)
    return render_template(
        "recordings/show.html",
        media_url=media_url,
        playable=playable and "play" in caller().rights,
        asks=not media_url and asks(recording),
        standing=retention.of_recording(recording),
        tags=tagging.tags_of(db.session, recording.id),
        held_by=holds.of_recording(recording.id),
        lane=notes.of_recording(db.session, caller(), recording.id),
        reviewed=reviews.of_recording(db.session, caller(), recording.id),
        **told(recording, _asked_tab()),
    )


def asks(recording: Recording) -> bool:
    """Whether this person must say why before they hear it."""
    try:
        reasons.given(db.session, caller(), recording, asked())
    except ReasonMissing:
        return True
    return False


def _asked_tab() -> str:
    open_to = [name for name, rights in TABS.items() if rights & caller().rights]
    tab = request.args.get("tab")
    return tab if tab in open_to else next(iter(open_to), "metadata")


def told(recording: Recording, tab: str, start: str | None = None) -> dict[str, Any]:
    """What one tab shows, a page at a time. `start`: the note that a page of them begins with."""
    tabs = [name for name, rights in TABS.items() if rights & caller().rights]
    rows = _rows(recording, tab, start)
    more = _more(tab, rows) if len(rows) > PER_TAB else None
    shown = rows[:PER_TAB]
    return {"recording": recording, "tabs": tabs, "tab": tab, "rows": shown, "more": more}


def _more(tab: str, rows: list[Any]) -> str | int:
    """Where the next page begins: at a note, or before a play session or an event."""
    if tab == "notes":
        return str(rows[PER_TAB].id)
    last = rows[PER_TAB - 1]
    return last.id if tab == "access" else last.seq  # type: ignore[no-any-return]


def _rows(recording: Recording, tab: str, start: str | None) -> list[Any]:
    """Those of this page, and one more if there are more."""
    which = (db.session, caller(), recording.id, PER_TAB + 1)
    if tab == "notes":
        return list(notes.of_recording(*which, start or cursors.by_id()))
    if tab == "access":
        return list(playing.of_recording(*which, cursors.by_id()))
    if tab == "history":
        return list(recordings.history(*which, cursors.by_number()))
    if tab == "integrity":
        return list(recordings.checks(db.session, recording.id, PER_TAB + 1, cursors.by_number()))
    return []


@blueprint.get("/recordings/<recording_id>/tab")
def panel(recording_id: str) -> str:
    """One tab by itself, for a page that is open: what is playing goes on."""
    recording = recordings.find(db.session, caller(), _known(recording_id))
    return render_template("recordings/_panel.html", **told(recording, _asked_tab()))


@blueprint.post("/recordings/<recording_id>/play")
def begin(recording_id: str) -> Response | WerkzeugResponse | str:
    """Writes the play session, and says where its bytes are. Programs get that as JSON; without
    scripts it is the page once more, or the file where there is nothing to play."""
    why = asked(request.form)
    recording = recordings.find_playable(db.session, caller(), _known(recording_id), why)
    size = for_playing(recording).size
    _, secret = playing.begin(db.session, caller(), recording.id, size, why)
    address = url_for("recordings.media", recording_id=recording.id, play=secret)
    if request.accept_mimetypes.best == "application/json":
        return jsonify(media=address, play=secret)
    if recording.kind in PLAYED:
        return page(recording, address)
    if "download" in caller().rights:
        address = url_for("handover.download", recording_id=recording.id)
    return redirect(address, 303)


@blueprint.post("/recordings/<recording_id>/heard")
def heard(recording_id: str) -> Response:
    """What the player has played since it last told."""
    secret, closing = request.form.get("play", ""), "closing" in request.form
    stretches = _told(request.form.get("ranges", "[]"))
    playing.hear(db.session, caller(), _known(recording_id), secret, stretches, closing)
    return Response(status=204)


def _told(text: str) -> Ranges:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("The stretches are no JSON.") from error
    if not isinstance(said, list) or len(said) > MOST_TOLD or not all(map(_is_stretch, said)):
        raise InvalidRequest("The stretches must be pairs of milliseconds.")
    return ranges.merged(said)


def _is_stretch(said: object) -> bool:
    pair = isinstance(said, list) and len(said) == 2
    return pair and all(type(each) is int and 0 <= each < 10**11 for each in said)  # type: ignore[attr-defined]


@blueprint.get("/recordings/<recording_id>/media")
def media(recording_id: str) -> Response:
    known, secret = _known(recording_id), request.args.get("play", "")
    may = partial(playing.find_playing, recording_id=known, secret=secret, asked=asked())
    recording, row = may(db.session, caller())
    deliveries: Deliveries = current_app.extensions["deliveries"]
    if deliveries.failing:
        raise TryAgainLater("The play log cannot be written just now; try again in a minute.")
    counted = partial(deliveries.begin, row.id, request.environ.get("gunicorn.socket"))
    return play(for_playing(recording), still(may), counted)


@blueprint.get("/recordings/<recording_id>/thumbnail")
def thumbnail(recording_id: str) -> Response:
    recording = _playable(recording_id)
    return send_derived(recording.storage_id, _present(recording.thumbnail_key), "image/jpeg")


@blueprint.get("/recordings/<recording_id>/sprite")
def sprite(recording_id: str) -> Response:
    """The sheet of small pictures: see portal.core.pictures."""
    recording = _playable(recording_id)
    return send_derived(recording.storage_id, _present(recording.sprite_key), "image/jpeg")


@blueprint.get("/recordings/<recording_id>/peaks")
def peaks(recording_id: str) -> Response:
    recording = _playable(recording_id)
    return send_derived(recording.storage_id, _present(recording.peaks_key), "application/json")


def _playable(recording_id: str) -> Recording:
    return recordings.find_playable(db.session, caller(), _known(recording_id), asked())


def _known(recording_id: str) -> str:
    return known_id(recording_id, "There is no such recording.")


def _present(key: str | None) -> str:
    if key is None:
        raise NotFound("This recording has none.")
    return key
