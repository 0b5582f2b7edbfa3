"""The recordings: the list, one recording with its player, and the bytes that it plays."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, Response, current_app, render_template, request, url_for
from itsdangerous import BadSignature, URLSafeTimedSerializer
from werkzeug.utils import redirect
from werkzeug.wrappers import Response as WerkzeugResponse

from portal.auth import caller
from portal.core import recordings
from portal.core.errors import InvalidRequest, NotAllowed, NotFound
from portal.core.models import Recording, is_id
from portal.core.recordings import Wanted
from portal.db import db
from portal.parsing import known_id
from portal.streaming import direct_address, for_playing, original, play, send_derived
from portal.web.security import allow_media_from

PER_PAGE = 50
VIEW_SECONDS = 12 * 3600

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
    return render_template("recordings/list.html", page=page, state=state)


def _cursor(name: str) -> str | None:
    text = request.args.get(name)
    if text is not None and not is_id(text):
        raise InvalidRequest("This page address is damaged; go back to the list.")
    return text


@blueprint.get("/recordings/<recording_id>")
def show(recording_id: str) -> str:
    recording = recordings.view(db.session, caller(), _known(recording_id))
    plays = recording.state == "ready" and recording.integrity == "ok"
    address = urlsplit((direct_address(original(recording)) if plays else None) or "")
    allow_media_from(f"{address.scheme}://{address.netloc}" if address.netloc else None)
    return render_template(
        "recordings/show.html",
        recording=recording,
        media_url=_media_url(recording),
        events=recordings.history(db.session, caller(), recording.id),
    )


def _media_url(recording: Recording) -> str | None:
    """Where the player gets its bytes, if this person may hear them. The address works only for
    whoever opened the page, which the audit log has recorded."""
    playable = recording.state == "ready" and recording.integrity == "ok"
    if "play" not in caller().rights or not playable:
        return None
    seen = _signer().dumps([caller().user_id, recording.id])
    return url_for("recordings.media", recording_id=recording.id, view=seen)


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt="recording-view")


@blueprint.get("/recordings/<recording_id>/media")
def media(recording_id: str) -> Response:
    recording = recordings.find_playable(db.session, caller(), _known(recording_id))
    try:
        seen = _signer().loads(request.args.get("view", ""), max_age=VIEW_SECONDS)
    except BadSignature as error:
        raise NotAllowed("Open the recording's page first; what is played is logged.") from error
    if seen != [caller().user_id, recording.id]:
        raise NotAllowed("Open the recording's page first; what is played is logged.")
    return play(for_playing(recording))


@blueprint.get("/recordings/<recording_id>/thumbnail")
def thumbnail(recording_id: str) -> Response:
    recording = recordings.find_playable(db.session, caller(), _known(recording_id))
    return send_derived(recording.storage_id, _present(recording.thumbnail_key), "image/jpeg")


@blueprint.get("/recordings/<recording_id>/peaks")
def peaks(recording_id: str) -> Response:
    recording = recordings.find_playable(db.session, caller(), _known(recording_id))
    return send_derived(recording.storage_id, _present(recording.peaks_key), "application/json")


def _known(recording_id: str) -> str:
    return known_id(recording_id, "There is no such recording.")


def _present(key: str | None) -> str:
    if key is None:
        raise NotFound("This recording has none.")
    return key
