"""A commit that happened, and whose answer was lost: what it acknowledged must stay."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from portal.core import chunks, uploads
from portal.core.limits import Limits
from portal.core.uploads import NewUpload
from tests.core.conftest import HOUR, Body, Site


class Whole(Body):
    def refuse_cut(self) -> None:
        """It is whole."""


def test_the_bytes_of_a_chunk_stay_when_the_answer_to_its_commit_is_lost(site: Site) -> None:
    new = NewUpload("chunks", "a.wav", 8, numbered=True, chunk_size=4, ends_itself=False)
    begun = uploads.start(site.session, site.caller, new, Limits(HOUR)).upload_id

    def put(session: Session) -> None:
        chunks.put(session, site.stores, site.caller, begun, 0, Whole(b"four"), HOUR)

    with pytest.raises(OperationalError), site.sessions() as lossy:
        commit = lossy.commit

        def commit_and_lose() -> None:
            commit()
            raise OperationalError("COMMIT", None, Exception("the connection was lost"))

        lossy.commit = commit_and_lose  # type: ignore[method-assign]
        put(lossy)
    with site.sessions() as again:
        put(again)
    assert site.counted_bytes(begun) == b"four"
