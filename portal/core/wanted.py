"""What can be asked of a list of recordings."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

STATES = ("ready", "quarantined", "deleting", "deleted")
SHOWN = ("ready", "quarantined")
"""What a list shows that asks for no state: tombstones are for those who look for them."""
INTEGRITY = ("ok", "mismatch", "missing")


@dataclass(frozen=True)
class Wanted:
    """Which recordings are asked for; None and nothing mean any. `details`: what the client said
    of it, by name and whole value. Times are those of the recording's reception; durations are in
    milliseconds, sizes in bytes. `owner` and `played_by` are addresses of accounts, `reviewed_by`
    is a user id, `reviewed` that somebody has reviewed it or nobody has, `outcome` with which
    outcome, `noted` whether there are notes that are shared, `words` what the search box says,
    `case` the id of the legal case that holds it.
    `due_before`: when the rules of retention will delete it, if they do.
    `verified_before`: its bytes were right when they were read last, and that was before then.
    `hours` are those of a week in UTC: 0 is Monday's first, 167 Sunday's last. Ranges include where
    they begin, and not where they end."""

    state: str | None = None
    source: str | None = None
    received_from: datetime | None = None
    received_to: datetime | None = None
    details: dict[str, str] = field(default_factory=dict)
    kind: str | None = None
    owner: str | None = None
    department: str | None = None
    storage: str | None = None
    token: str | None = None
    integrity: str | None = None
    tag: str | None = None
    held: bool | None = None
    shortest: int | None = None
    longest: int | None = None
    smallest: int | None = None
    largest: int | None = None
    words: str = ""
    reviewed_by: str | None = None
    reviewed: bool | None = None
    outcome: str | None = None
    noted: bool | None = None
    verified_before: datetime | None = None
    played_by: str | None = None
    hours: frozenset[int] | None = None
    case: str | None = None
    due_before: datetime | None = None
