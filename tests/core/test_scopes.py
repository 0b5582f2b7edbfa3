"""Which recordings an account reaches: by source, tag and department, on either database."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from sqlalchemy import select

from portal.core import deletion, finding, recordings, scopes, tagging
from portal.core.accounts import Caller
from portal.core.errors import InvalidRequest, NotFound
from portal.core.models import AuditEvent, Recording, Upload
from portal.core.reasons import Asked
from portal.core.roles import ROLE_MAY
from portal.core.scopes import EVERYTHING, Scope, of_words
from tests.core.conftest import Site
from tests.core.deleting import NOT_KEPT


def recorded(site: Site, source: str, department: str | None = None, *tags: str) -> str:
    made = site.recorded(b"of " + source.encode())
    with site.sessions() as session:
        row = session.get_one(Recording, made.id)
        row.source, row.department = source, department
        session.commit()
        for tag in tags:
            tagging.add_tag(session, officer(site), made.id, tag)
    return made.id


def officer(site: Site) -> Caller:
    return replace(site.caller, role="officer", rights=ROLE_MAY["officer"], scope=EVERYTHING)


def auditor(site: Site, *words: str) -> Caller:
    return replace(site.caller, role="auditor", rights=ROLE_MAY["auditor"], scope=of_words(words))


def seen(site: Site, caller: Caller) -> set[str]:
    return {row.id for row in finding.page(site.session, caller, 50).rows}


def reached(site: Site, caller: Caller, ids: Iterable[str]) -> set[str]:
    """The same set, asked for one by one."""
    found = set()
    for each in ids:
        try:
            found.add(recordings.find(site.session, caller, each).id)
        except NotFound:
            continue
    return found


def test_a_scope_opens_what_its_words_name_and_nothing_else(site: Site) -> None:
    call = recorded(site, "calls", "sales")
    desk = recorded(site, "sessions", "finance", "complaint")
    bare = recorded(site, "tus")
    every = {call, desk, bare}
    expected: dict[tuple[str, ...], set[str]] = {
        (): set(),
        ("nonsense",): set(),
        ("source:tus",): {bare},
        ("department:sales",): {call},
        ("tag:complaint",): {desk},
        ("tag:sales", "department:complaint", "source:finance"): set(),
        ("source:calls", "tag:complaint"): {call, desk},
        ("source:calls", "source:tus"): {call, bare},
        ("*",): every,
        ("source:calls", "*"): every,
    }
    for words, ids in expected.items():
        caller = auditor(site, *words)
        assert seen(site, caller) == ids, words
        assert reached(site, caller, every) == ids, words


def test_a_tag_that_is_taken_away_closes_what_it_had_opened(site: Site) -> None:
    one = recorded(site, "calls", None, "Complaint", "complaint ")
    caller = auditor(site, "tag:complaint")
    assert seen(site, caller) == {one}
    assert tagging.remove_tag(site.session, officer(site), one, "COMPLAINT") == []
    assert seen(site, caller) == set()


def test_a_tokens_scope_is_never_wider_than_its_owners(site: Site) -> None:
    call, desk = recorded(site, "calls", "sales"), recorded(site, "sessions", "sales")
    owner = auditor(site, "source:calls")
    for words, ids in (("*", {call}), ("department:sales", {call}), ("source:sessions", set())):
        token = replace(owner, token_scope=of_words([words]))
        assert seen(site, token) == ids, words
        assert reached(site, token, (call, desk)) == ids, words


def test_what_one_has_sent_is_ones_own_whatever_its_source(site: Site, stranger: Caller) -> None:
    mine = recorded(site, "calls")
    assert seen(site, replace(site.caller, scope=Scope())) == {mine}
    assert seen(site, replace(stranger, scope=EVERYTHING)) == set()
    narrowed = replace(site.caller, token_scope=of_words(["source:tus"]))
    assert seen(site, narrowed) == set()


def test_uploads_under_way_are_seen_by_their_source(site: Site) -> None:
    begun = site.begin(10)
    with site.sessions() as session:
        session.get_one(Upload, begun).dialect = "calls"
        session.commit()
    for words, count in ((("source:calls",), 1), (("source:tus",), 0), (("*",), 1), ((), 0)):
        rows = recordings.uploads_under_way(site.session, auditor(site, *words), 9)
        assert len(rows) == count, words


def denied(site: Site, recording_id: str) -> list[tuple[str, str]]:
    with site.sessions() as session:
        query = select(AuditEvent).where(AuditEvent.object_id == recording_id)
        events = session.scalars(query.where(AuditEvent.action == "authz.denied"))
        return [(each.result, each.actor_label) for each in events]


def test_beyond_the_scope_is_not_found_and_written_down(site: Site) -> None:
    hidden = recorded(site, "calls")
    caller = auditor(site, "source:tus")
    with pytest.raises(NotFound) as beyond:
        recordings.find_playable(site.session, caller, hidden, Asked())
    with pytest.raises(NotFound) as missing:
        recordings.find(site.session, caller, hidden.replace(hidden[:8], "00000000"))
    assert str(beyond.value) == str(missing.value)
    assert denied(site, hidden) == [("denied", caller.label)]
    assert denied(site, hidden.replace(hidden[:8], "00000000")) == []


def test_nobody_deletes_beyond_the_scope(site: Site) -> None:
    hidden = recorded(site, "calls")
    caller = replace(officer(site), token_scope=of_words(["source:tus"]))
    with pytest.raises(NotFound):
        deletion.ask(site.session, caller, hidden, "why not", NOT_KEPT)
    assert denied(site, hidden) == [("denied", caller.label)]
    assert deletion.ask(site.session, officer(site), hidden, "asked", NOT_KEPT).state == "deleting"


def test_words_are_written_in_one_way() -> None:
    made = scopes.words(sources=["Calls"], tags=["  Very   Urgent "], departments=["SÃO Paulo"])
    assert made == ["department:são paulo", "source:calls", "tag:very urgent"]
    assert scopes.words(tags=["x", "*"]) == ["*"]
    assert scopes.words() == []
    for bad in ("", "  ", "x" * 65, "a\x00b"):
        with pytest.raises(InvalidRequest, match="no name of a source"):
            scopes.words(tags=[bad])
