"""What an exception means to a program: status, code, sentence and headers, for every dialect.

A dialect registers `explained` with its own envelope, and may give some a status of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from flask import Blueprint, Response, current_app, jsonify
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException, InternalServerError

from portal.core.errors import NotAuthenticated, Refusal
from storage_backends import ObjectNotFound, StorageError, StorageFull

FULL = "Nothing that was acknowledged is lost; try again when there is room."


@dataclass(frozen=True)
class Explained:
    """An error in words. `code` is stable and for programs, `sentence` for people."""

    status: int
    code: str
    sentence: str
    headers: dict[str, str] = field(default_factory=dict)
    error: Exception | None = None


def explain(error: Exception) -> Explained:
    """Never a traceback: whatever is not known here is a 500 that was logged."""
    if isinstance(error, Refusal):
        return _with_headers(Explained(error.status, error.code, str(error), error=error))
    if isinstance(error, StorageError):
        return _storage(error)
    if isinstance(error, OperationalError | PoolTimeout):
        return _database(error)
    if isinstance(error, HTTPException) and not isinstance(error, InternalServerError):
        return _http(error)
    current_app.logger.error("unhandled", exc_info=error)
    return Explained(500, "server_error", "Something went wrong on our side; it was logged.")


def _with_headers(found: Explained) -> Explained:
    if isinstance(found.error, NotAuthenticated):
        found.headers["WWW-Authenticate"] = "Bearer"
    if found.status in (429, 503):
        found.headers["Retry-After"] = "1" if found.status == 503 else "60"
    return found


def _storage(error: StorageError) -> Explained:
    current_app.logger.error("%s", error)
    if isinstance(error, StorageFull):
        return Explained(507, "no_room", f"The storage is full. {FULL}")
    if isinstance(error, ObjectNotFound):
        return Explained(404, "not_found", "The stored file is missing; it was logged.")
    return Explained(
        503, "storage_unavailable", "The storage does not answer.", {"Retry-After": "5"}
    )


def _database(error: Exception) -> Explained:
    """Too many at once, a full disk, or no database: nothing was committed."""
    current_app.logger.error("database: %s", getattr(error, "orig", error))
    if "full" in str(getattr(error, "orig", "")):
        return Explained(507, "no_room", f"The disk is full. {FULL}")
    return Explained(503, "overloaded", "The database does not answer.", {"Retry-After": "5"})


def _http(error: HTTPException) -> Explained:
    """What Flask itself refuses: no such route, a method that is not there, a body too large."""
    headers = dict(error.get_headers())
    headers.pop("Content-Type", None)
    code = error.name.lower().replace(" ", "_")
    return Explained(error.code or 500, code, error.description or error.name, headers)


def answer_refusals(blueprint: Blueprint, envelope: Callable[[Explained], Response]) -> None:
    """From here on, whatever is raised below this blueprint is answered in its envelope."""

    def answered(error: Exception) -> Response:
        explained = explain(error)
        response = envelope(explained)
        response.headers.update(explained.headers)
        return response

    blueprint.register_error_handler(Exception, answered)


def json_envelope(explained: Explained) -> Response:
    """`{"error": {"code", "message"}}`, and what else the refusal knows."""
    facts = explained.error.facts if isinstance(explained.error, Refusal) else {}
    said = {"code": explained.code, "message": explained.sentence} | dict(facts)
    response = jsonify(error=said)
    response.status_code = explained.status
    return response
