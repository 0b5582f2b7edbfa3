"""The list of recordings: found by words and filters, in every order, and nothing beyond reach."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from portal.core import tagging
from portal.core.accounts import caller_for, user_by_email
from portal.core.audit import SYSTEM
from portal.db import db
from tests.conftest import Portal
from tests.web.browsing import Person
from tests.web.listing import recorded

LISTED = re.compile(r'<a href="/recordings/([0-9a-f-]{36})">')


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A portal with recordings of which each is found in another way."""
    portal = Portal(tmp_path_factory.mktemp("house"), PORTAL_JOB_WORKERS="0").start()
    yield portal
    portal.drop()


@pytest.fixture(scope="module")
def ids(house: Portal) -> dict[str, str]:
    rows = {
        "march": {
            "received_at": datetime(2026, 3, 10, 8, tzinfo=UTC),
            "delete_at": datetime(2026, 3, 19, 8, tzinfo=UTC),
        },
        "call": {"source": "calls", "details": {"wats_user": "Conceição Müller"}},
        "video": {"kind": "video", "filename": "rdp-finance-10.0.0.7.mp4"},
        "long": {"duration_ms": 7_200_000},
        "big": {"size": 3_000_000_000},
        "sales": {"department": "sales"},
        "bad": {"integrity": "mismatch"},
        "gone": {"state": "deleted"},
        "archived": {"storage_id": "archive"},
        "short": {"duration_ms": None},
        "fresh": {"verified_at": datetime.now(UTC), "department": "fresh"},
    }
    made = recorded(house, list(rows.values()))
    return dict(zip(rows, made, strict=True))


@pytest.fixture(scope="module")
def auditor(house: Portal, ids: dict[str, str]) -> Person:
    return Person(house, "officer")


def listed(person: Person, query: str) -> list[str]:
    answer = person.get(f"/recordings?{query}")
    assert answer.status_code == 200, answer.text
    return LISTED.findall(answer.text)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("from=2026-03-10&to=2026-03-10", ["march"]),
        ("hour_from=8&hour_to=9", ["march"]),
        ("hour_from=22&hour_to=9", ["march"]),
        ("hour_from=13", []),
        ("weekday=2", ["march"]),
        ("weekday=2&weekday=1&hour_to=12", ["march"]),
        ("weekday=1&weekday=3", []),
        ("source=calls", ["call"]),
        ("kind=video", ["video"]),
        ("min_minutes=100", ["long"]),
        ("min_minutes=120&max_minutes=120", ["long"]),
        ("min_mb=2000", ["big"]),
        ("department=Sales", ["sales"]),
        ("integrity=mismatch", ["bad"]),
        ("integrity=overdue&department=sales", ["sales"]),
        ("integrity=overdue&department=fresh", []),
        ("integrity=overdue&state=deleted", []),
        ("due=2026-03-20", ["march"]),
        ("due=2026-03-19", []),
        ("due=2027-01-01&state=deleted", []),
        ("reviewed=anyone", []),
        ("reviewed=me&outcome=escalated", []),
        ("notes=yes", []),
        ("notes=no&reviewed=nobody&kind=video", ["video"]),
        ("state=deleted", ["gone"]),
        ("storage=archive", ["archived"]),
        ("detail=wats_user%3DConcei%C3%A7%C3%A3o+M%C3%BCller", ["call"]),
        ("q=CONCEICAO", ["call"]),
        ("q=muller+concei", ["call"]),
        ("q=concei+muller", []),
        ("q=10.0.0.7", ["video"]),
        ("q=rdp-fin", ["video"]),
        ("q=7.0.0.10", []),
        ("q=---", []),
        ('q=" OR 1', []),
        ("source=calls&kind=video", []),
        ("token=00000000-0000-7000-8000-000000000000", []),
        ("owner=nobody@example.org", []),
    ],
)
def test_each_filter_finds_what_it_says(
    auditor: Person, ids: dict[str, str], query: str, found: list[str]
) -> None:
    assert listed(auditor, query) == [ids[name] for name in found]


