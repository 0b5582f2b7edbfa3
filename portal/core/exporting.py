"""All recordings of a filtered list, for a file: in batches, the same that the list shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy.orm import Session

from portal.core import audit, finding
from portal.core.accounts import Caller
from portal.core.models import Recording
from portal.core.wanted import Wanted

BATCH = 1000
ALL = 10**12

COLUMNS = (
    "id",
    "filename",
    "state",
    "source",
    "kind",
    "content_type",
    "received_at",
    "available_at",
    "duration_ms",
    "size",
    "sha256",
    "integrity",
    "verified_at",
    "owner_label",
    "token_id",
    "department",
    "storage_id",
    "deleted_at",
    "deletion_reason",
    "details",
)
"""What a line tells from the recording itself; `tags` and `held` are added."""


def begin(
    session: Session,
    caller: Caller,
    wanted: Wanted,
    form: str,
    filters: dict[str, list[str]],
    sort: str,
) -> int:
    """Write down that a file of these is about to be made. How many there are.

    Raises NotAllowed.
    """
    count = finding.count(session, caller, wanted, most=ALL)
    said = {"format": form, "filters": filters, "sort": sort, "count": count}
    audit.record_alone(session, caller.actor, "export.created", **said)
    return count


def rows(session: Session, caller: Caller, wanted: Wanted, sort: str) -> Iterator[dict[str, Any]]:
    """Each of them, in the list's order. No transaction is open while a line is on its way."""
    before = None
    while True:
        page = finding.page(session, caller, BATCH, wanted, before, sort=sort)
        beside = finding.beside(session, [row.id for row in page.rows])
        for row in page.rows:
            yield _line(row, beside[row.id])
        before = page.older
        if before is None:
            return


def _line(row: Recording, beside: finding.Beside) -> dict[str, Any]:
    known = {name: getattr(row, name) for name in COLUMNS}
    return known | {"tags": beside.tags, "held": beside.held}
