"""Numbered chunks without HTTP: beginning an upload of them, putting them, seeing what is kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from portal.core import chunks, uploads
from portal.core.accounts import Caller
from portal.core.errors import (
    Refusal,
)
from portal.core.limits import Limits, Terms
from portal.core.uploads import NewUpload, Progress
from tests.core import conftest
from tests.core.conftest import HOUR, Site

PIECES = (b"first", b"other", b"end")


class Body(conftest.Body):
    """One that can arrive whole or be cut."""

    cut: Refusal | None = None

    def refuse_cut(self) -> None:
        if self.cut is not None:
            raise self.cut


def begin(
    site: Site,
    length: int | None = 13,
    chunk_size: int | None = 5,
    terms: Terms | None = None,
    caller: Caller | None = None,
    lifetime: timedelta = HOUR,
) -> str:
    new = NewUpload("chunks", "a.wav", length, terms or Terms(), numbered=True)
    new = replace(new, chunk_size=chunk_size, ends_itself=False)
    with site.sessions() as session:
        return uploads.start(session, caller or site.caller, new, Limits(lifetime)).upload_id


def put(
    site: Site,
    upload_id: str,
    number: int,
    content: bytes | Body,
    checksum: str | None = None,
    caller: Caller | None = None,
    lifetime: timedelta = HOUR,
) -> Progress:
    """In a session of its own, as each request has one."""
    body = content if isinstance(content, Body) else Body(content, announced=len(content))
    who = caller or site.caller
    with site.sessions() as session:
        return chunks.put(session, site.stores, who, upload_id, number, body, lifetime, checksum)


def assert_kept(site: Site, upload_id: str, pieces: dict[int, bytes]) -> None:
    """Exactly these chunks count, and no others are stored."""
    parts = site.parts(upload_id)
    assert {part.number: site.content(part.key) for part in parts} == pieces
    assert site.keys(f"parts/{upload_id}") == sorted(part.key for part in parts)
    assert site.upload(upload_id).offset == sum(map(len, pieces.values()))
