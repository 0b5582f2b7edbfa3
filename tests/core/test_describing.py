"""What a client says of an upload after it has begun."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from portal.core import ending, uploads
from portal.core.accounts import Caller
from portal.core.errors import Conflict, NotFound, UploadGone
from portal.core.limits import Limits
from portal.core.uploads import NewUpload
from tests.core.conftest import HOUR, Body, Site


def test_what_is_learnt_of_an_upload_later_is_added_to_what_was_said(site: Site) -> None:
    new = NewUpload("calls", "call.wav", None, details={"lead_id": "7", "note": "old"})
    upload_id = uploads.start(site.session, site.caller, new, Limits(HOUR)).upload_id
    uploads.describe(site.session, site.caller, upload_id, {"call_log_id": "1", "note": "new"})
    told = {"lead_id": "7", "note": "new", "call_log_id": "1"}
    assert site.upload(upload_id).details == told


def test_two_who_describe_an_upload_at_once_lose_nothing(site: Site) -> None:
    upload_id, numbers = site.begin(10), iter(range(8))

    def tell(session: Session) -> None:
        uploads.describe(session, site.caller, upload_id, {f"name {next(numbers)}": "x"})

    assert site.at_once(tell, 8) == [None] * 8
    assert len(site.upload(upload_id).details) == 8


def test_a_complete_upload_can_only_be_told_what_it_knows(site: Site) -> None:
    upload_id = site.begin(3)
    uploads.describe(site.session, site.caller, upload_id, {"a": "1"})
    site.append(upload_id, 0, Body(b"all"))
    uploads.describe(site.session, site.caller, upload_id, {"a": "1"})
    with pytest.raises(Conflict):
        uploads.describe(site.session, site.caller, upload_id, {"a": "2"})
    assert site.upload(upload_id).details == {"a": "1"}


def test_nobody_describes_a_foreign_or_an_ended_upload(site: Site, stranger: Caller) -> None:
    upload_id = site.begin(3)
    with pytest.raises(NotFound):
        uploads.describe(site.session, stranger, upload_id, {"a": "1"})
    ending.abandon(site.session, site.caller, upload_id)
    with pytest.raises(UploadGone):
        uploads.describe(site.session, site.caller, upload_id, {"a": "1"})
    assert site.upload(upload_id).details == {}
