"""How a route of the API says what it takes and gives; portal/api/openapi.py collects it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from flask import Response
from pydantic import BaseModel, ConfigDict

View = TypeVar("View", bound=Callable[..., object])
BYTES = "application/octet-stream"


class Answer(BaseModel):
    """What the API answers in JSON. Built at first use: the workers, which load it too, answer
    nothing."""

    model_config = ConfigDict(defer_build=True)


@dataclass(frozen=True)
class Description:
    """One route. `takes`: the shape of its JSON body, or the media types of its bytes. `gives`:
    by status, the shape of the answer, a media type, or None for an empty one. `refuses`: the
    statuses that the dialect's error envelope comes with, beside 401, 403, 429 and 503, which
    every route may give. `headers`, `query`: names of request headers and parameters, each with
    a sentence; so are `form`, the fields of a multipart body, and `answers`, the answer's own
    headers. `needs`: those of them that must be sent."""

    summary: str
    takes: type[BaseModel] | tuple[str, ...] | None = None
    gives: dict[int, type[BaseModel] | str | None] = field(default_factory=dict)
    refuses: tuple[int, ...] = ()
    headers: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    form: dict[str, str] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()


def described(description: Description) -> Callable[[View], View]:
    """Goes below the route's decorator."""

    def mark(view: View) -> View:
        view.described = description  # type: ignore[attr-defined]
        return view

    return mark


def answer(said: Answer, status: int = 200) -> Response:
    """It is true of this moment, and may hold addresses that are secrets: nobody keeps it."""
    headers = {"Cache-Control": "no-store"}
    return Response(said.model_dump_json(), status, headers, mimetype="application/json")
