"""Scopes: which recordings an account or a token reaches, by source, tag and department.

A scope is kept as a list of words: `source:calls`, `tag:complaint`, `department:sales`, and `*` for
everything. Each word opens something, so that none is nothing and one more is never less.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, false, or_, select, true

from portal.core.errors import InvalidRequest
from portal.core.labels import clean
from portal.core.models import Recording, RecordingTag, Tag, Upload

ALL = "*"


@dataclass(frozen=True)
class Scope:
    """What a list of words opens. `everything`: there was a `*` among them."""

    everything: bool = False
    sources: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    departments: frozenset[str] = frozenset()

    @property
    def nothing(self) -> bool:
        return self == NOTHING


EVERYTHING, NOTHING = Scope(everything=True), Scope()


def of_words(words: Iterable[str]) -> Scope:
    """The scope that these words stand for; what is no such word opens nothing."""
    kept = list(words)
    if ALL in kept:
        return EVERYTHING
    pairs = [word.partition(":")[::2] for word in kept]
    sources, tags, departments = (
        frozenset(name for kind, name in pairs if kind == wanted)
        for wanted in ("source", "tag", "department")
    )
    return Scope(False, sources, tags, departments)


def words(
    sources: Iterable[str] = (), tags: Iterable[str] = (), departments: Iterable[str] = ()
) -> list[str]:
    """What people name, as it is kept. `*` under any of the three is everything.

    Raises InvalidRequest for a name that nothing can have.
    """
    named = {"source": list(sources), "tag": list(tags), "department": list(departments)}
    if any(ALL in names for names in named.values()):
        return [ALL]
    return sorted({f"{kind}:{_known(name)}" for kind, names in named.items() for name in names})


def _known(name: str) -> str:
    cleaned = clean(name)
    if cleaned is None:
        raise InvalidRequest(f"{name!r} is no name of a source, tag or department.")
    return cleaned


def inside(scope: Scope) -> ColumnElement[bool]:
    """Whether a recording is in this scope, as a condition of SQL."""
    if scope.everything:
        return true()
    tagged = (
        select(RecordingTag.recording_id)
        .join(Tag, Tag.id == RecordingTag.tag_id)
        .where(Tag.name.in_(scope.tags))
    )
    named = (
        (scope.sources, Recording.source.in_(scope.sources)),
        (scope.departments, Recording.department.in_(scope.departments)),
        (scope.tags, Recording.id.in_(tagged)),
    )
    # Only what is named: with one kind alone, which is usual, its index leads to the newest ones.
    return or_(false(), *(condition for names, condition in named if names))


def upload_inside(scope: Scope) -> ColumnElement[bool]:
    """The same for an upload. It has no tags and no department yet: its source alone counts."""
    return true() if scope.everything else Upload.dialect.in_(scope.sources)
