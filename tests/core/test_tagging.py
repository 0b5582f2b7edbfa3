"""Tags and departments: how they are written, given, taken away and told in the audit log."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.core import recordings, tagging, uploads
from portal.core.accounts import Caller
from portal.core.errors import InvalidRequest, NotAllowed, NotFound
from portal.core.labels import clean, department_of
from portal.core.limits import Limits
from portal.core.models import AuditEvent, Tag
from portal.core.roles import ROLE_MAY
from portal.core.scopes import EVERYTHING, of_words
from portal.core.uploads import NewUpload
from tests.core.conftest import HOUR, Body, Site


@pytest.fixture
def officer(site: Site) -> Caller:
    return replace(site.caller, role="officer", rights=ROLE_MAY["officer"], scope=EVERYTHING)


def told(site: Site, recording_id: str) -> list[dict[str, object]]:
    with site.sessions() as session:
        query = select(AuditEvent.details).where(AuditEvent.object_id == recording_id)
        return list(session.scalars(query.where(AuditEvent.action.like("recording.%"))))


def test_a_tag_is_given_once_and_told_with_before_and_after(site: Site, officer: Caller) -> None:
    one = site.recorded(b"x").id
    assert tagging.add_tag(site.session, officer, one, " Urgent") == ["urgent"]
    assert tagging.add_tag(site.session, officer, one, "URGENT") == ["urgent"]
    assert tagging.add_tag(site.session, officer, one, "call back") == ["call back", "urgent"]
    assert tagging.remove_tag(site.session, officer, one, "urgent") == ["call back"]
    assert tagging.remove_tag(site.session, officer, one, "never given") == ["call back"]
    assert tagging.tags_of(site.session, one) == ["call back"]
    assert told(site, one) == [
        {"before": [], "after": ["urgent"]},
        {"before": ["urgent"], "after": ["call back", "urgent"]},
        {"before": ["call back", "urgent"], "after": ["call back"]},
    ]


def test_the_same_new_tag_given_by_many_at_once_is_one(site: Site, officer: Caller) -> None:
    one = site.recorded(b"x").id

    def give(session: Session) -> list[str]:
        return tagging.add_tag(session, officer, one, "rush")

    assert site.at_once(give, 8) == [["rush"]] * 8
    named = select(Tag.id).where(Tag.name == "rush")
    assert len(site.session.scalars(named).all()) == 1
    assert len(told(site, one)) == 1


def test_a_department_is_changed_and_told(site: Site, officer: Caller) -> None:
    one = site.recorded(b"x").id
    for name, kept in (("Finance", "finance"), ("finance", "finance"), (None, None)):
        assert tagging.set_department(site.session, officer, one, name).department == kept
    changes = [{"before": None, "after": "finance"}, {"before": "finance", "after": None}]
    assert told(site, one) == [{"department": each} for each in changes]


def test_nobody_labels_without_the_right_or_beyond_the_scope(site: Site, officer: Caller) -> None:
    one = site.recorded(b"x").id
    with pytest.raises(NotAllowed):
        tagging.add_tag(site.session, site.caller, one, "mine")
    with pytest.raises(NotFound):
        elsewhere = replace(officer, scope=of_words(["source:calls"]))
        tagging.set_department(site.session, elsewhere, one, "mine")
    assert recordings.find(site.session, officer, one).department is None


@pytest.mark.parametrize("name", ["", " ", "x" * 65, "a\nb\x00", "\u202eevil"])
def test_what_is_no_label_is_refused(site: Site, officer: Caller, name: str) -> None:
    one = site.recorded(b"x").id
    with pytest.raises(InvalidRequest, match="no label"):
        tagging.add_tag(site.session, officer, one, name)


def test_the_same_word_is_always_the_same_text() -> None:
    assert {clean(each) for each in ("Straße", "STRASSE", " strasse ")} == {"strasse"}
    assert clean("São  Paulo") == clean("Sa\u0303o Paulo") == "são paulo"
    assert clean("x" * 64) == "x" * 64


@pytest.mark.parametrize(
    ("details", "department"),
    [
        ({"department": "Sales"}, "sales"),
        ({"departamento": " Vendas "}, "vendas"),
        ({"departamento": "vendas", "department": "sales"}, "sales"),
        ({"department": "x" * 65}, None),
        ({"Department": "sales"}, None),
        ({}, None),
    ],
)
def test_the_department_is_what_the_client_calls_it(
    details: dict[str, str], department: str | None
) -> None:
    assert department_of(details) == department


def test_a_recording_gets_the_department_that_its_client_named(site: Site) -> None:
    new = NewUpload("tus", "call.wav", 4, details={"departamento": "Jurídico"})
    begun = uploads.start(site.session, site.caller, new, Limits(HOUR)).upload_id
    site.append(begun, 0, Body(b"call"))
    site.assemble(begun)
    made = site.recording(begun)
    assert made is not None and made.department == "jurídico"
