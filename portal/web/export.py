"""A filtered list of recordings as a file: CSV for spreadsheets, JSON lines for programs.

The last line says how many there were: a file without it was cut off.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, stream_with_context

from portal.auth import caller, unchanged
from portal.core import exporting
from portal.core.transaction import utc_now
from portal.db import db
from portal.streaming import watched
from portal.web import filters

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a cell begins with that spreadsheets would compute."""
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
    pieces = watched(stream_with_context(_pieces(lines)), unchanged())
    response = Response(pieces, content_type=kind)
    name = f"recordings-{utc_now():%Y%m%d-%H%M%S}.{form}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "private, no-store"
    return response


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
    yield _csv_line([*exporting.COLUMNS, "tags", "held"])
    count = 0
    for row in rows:
        count += 1
        yield _csv_line([_cell(value) for value in row.values()])
    yield _csv_line([f"end of file: {count} recordings"])


def _csv_line(cells: list[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


def _cell(value: Any) -> str:
    if isinstance(value, list):
        text = ", ".join(value)
    elif isinstance(value, dict):
        text = json.dumps(value, ensure_ascii=False)
    else:
        text = _plain(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def _plain(value: Any) -> str:
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
