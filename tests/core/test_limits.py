"""How many uploads one caller may have open, and how many bytes may be promised: also at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from portal.core import ending, finishing, uploads
from portal.core.accounts import Caller
from portal.core.errors import NoRoom, TooLarge, TooManyUploads
from portal.core.limits import Limits, Terms
from portal.core.models import new_id
from portal.core.transaction import utc_now
from portal.core.uploads import NewUpload, Progress
from tests.core.conftest import HOUR, Body, Site


def begin(
    site: Site, allowed: Limits, length: int | None = 10, caller: Caller | None = None
) -> str:
    new = NewUpload("tus", "call.wav", length, ends_itself=length is not None)
    with site.sessions() as session:
        return uploads.start(session, caller or site.caller, new, allowed).upload_id


def by_token(caller: Caller, token: str) -> Caller:
    return replace(caller, actor=replace(caller.actor, token_id=token))


def begin_at_once(site: Site, allowed: Limits, length: int, count: int) -> list[object]:
    def act(session: Session) -> Progress:
        return uploads.start(session, site.caller, NewUpload("tus", "a", length), allowed)

    return site.at_once(act, count)


def test_no_more_uploads_are_open_than_allowed(site: Site) -> None:
    allowed = Limits(HOUR, open_uploads=2)
    first = begin(site, allowed)
    begin(site, allowed)
    with pytest.raises(TooManyUploads, match="2 of your uploads are open; finish or cancel"):
        begin(site, allowed)
    ending.abandon(site.session, site.caller, first)
    begin(site, allowed)


def test_what_goes_straight_to_the_storage_takes_no_room_here(site: Site) -> None:
    allowed = Limits(HOUR, free_bytes=100)
    new = NewUpload("tus", "call.wav", 1000, direct=True, numbered=True, chunk_size=1000)
    uploads.start(site.session, site.caller, new, replace(allowed, free_bytes=None))
    begin(site, allowed, 50)
    with pytest.raises(NoRoom):
        begin(site, allowed, 50)


@pytest.mark.parametrize("end", ["received", "expired"])
def test_an_upload_that_has_ended_is_not_open(site: Site, end: str) -> None:
    allowed = Limits(HOUR, open_uploads=1)
    first = begin(site, allowed)
    if end == "received":
        site.append(first, 0, Body(b"ten bytes."))
    else:
        ending.expire(site.session, utc_now() + 2 * HOUR)
    begin(site, allowed)


def test_each_token_has_uploads_of_its_own(site: Site, stranger: Caller) -> None:
    allowed = Limits(HOUR, open_uploads=1)
    one, two = new_id(), new_id()
    for caller in (by_token(site.caller, one), by_token(site.caller, two), stranger):
        begin(site, allowed, caller=caller)
    with pytest.raises(TooManyUploads):
        begin(site, allowed, caller=by_token(site.caller, two))


def test_tokens_that_are_made_anew_all_the_time_share_those_of_their_account(site: Site) -> None:
    allowed = Limits(HOUR, open_uploads=1)
    begin(site, allowed, caller=by_token(site.caller, "a" * 32))
    with pytest.raises(TooManyUploads):
        begin(site, allowed, caller=by_token(site.caller, "b" * 32))


def test_who_begins_many_at_once_gets_no_more_than_allowed(site: Site) -> None:
    begun = begin_at_once(site, Limits(HOUR, open_uploads=3), 10, count=8)
    assert sum(isinstance(each, Progress) for each in begun) == 3
    assert sum(isinstance(each, TooManyUploads) for each in begun) == 5, begun


def test_no_more_bytes_are_promised_than_are_free(site: Site) -> None:
    allowed = Limits(HOUR, free_bytes=200)  # each needs room twice: as parts and as the whole
    begin(site, allowed, 60)
    with pytest.raises(NoRoom):
        begin(site, allowed, 41)
    begin(site, allowed, 40)


def test_who_begins_many_at_once_is_promised_no_more_than_is_free(site: Site) -> None:
    begun = begin_at_once(site, Limits(HOUR, free_bytes=200), 30, count=8)
    assert sum(isinstance(each, Progress) for each in begun) == 3
    assert sum(isinstance(each, NoRoom) for each in begun) == 5, begun


def test_bytes_that_have_arrived_are_no_longer_promised_but_stored(site: Site) -> None:
    upload_id = begin(site, Limits(HOUR, free_bytes=200), 100)
    site.append(upload_id, 0, Body(bytes(70)))
    begin(site, Limits(HOUR, free_bytes=130), 0)
    with pytest.raises(NoRoom):
        begin(site, Limits(HOUR, free_bytes=131), 1)


def test_assembly_is_promised_room_for_its_copy(site: Site) -> None:
    upload_id = begin(site, Limits(HOUR), 100)
    site.append(upload_id, 0, Body(bytes(100)))
    with pytest.raises(NoRoom):
        begin(site, Limits(HOUR, free_bytes=119))
    begin(site, Limits(HOUR, free_bytes=120))


def test_an_upload_that_is_given_up_frees_its_promise(site: Site) -> None:
    first = begin(site, Limits(HOUR, free_bytes=200), 100)
    ending.abandon(site.session, site.caller, first)
    begin(site, Limits(HOUR, free_bytes=200), 100)


def test_an_unknown_length_promises_nothing_until_its_bytes_are_here(site: Site) -> None:
    upload_id = begin(site, Limits(HOUR, free_bytes=10), None)
    begin(site, Limits(HOUR, free_bytes=20))
    site.append(upload_id, 0, Body(bytes(50)))
    finishing.finish(site.session, site.caller, upload_id)
    with pytest.raises(NoRoom):
        begin(site, Limits(HOUR, free_bytes=89))
    begin(site, Limits(HOUR, free_bytes=90))


def test_where_nobody_knows_how_much_is_free_nothing_is_refused(site: Site) -> None:
    begin(site, Limits(HOUR, free_bytes=None), 10**9)


def test_more_than_the_terms_allow_is_refused_before_it_is_promised(site: Site) -> None:
    new = NewUpload("tus", "call.wav", 11, Terms(most_bytes=10))
    with pytest.raises(TooLarge, match="10 bytes at most"):
        uploads.start(site.session, site.caller, new, Limits(timedelta(hours=1)))
