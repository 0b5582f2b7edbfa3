"""An upload in chunks: sending it, saying that it is whole, giving it up, letting it expire."""

from __future__ import annotations

from dataclasses import replace

from portal.core import chunks, ending, finishing, uploads
from portal.core.limits import Limits
from portal.core.uploads import NewUpload, Progress
from tests.core.conftest import HOUR, Body, Site


class Whole(Body):
    def refuse_cut(self) -> None:
        """It never is."""


def begin(
    site: Site, length: int | None, chunk_size: int | None = None, sha256: str | None = None
) -> str:
    new = NewUpload("chunks", "call.wav", length, declared_sha256=sha256, numbered=True)
    new = replace(new, chunk_size=chunk_size, ends_itself=False)
    with site.sessions() as session:
        return uploads.start(session, site.caller, new, Limits(HOUR)).upload_id


def put(site: Site, upload_id: str, number: int, content: bytes) -> Progress:
    with site.sessions() as session:
        act = (session, site.stores, site.caller, upload_id, number, Whole(content), HOUR)
        return chunks.put(*act)


def finish(
    site: Site, upload_id: str, total: int | None = None, sha256: str | None = None
) -> Progress:
    with site.sessions() as session:
        return finishing.finish(session, site.caller, upload_id, total, sha256)


def outcome(site: Site, upload_id: str) -> finishing.Outcome:
    with site.sessions() as session:
        return finishing.outcome(session, site.caller, upload_id)


def sent(site: Site, content: bytes, sha256: str | None = None) -> str:
    """An upload whose chunks are all here, and whose client has not said so."""
    upload_id = begin(site, len(content), 1000, sha256)
    for at in range(0, len(content), 1000):
        put(site, upload_id, at // 1000, content[at : at + 1000])
    return upload_id


def abandon(site: Site, upload_id: str) -> None:
    with site.sessions() as session:
        ending.abandon(session, site.caller, upload_id)