def test_a_recording_is_found_by_its_id_and_by_a_piece_of_its_checksum(
    auditor: Person, ids: dict[str, str]
) -> None:
    assert listed(auditor, f"q={ids['big']}") == [ids["big"]]
    assert listed(auditor, f"q={ids['big'][:23]}&min_mb=2000") == [ids["big"]]


def test_tags_are_searched_filtered_and_taken_away_again(
    house: Portal, auditor: Person, ids: dict[str, str]
) -> None:
    with house.app.app_context():
        officer = caller_for(user_by_email(db.session, auditor.email), SYSTEM)
        tagging.add_tag(db.session, officer, ids["big"], "Reclamação grave")
        assert listed(auditor, "q=reclamacao") == [ids["big"]]
        assert listed(auditor, "tag=reclamação+grave") == [ids["big"]]
        tagging.remove_tag(db.session, officer, ids["big"], "reclamação grave")
    assert listed(auditor, "q=reclamacao") == listed(auditor, "tag=reclamação+grave") == []


def test_who_played_it_is_asked_by_those_who_may_see_the_history(
    house: Portal, auditor: Person, ids: dict[str, str]
) -> None:
    assert auditor.begin(ids["call"]).ok
    query = f"played_by={auditor.email.upper()}"
    assert listed(auditor, query) == [ids["call"]]
    assert listed(auditor, "played_by=nobody@example.org") == []
    assert 'name="played_by"' in auditor.get("/recordings").text
    reviewer = Person(house, "reviewer")
    assert reviewer.get(f"/recordings?{query}").status_code == 403
    assert 'name="played_by"' not in reviewer.get("/recordings").text


@pytest.mark.parametrize("sort", ["oldest", "longest", "largest"])
def test_an_order_is_kept_from_page_to_page(
    auditor: Person, ids: dict[str, str], sort: str
) -> None:
    top = {"oldest": "call", "longest": "long", "largest": "big"}[sort]
    found = listed(auditor, f"sort={sort}")
    assert found[0] == ids[top]
    assert listed(auditor, f"sort={sort}&before={found[3]}") == found[4:]
    assert listed(auditor, f"sort={sort}&after={found[3]}") == found[:3]
    assert set(ids.values()) - set(found) == {ids["gone"]}
    assert sort != "longest" or found[-1] == ids["short"], "what has no length comes last"
    paged = [found[0]]
    while more := listed(auditor, f"sort={sort}&before={paged[-1]}")[:1]:
        paged += more
    assert paged == found


@pytest.mark.parametrize(
    "query",
    [
        "period=yesterday",
        "from=2026-02-30",
        "from=2026-03-02&to=2026-03-01",
        "period=7&from=2026-03-02",
        "hour_from=24",
        "hour_from=8&hour_to=8",
        "weekday=8",
        "weekday=1&weekday=8",
        "min_minutes=-1",
        "max_mb=1e9",
        "detail=machine",
        "tag=" + "x" * 65,
        "token=secret",
        "held=perhaps",
        "outcome=terrible",
        "notes=some",
        "source=ftp",
        "q=%00",
        "source=tus&source=calls",
    ],
)
def test_a_filter_that_cannot_be_is_a_sentence_beside_the_form(auditor: Person, query: str) -> None:
    answer = auditor.get(f"/recordings?{query}")
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text and 'name="q"' in answer.text
    assert LISTED.findall(answer.text) == []


def test_each_filter_is_a_chip_whose_cross_leaves_the_others(
    auditor: Person, ids: dict[str, str]
) -> None:
    page = auditor.get("/recordings?source=calls&kind=video&weekday=1&weekday=7&sort=oldest").text
    crosses = re.findall(r'<a href="([^"]+)"><svg[^>]*><use[^>]*></use></svg><span[^>]*>Rem', page)
    without = {html.unescape(each) for each in crosses}
    assert without == {
        "/recordings?weekday=1&weekday=7&kind=video&sort=oldest",
        "/recordings?weekday=1&weekday=7&source=calls&sort=oldest",
        "/recordings?weekday=7&source=calls&kind=video&sort=oldest",
        "/recordings?weekday=1&source=calls&kind=video&sort=oldest",
    }
    assert "No recording fits" in page


