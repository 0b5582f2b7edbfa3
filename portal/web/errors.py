"""Errors of the pages: every refusal becomes a page that says what happened and what to do."""

from __future__ import annotations

from http import HTTPStatus

from flask import Flask, Response, current_app, jsonify, render_template, request
from flask.globals import request_ctx
from flask_babel import LazyString, lazy_gettext
from gunicorn.http.errors import ParseException
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException, InternalServerError, MethodNotAllowed

from portal.auth import forget_caller
from portal.core.errors import NotPlayable, Refusal
from storage_backends import ObjectNotFound, StorageError, StorageFull

DATABASE_AWAY = (
    lazy_gettext("The database does not answer"),
    lazy_gettext("Nothing that was acknowledged is lost. Try again in a minute."),
)
NOT_SERVED = (
    lazy_gettext("This recording is not served"),
    lazy_gettext("It is quarantined or was found damaged. Its page says why."),
)
SENTENCES: dict[int, tuple[LazyString, LazyString]] = {
    400: (
        lazy_gettext("That request was not understood"),
        lazy_gettext("Go back, reload the page and try again."),
    ),
    403: (
        lazy_gettext("Not yours to open"),
        lazy_gettext("Your role does not include this. Ask an administrator if it should."),
    ),
    404: (
        lazy_gettext("Nothing here"),
        lazy_gettext("It does not exist, or it is not yours to see."),
    ),
    409: (
        lazy_gettext("That does not fit any more"),
        lazy_gettext("Something has changed meanwhile, or a legal hold forbids it. Look again."),
    ),
    413: (
        lazy_gettext("That was too much at once"),
        lazy_gettext("Send less, or send it through a resumable upload."),
    ),
    503: (
        lazy_gettext("The storage does not answer"),
        lazy_gettext("Lists keep working; playing does not for now. Try again in a minute."),
    ),
    507: (
        lazy_gettext("The disk is full"),
        lazy_gettext("Nothing that was acknowledged is lost. Ask an administrator to make room."),
    ),
    500: (
        lazy_gettext("Something went wrong on our side"),
        lazy_gettext("It has been logged. Tell your administrator the number below."),
    ),
}


def init_app(app: Flask) -> None:
    app.register_error_handler(Refusal, lambda error: answer(error.status))
    app.register_error_handler(NotPlayable, lambda error: answer(error.status, NOT_SERVED))
    app.register_error_handler(StorageError, _storage)
    app.register_error_handler(OperationalError, _database)
    app.register_error_handler(HTTPException, _http)
    # A body in chunks that are none: whoever reads it first, Flask's forms too, meets this.
    app.register_error_handler(ParseException, lambda error: answer(400))


Sentences = tuple[LazyString, LazyString]


def answer(status: int, sentences: Sentences | None = None) -> Response:
    """The page for this status; JSON for programs, which ask below /api."""
    title, advice = sentences or SENTENCES.get(status, SENTENCES[400 if status < 500 else 500])
    if request.path.startswith("/api/"):
        code = HTTPStatus(status).phrase.lower().replace(" ", "_")
        return _with_status(jsonify(error={"code": code, "message": f"{title}. {advice}"}), status)
    # Without an adapter (a host that is not ours) no page can be built.
    if request_ctx.url_adapter is None:
        return Response(f"{title}. {advice}\n", status, mimetype="text/plain")
    page = render_template("error.html", status=status, title=title, advice=advice)
    return Response(page, status)


def _with_status(response: Response, status: int) -> Response:
    response.status_code = status
    return response


def _http(error: HTTPException) -> Response | HTTPException:
    if error.code is None or error.code < 400:
        return error
    if isinstance(error, InternalServerError):
        current_app.logger.error("unhandled", exc_info=error.original_exception)
    response = answer(error.code)
    if isinstance(error, MethodNotAllowed):
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods or ()))
    return response


def _storage(error: StorageError) -> Response:
    current_app.logger.error("%s", error)
    if isinstance(error, StorageFull):
        return answer(507)
    return answer(404 if isinstance(error, ObjectNotFound) else 503)


def _database(error: OperationalError) -> Response:
    """A full disk stops SQLite too; nothing was committed, and the client may come again."""
    current_app.logger.error("database: %s", error.orig)
    forget_caller()
    if "full" in str(error.orig):
        return answer(507)
    response = answer(503, DATABASE_AWAY)
    response.headers["Retry-After"] = "5"
    return response
