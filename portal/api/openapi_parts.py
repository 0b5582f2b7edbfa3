"""The pieces of the OpenAPI document: routes, parameters, schemas, and words for people."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

from flask import Flask
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema
from werkzeug.routing import Rule

from portal.api.describing import Answer, Description
from portal.api.resumable_words import Problem

JSON, FORM, PLAIN, PROBLEM = (
    "application/json",
    "multipart/form-data",
    "text/plain",
    "application/problem+json",
)
REF = "#/components/schemas/{model}"
ID = {
    "type": "string",
    "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
    "examples": ["019a8b1e-6f00-7c3a-9d5e-2f4b6a8c0e1d"],
}
WHOLE = {"type": "string", "pattern": "^[0-9]{1,15}$"}
TEXT = {"type": "string"}
FORMATS = {
    "Upload-Length": WHOLE,
    "Upload-Offset": WHOLE,
    "Upload-Complete": {"type": "string", "enum": ["?0", "?1"]},
    "Upload-Draft-Interop-Version": {"type": "string", "enum": ["8"]},
    "Upload-Defer-Length": {"type": "string", "enum": ["1"]},
    "Tus-Resumable": {"type": "string", "enum": ["1.0.0"]},
    "Idempotency-Key": {"type": "string", "pattern": "^[!-~]{1,255}$"},
}
"""What the header fields of the protocols look like; all others are any text."""

BEARER_SCHEME = {
    "type": "http",
    "scheme": "bearer",
    "description": "A token of `portal create-token`, or a JWT of the provider that is trusted.",
}


def _tag(name: str, sentence: str) -> dict[str, str]:
    return {"name": name, "description": sentence}


TAGS = {
    "tus": _tag("tus", "Resumable uploads by tus 1.0, for any tus client."),
    "videos": _tag("videos", "Videos by REST: begin, ask, complete, cancel. Bytes go by tus."),
    "chunks": _tag("chunks", "Files as JSON with base64 chunks, in any order, for mobile clients."),
    "sessions": _tag("sessions", "Sessions of the desktop recorder: binary chunks by number."),
    "calls": _tag("calls", "Call recordings of a lead: upload, whole or in chunks, and play."),
    "api_recordings": _tag("recordings", "Finished recordings: list, content, deletion."),
    "resumable": _tag("resumable", "The IETF's draft of resumable uploads, interop version 8."),
    "health": _tag("health", "Whether the portal can do its work. Needs no token."),
    "openapi": _tag("about", "The API's description. Needs no token."),
}


class Reason(Answer):
    """`code` is stable and for programs, `message` for people."""

    code: str
    message: str
    missing_chunks: list[int] | None = None


class Refused(Answer):
    """How the JSON endpoints refuse."""

    error: Reason


ENVELOPES: dict[str, tuple[str, type[BaseModel] | None]] = {
    "tus": (PLAIN, None),
    "health": (PLAIN, None),
    "openapi": (PLAIN, None),
    "resumable": (PROBLEM, Problem),
}
"""What refusals come as, by blueprint; everywhere else it is the usual one."""
USUAL = (JSON, Refused)


def info() -> dict[str, str]:
    return {
        "title": "Recordings portal",
        "version": version("recordings-portal"),
        "description": "Recordings come in through any of these dialects. Whatever the dialect, an "
        "upload and its recording have the same id, nothing acknowledged is lost, and bytes are "
        "served only once they are verified.",
    }


@dataclass(frozen=True)
class Route:
    """One method of one path. `name` is unique."""

    path: str
    method: str
    endpoint: str
    name: str
    arguments: tuple[str, ...]
    description: Description

    @property
    def blueprint(self) -> str:
        return self.endpoint.partition(".")[0]


def routes(app: Flask) -> Iterator[Route]:
    """Every described route below /api."""
    names: dict[str, int] = {}
    for rule in sorted(below_api(app), key=lambda rule: rule.rule):
        about = getattr(app.view_functions[rule.endpoint], "described", None)
        for method in methods(rule) if about else ():
            name = f"{method}_{rule.endpoint}".replace(".", "_")
            count = names[name] = names.get(name, 0) + 1
            unique = name if count == 1 else f"{name}_{count}"
            path = re.sub(r"<(?:[^<>:]+:)?([^<>]+)>", r"{\1}", rule.rule)
            arguments = tuple(re.findall(r"{([^}]+)}", path))
            yield Route(path, method, rule.endpoint, unique, arguments, about)


def below_api(app: Flask) -> list[Rule]:
    """The rules of the API, each once: an address with a slash at its end is the same."""
    rules = [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/api/")]
    known = {rule.rule for rule in rules}
    return [rule for rule in rules if not (rule.rule[-1] == "/" and rule.rule[:-1] in known)]


def methods(rule: Rule) -> list[str]:
    """Those that somebody wrote; Flask adds HEAD to each GET, and OPTIONS to all."""
    found = set(rule.methods or ())
    found -= {"HEAD"} if "GET" in found else set()
    found -= {"OPTIONS"} if rule.provide_automatic_options else set()
    return sorted(method.lower() for method in found)


def parameters(route: Route) -> list[dict[str, Any]]:
    about = route.description
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": ID if is_ours(name) else TEXT}
        for name in route.arguments
    ]
    named = [("query", each) for each in about.query.items()]
    named += [("header", each) for each in about.headers.items()]
    return in_path + [
        {"name": name, "in": where, "required": name in about.needs} | header(name, sentence)
        for where, (name, sentence) in named
    ]


def is_ours(argument: str) -> bool:
    """Whether we made this id; those of leads are the client's."""
    return argument.endswith("_id") and argument != "lead_id"