def test_empty_fields_of_the_form_do_not_stay_in_the_address(auditor: Person) -> None:
    answer = auditor.get("/recordings?q=&source=calls&kind=&sort=")
    assert answer.url.endswith("/recordings?source=calls")


def test_a_search_by_words_is_one_event_however_many_pages_are_turned(
    house: Portal, ids: dict[str, str]
) -> None:
    person = Person(house, "officer")
    found = listed(person, "q=wav&kind=audio")
    for query in ("", "kind=audio", f"q=wav&kind=audio&before={found[0]}", "q=wav&from=never"):
        person.get(f"/recordings?{query}")
    query = "SELECT details FROM audit_event WHERE action = 'recording.list' AND actor_label = ?"
    events = [json.loads(row["details"]) for row in house.rows(query, person.email)]
    assert [each["filters"] for each in events] == [{"q": ["wav"], "kind": ["audio"]}]


def test_the_end_of_retention_is_a_chip_and_filters_the_file_and_a_case_too(
    auditor: Person, ids: dict[str, str]
) -> None:
    page = auditor.get("/recordings?due=2026-07-01").text
    count = re.search(r"([0-9]+) recordings? ·", page)[1]
    assert "Retention ends before: <b>2026-07-01</b>" in page
    rows = auditor.get("/recordings/export.jsonl?due=2026-07-01").text.splitlines()
    assert len(rows) == int(count) + 1, "and the line that counts them"
    assert f"Hold {count} recording" in auditor.get("/holds/new?due=2026-07-01").text


def test_another_look_stays_on_the_page_that_one_is_on(
    auditor: Person, ids: dict[str, str]
) -> None:
    first = listed(auditor, "kind=audio")[0]
    page = auditor.get(f"/recordings?kind=audio&before={first}").text
    cards = next(each for each in re.findall(r'href="([^"]+)"', page) if "view=cards" in each)
    assert first not in listed(auditor, html.unescape(cards).partition("?")[2])
    listed(auditor, "view=table")


def test_integrity_has_the_same_words_in_the_filter_and_in_the_row(
    auditor: Person, ids: dict[str, str]
) -> None:
    page = auditor.get("/recordings?integrity=mismatch").text
    assert "Integrity: <b>Different</b>" in page and "</svg>Different</span>" in page


def test_cards_and_density_are_remembered_without_script(
    house: Portal, ids: dict[str, str]
) -> None:
    person = Person(house, "officer")
    assert 'class="rows list roomy"' in person.get("/recordings").text
    person.get("/recordings?view=cards&density=dense")
    assert 'class="cards dense"' in person.get("/recordings").text


def test_what_is_new_is_counted_and_nothing_else(house: Portal, auditor: Person) -> None:
    newest = listed(auditor, "")[0]
    address = f"/recordings/newer?than={newest}"
    assert auditor.get(address).json()["count"] == 0
    at = datetime(2026, 4, 1, tzinfo=UTC)
    made = recorded(house, [{"received_at": at, "kind": "video"}, {"received_at": at}])
    said = auditor.get(address).json()
    assert (said["count"], said["text"]) == (2, "2 new recordings: show them")
    assert auditor.get(f"{address}&kind=video").json()["count"] == 1
    assert listed(auditor, "")[:2] == made[::-1], "two of one microsecond both have a place"


def test_counts_stop_at_a_thousand(own_portal: Callable[..., Portal]) -> None:
    portal = own_portal(PORTAL_JOB_WORKERS="0")
    recorded(portal, [{}] * 1001)
    page = Person(portal, "officer").get("/recordings").text
    assert "1,000+ recordings" in page


def test_an_empty_house_says_how_to_send_the_first(own_portal: Callable[..., Portal]) -> None:
    page = Person(own_portal(PORTAL_JOB_WORKERS="0"), "officer").get("/recordings").text
    assert "curl -H" in page and "tusclient" in page
