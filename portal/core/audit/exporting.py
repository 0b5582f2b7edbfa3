"""The audit log as a file: JSON lines that can be verified without us, or CSV for a spreadsheet."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy.orm import Session

from portal.core import audit, chain
from portal.core.accounts import Caller
from portal.core.audit import seals, search
from portal.core.audit.seals import EXPORTS, SealKey
from portal.core.audit.search import Wanted
from portal.core.csv_lines import csv_line
from portal.core.models import AuditHead
from portal.core.transaction import utc_now

COLUMNS = (*chain.FIELDS, "prev_hash", "hash")


def begin(session: Session, caller: Caller, form: str, filters: dict[str, str]) -> AuditHead:
    """Write down that this is exported; the end of the chain up to which it goes.

    Raises NotAllowed.
    """
    search.readable(caller)
    audit.record_alone(session, caller.actor, "audit.exported", format=form, filters=filters)
    return seals.head(session)


def json_lines(
    session: Session,
    caller: Caller,
    wanted: Wanted,
    head: AuditHead,
    key: SealKey,
    filters: dict[str, str],
) -> Iterator[bytes]:
    """The seals if it is the whole log, one event a line, then a signed line about all before.

    That last line says how many lines there are and what their SHA-256 is: a part of the log has no
    chain of its own, but what is in the file can still not be changed.
    """
    digest, count = hashlib.sha256(), 0
    for block, lines in _blocks(session, caller, wanted, head.seq):
        digest.update(block)
        count += lines
        yield block
    statement = {
        "at": chain.stamp(utc_now()),
        "by": caller.label,
        "filters": filters,
        "whole": search.whole(caller, wanted),
        "lines": count,
        "sha256": digest.hexdigest(),
        "head_seq": head.seq,
        "head_hash": head.hash,
        "key": key.public,
    }
    yield _line({"export": statement, "signature": key.sign(EXPORTS, statement)})


def _blocks(
    session: Session, caller: Caller, wanted: Wanted, until: int
) -> Iterator[tuple[bytes, int]]:
    """Whole lines, and how many."""
    if search.whole(caller, wanted):
        kept = [each for _, each in reversed(seals.in_database(session)) if each.seq <= until]
        yield b"".join(f"{each.line()}\n".encode() for each in kept), len(kept)
    for batch in search.events(session, caller, wanted, until):
        yield b"".join(_line(_said(each)) for each in batch), len(batch)


def _said(event: dict[str, Any]) -> dict[str, Any]:
    return {name: event[name] for name in COLUMNS} | {"at": chain.stamp(event["at"])}


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value).encode("ascii") + b"\n"


def comma_separated(
    session: Session, caller: Caller, wanted: Wanted, head: AuditHead
) -> Iterator[bytes]:
    """A header and one event a line; `details` is JSON. What a spreadsheet would take for a formula
    gets an apostrophe before it."""
    yield csv_line(COLUMNS).encode()
    for batch in search.events(session, caller, wanted, head.seq):
        yield "".join(csv_line(map(_cell, _said(each).values())) for each in batch).encode()


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return "" if value is None else str(value)