def header(name: str, sentence: str) -> dict[str, Any]:
    return {"description": sentence, "schema": FORMATS.get(name, TEXT)}


class Schemas:
    """The shapes of all bodies; equal names of different dialects are told apart."""

    def __init__(self, found: Iterable[Route]) -> None:
        wanted: list[tuple[type[BaseModel], JsonSchemaMode]] = []
        for route in found:
            about, (_, envelope) = route.description, ENVELOPES.get(route.blueprint, USUAL)
            shapes = [envelope, *about.gives.values()]
            wanted += [(shape, "serialization") for shape in shapes if isinstance(shape, type)]
            wanted += [(about.takes, "validation")] if isinstance(about.takes, type) else []
        self.references, held = models_json_schema(list(dict.fromkeys(wanted)), ref_template=REF)
        self.components: dict[str, Any] = held.get("$defs", {})

    def body(self, about: Description) -> dict[str, Any]:
        """The content of a request body, by media type."""
        if isinstance(about.takes, type):
            found = {JSON: {"schema": self.references[about.takes, "validation"]}}
        else:
            found = {each: {"schema": _bytes()} for each in about.takes or ()}
        if about.form or FORM in found:
            fields = {name: TEXT | {"description": each} for name, each in about.form.items()}
            shape = {"type": "object", "properties": {"file": _bytes()} | fields}
            shape["required"] = [name for name in shape["properties"] if name in about.needs]
            found[FORM] = {"schema": shape}
        return found

    def answer(self, status: int, shape: type[BaseModel] | str | None) -> dict[str, Any]:
        told: dict[str, Any] = {"description": phrase(status)}
        if isinstance(shape, str):
            told["content"] = {shape: {}}
        elif shape is not None:
            told["content"] = {JSON: {"schema": self.references[shape, "serialization"]}}
        return told

    def refusal(self, status: int, blueprint: str) -> dict[str, Any]:
        kind, shape = ENVELOPES.get(blueprint, USUAL)
        content = {"schema": self.references[shape, "serialization"]} if shape else {}
        return {"description": phrase(status), "content": {kind: content}}


def _bytes() -> dict[str, Any]:
    return {"type": "string", "format": "binary"}


def phrase(status: int) -> str:
    known = {each.value: each.phrase for each in HTTPStatus}
    return known.get(status, "Checksum Mismatch" if status == 460 else "Refused")
