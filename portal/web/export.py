"""A filtered list of recordings as a file: CSV for spreadsheets, JSON lines for programs.

The last line says how many there were: a file without it was cut off.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from flask import Blueprint, Response

from portal.auth import caller
from portal.core import exporting
from portal.core.csv_lines import csv_line
from portal.db import db
from portal.web import filters
from portal.web.files import made_file

PIECE = 64 * 1024
Lines = Iterator[dict[str, Any]]

blueprint = Blueprint("export", __name__)


@blueprint.get("/recordings/export.csv")
def comma_separated() -> Response:
    return _file("csv", "text/csv; charset=utf-8", _as_csv)


@blueprint.get("/recordings/export.jsonl")
def json_lines() -> Response:
    return _file("jsonl", "application/x-ndjson", _as_json)


def _file(form: str, kind: str, write: Callable[[Lines], Iterator[str]]) -> Response:
    asked, sort, who = filters.read(), filters.sort(), caller()
    wanted = filters.wanted(asked)
    exporting.begin(db.session, who, wanted, form, asked, sort)
    lines = write(exporting.rows(db.session, who, wanted, sort))
    return made_file(_pieces(lines), "recordings", form, kind)


def _pieces(lines: Iterator[str]) -> Iterator[bytes]:
    """Lines by the dozen: to send each alone takes as long as to make it."""
    piece = bytearray()
    for line in lines:
        piece += line.encode()
        if len(piece) >= PIECE:
            yield bytes(piece)
            piece.clear()
    yield bytes(piece)


def _as_csv(rows: Lines) -> Iterator[str]:
    yield "\ufeff"  # without it, Excel takes UTF-8 for something else
    yield csv_line([*exporting.COLUMNS, "tags", "held"])
    count = 0
    for row in rows:
        count += 1
        yield csv_line([_cell(value) for value in row.values()])
    yield csv_line([f"end of file: {count} recordings"])


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(value)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.isoformat()
    return "" if value is None else str(value)


def _as_json(rows: Lines) -> Iterator[str]:
    count = 0
    for row in rows:
        count += 1
        yield json.dumps(row, ensure_ascii=False, default=datetime.isoformat) + "\n"
    yield json.dumps({"end": True, "count": count}) + "\n"
