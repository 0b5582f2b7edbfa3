"""What holds for every page: headers, languages, nothing inline, nothing from elsewhere."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from tests.conftest import TUS, Portal, Tus, upload_id
from tests.web.browsing import Person

ROOT = Path(__file__).parents[2]
CATALOGUE = ROOT / "portal/translations/pt_BR/LC_MESSAGES/messages.po"


@pytest.fixture(scope="module")
def pages(portal: Portal, token: str, media: Callable[..., Path]) -> list[str]:
    tus, content = Tus(portal, token), media("call-sales-0815.wav").read_bytes()
    path = tus.begin(len(content))
    tus.patch(path, 0, content)
    portal.recording(upload_id(path))
    tus.begin(1000)
    person = Person(portal, "auditor")
    shown = ["/recordings", f"/recordings/{upload_id(path)}", "/uploads", "/nowhere"]
    return [person.get(each).text for each in shown]


def test_no_page_has_inline_script_or_style_or_foreign_addresses(pages: list[str]) -> None:
    for page in pages:
        assert not re.search(r"<script(?![^>]*\bsrc=)", page)
        assert not re.search(r"\son\w+=|\sstyle=|<style|javascript:", page)
        assert re.findall(r'(?:src|href|action)="(?:https?:)?//', page) == []


def test_the_policy_allows_nothing_inline(portal: Portal) -> None:
    policy = Person(portal, "auditor").get("/recordings").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "script-src 'self'" in policy
    assert "unsafe" not in policy and "http" not in policy


def test_the_language_follows_the_browser_and_can_be_chosen(portal: Portal) -> None:
    person = Person(portal, "auditor", language="pt-BR,pt;q=0.9")
    assert 'lang="pt-BR"' in person.get("/recordings").text
    assert "Gravações" in person.get("/recordings").text
    person.post("/language", language="en", next="/recordings")
    assert 'lang="en"' in person.get("/recordings").text


@pytest.mark.parametrize("path", ["/recordings", "/recordings?state=ready"])
def test_choosing_a_language_leads_back_to_the_very_same_address(portal: Portal, path: str) -> None:
    person = Person(portal, "auditor")
    back = re.search(r'name="next" value="([^"]+)"', person.get(path).text)[1]
    assert back == path
    answer = person.post("/language", language="pt_BR", next=back)
    assert answer.history[0].headers["Location"] == path


@pytest.mark.parametrize("path", ["/nowhere", "/static/nowhere", "/api/nowhere"])
def test_a_wrong_address_asks_nobody_to_sign_in(portal: Portal, path: str) -> None:
    answer = requests.get(portal.url + path, allow_redirects=False)
    assert answer.status_code == 404


@pytest.mark.parametrize("path", ["/nowhere", "/static/nowhere"])
def test_a_wrong_address_keeps_the_menu_of_whoever_is_signed_in(portal: Portal, path: str) -> None:
    assert 'href="/uploads"' in Person(portal, "auditor").get(path).text
    assert 'href="/uploads"' not in Person(portal, "reviewer").get(path).text


def texts_in_use() -> set[str]:
    """Every text that the pages mark for translation."""
    methods = [("portal/**.py", "python"), ("templates/**.html", "jinja2")]
    keywords = {"_": None, "gettext": None, "lazy_gettext": None, "ngettext": (1, 2)}
    found = extract_from_dir(str(ROOT), methods, keywords=keywords)
    return {text for *_, message, _, _ in [(*each,) for each in found] for text in _flat(message)}


def _flat(message: str | tuple[str, ...]) -> tuple[str, ...]:
    return (message,) if isinstance(message, str) else message[:1]


def test_acceptance_20_every_text_is_translated_into_portuguese() -> None:
    with CATALOGUE.open("rb") as file:
        catalogue = read_po(file)
    known = {
        _flat(message.id)[0]: message for message in catalogue if message.id and not message.fuzzy
    }
    missing = sorted(text for text in texts_in_use() if text not in known)
    assert missing == []
    empty = [key for key, message in known.items() if not all(_flat_text(message.string))]
    assert empty == []


def _flat_text(text: str | tuple[str, ...]) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)


def test_a_foreign_host_name_is_refused_without_a_server_error(
    own_portal: Callable[..., Portal],
) -> None:
    portal = own_portal(PORTAL_TRUSTED_HOSTS="127.0.0.1", PORTAL_JOB_WORKERS="0")
    answer = requests.get(f"{portal.url}/login", headers={"Host": "evil.example"})
    assert answer.status_code == 400 and "Traceback" not in answer.text


def test_a_database_that_is_away_is_told_on_a_page_of_its_own(
    own_portal: Callable[..., Portal],
) -> None:
    portal = own_portal(PORTAL_JOB_WORKERS="0")
    person = Person(portal, "auditor")
    with sqlite3.connect(portal.data / "portal.sqlite3", timeout=20) as connection:
        connection.execute("ALTER TABLE user RENAME TO hidden")
    answer = person.get("/recordings")
    assert answer.status_code == 503
    assert "The database does not answer" in answer.text


@pytest.mark.parametrize("method", ["PUT", "GET"])
def test_a_method_that_is_not_there_is_405_and_says_which_are(
    portal: Portal, token: str, method: str
) -> None:
    headers = {"Authorization": f"Bearer {token}", "Tus-Resumable": "1.0.0"}
    answer = requests.request(method, portal.url + TUS, headers=headers)
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]
    assert answer.headers["Tus-Resumable"] == "1.0.0"
