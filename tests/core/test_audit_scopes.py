"""Who has a scope reads the events of what is in it, and of what concerns no recording."""

from __future__ import annotations

from dataclasses import replace

import pytest

from portal.core import audit, tagging
from portal.core.accounts import Caller
from portal.core.audit import search
from portal.core.audit.search import Wanted
from portal.core.errors import InvalidRequest
from portal.core.models import AuditEvent, Recording, Upload, new_id
from portal.core.roles import ROLE_MAY
from portal.core.scopes import of_words
from tests.core.conftest import Site
from tests.core.explaining import plans


def auditor(site: Site, *words: str) -> Caller:
    return replace(site.caller, role="auditor", rights=ROLE_MAY["auditor"], scope=of_words(words))


EVERYTHING = Wanted()


def read(site: Site, caller: Caller, wanted: Wanted = EVERYTHING) -> list[AuditEvent]:
    """Page by page, which is what is counted, and what is exported."""
    page = search.page(site.session, caller, 2, wanted)
    count, events = page.count, list(page.rows)
    while page.older is not None:
        page = search.page(site.session, caller, 2, wanted, before=page.older)
        events += page.rows
    exported = [
        event["seq"]
        for batch in search.events(site.session, caller, wanted, 10**6)
        for event in batch
    ]
    assert sorted(event.seq for event in events) == sorted(exported)
    assert count == len(events)
    return events


def objects(events: list[AuditEvent]) -> set[tuple[str | None, str | None]]:
    return {(event.object_type, event.object_id) for event in events}


@pytest.fixture
def ids(site: Site) -> dict[str, str]:
    """Two recordings, of which one is a call with a tag, an upload under way, and events of all."""
    call, desk = site.recorded(b"a call").id, site.recorded(b"a desk").id
    begun, request = site.begin(10), new_id()
    with site.sessions() as session:
        session.get_one(Recording, call).source = "calls"
        session.get_one(Upload, begun).dialect = "calls"
        session.commit()
        officer = replace(auditor(site, "*"), role="officer", rights=ROLE_MAY["officer"])
        tagging.add_tag(session, officer, call, "complaint")
        for subject in (("recording", desk), ("approval", request), ("user", request), None):
            audit.record_alone(session, site.caller.actor, "authz.denied", subject, "denied")
    return {"call": call, "desk": desk, "begun": begun, "request": request}


@pytest.mark.parametrize("words", [("source:calls",), ("tag:complaint", "source:calls")])
def test_acceptance_22_a_scope_narrows_the_audit_log_too(
    site: Site, ids: dict[str, str], words: tuple[str, ...]
) -> None:
    seen = objects(read(site, auditor(site, *words)))
    assert {("recording", ids["call"]), ("upload", ids["begun"])} <= seen
    assert {("user", ids["request"]), (None, None)} <= seen
    assert ids["desk"] not in {each for _, each in seen}, "neither as a recording nor as an upload"
    assert ("approval", ids["request"]) not in seen


def test_acceptance_22_no_filter_leads_beyond_the_scope(site: Site, ids: dict[str, str]) -> None:
    caller = auditor(site, "tag:complaint")
    assert read(site, caller, Wanted(object_id=ids["desk"])) == []
    assert read(site, caller, Wanted(object_id=ids["begun"])) == []
    assert ids["desk"] not in {
        each for _, each in objects(read(site, caller, Wanted(result="denied")))
    }
    everybody = read(site, auditor(site, "*"), Wanted(object_id=ids["desk"]))
    assert everybody != []
    after_a_hidden_one = search.page(site.session, caller, 9, before=everybody[0].seq)
    assert ids["desk"] not in {event.object_id for event in after_a_hidden_one.rows}
    with pytest.raises(InvalidRequest):
        search.page(site.session, caller, 2, before=10**9)


def test_a_scope_walks_past_so_many_events_and_no_more_for_a_page(
    site: Site, ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = auditor(site, "tag:complaint")
    whole = [event.seq for event in read(site, caller)]
    everybody = [event.seq for event in read(site, auditor(site, "*"))]
    monkeypatch.setattr(search, "LOOKED_AT", 3)
    page = search.page(site.session, caller, 9)
    newest = set(whole) & set(everybody[:3])
    assert (page.count, page.looked_at) == (len(newest), 3)
    down, up = [list(page.rows)], []
    while page.older is not None:
        page = search.page(site.session, caller, 9, before=page.older)
        down.append(list(page.rows))
    assert [event.seq for rows in down for event in rows] == whole
    assert len(down) == -(-len(everybody) // 3)
    while page.newer is not None:
        page = search.page(site.session, caller, 9, after=page.newer)
        up = [*page.rows, *up]
    assert [event.seq for event in up] == [event.seq for rows in down[:-1] for event in rows]


@pytest.mark.parametrize("asked", [Wanted(action="recording.view"), Wanted(result="denied")])
def test_administrators_walk_past_no_event_of_a_recording(site: Site, asked: Wanted) -> None:
    """Of 10,000,000 events in SQLite, 6,000,000 of recordings, that took three seconds."""
    caller = replace(site.caller, role="admin", rights=ROLE_MAY["admin"])
    found = plans(site.session.get_bind(), lambda: search.page(site.session, caller, 2, asked))
    walks = [plan for plan in found if "object_type" in plan.asked.partition("WHERE")[2]]
    assert len(walks) == 2
    for plan in walks:
        assert "ix_audit_event_system_" in plan.steps or plan.counts, plan


def test_a_part_of_the_log_does_not_say_that_it_is_all_of_it(site: Site) -> None:
    assert search.whole(auditor(site, "*"), EVERYTHING)
    assert not search.whole(auditor(site, "source:calls"), EVERYTHING)
