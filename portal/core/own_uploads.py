"""Whose upload is it? The conditions that decide it, built once: building takes longer than asking.

They are asked with four values: `upload`, `owner`, `spoken` (the dialect) and `token`.
"""

from __future__ import annotations

from functools import cache

from sqlalchemy import Select, bindparam, select

from portal.core.models import Upload

WHOSE = (
    Upload.id == bindparam("upload"),
    Upload.owner_id == bindparam("owner"),
    Upload.dialect == bindparam("spoken"),
)
"""Each dialect reaches its own alone: what one asks before it lets somebody in, another would not
ask."""


@cache
def own(any_dialect: bool, lapsed: bool, lock: bool = False) -> Select[Upload]:
    """The query for one upload of the caller's. A token that has run out reaches those that it
    began, as long as they live."""
    query = select(Upload).where(*(WHOSE[:2] if any_dialect else WHOSE))
    query = query.with_for_update() if lock else query
    return (
        query.where(Upload.token_id.is_not_distinct_from(bindparam("token"))) if lapsed else query
    )
