"""What the core and the senders wrote, as a reader finds it on the pages."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from portal.core import audit
from portal.db import db
from tests.conftest import Portal, Tus, upload_id
from tests.waiting import wait_for
from tests.web.browsing import Person

NO_MEDIA = b"Dear diary, this is no recording. " * 9


def metadata(**fields: str) -> str:
    """The Upload-Metadata header of these fields."""
    pairs = {key: base64.b64encode(value.encode()).decode() for key, value in fields.items()}
    return ",".join(f"{key} {value}" for key, value in pairs.items())


def send(tus: Tus, **fields: str) -> str:
    path = tus.begin(len(NO_MEDIA), metadata(**fields))
    assert tus.patch(path, 0, NO_MEDIA).status_code == 204
    return upload_id(path)


@pytest.fixture
def quarantined(portal: Portal, tus: Tus) -> dict[str, Any]:
    return portal.recording(send(tus, filename="diary.txt"))


def test_the_reason_of_a_quarantine_is_told_in_the_readers_language(
    portal: Portal, quarantined: dict[str, Any]
) -> None:
    english, portuguese = (
        Person(portal, "auditor", language).get(f"/recordings/{quarantined['id']}").text
        for language in ("en", "pt-BR")
    )
    assert "It is neither audio nor video." in english
    assert "Não é áudio nem vídeo." in portuguese
    detail = f'<small class="quiet d-block" lang="en">{quarantined["error_text"]}</small>'
    assert detail in english and detail in portuguese


def test_the_reason_of_a_failed_upload_is_told_in_the_readers_language(
    portal: Portal, tus: Tus
) -> None:
    failed = send(tus, filename="failed.mp4", sha256="0" * 64)
    wait_for(lambda: portal.rows("SELECT 1 FROM upload WHERE id = ? AND state = 'failed'", failed))
    page = Person(portal, "admin", language="pt-BR").get("/uploads").text
    assert "A soma SHA-256 não é a que foi declarada por quem enviou." in page
    assert 'lang="en">The file&#39;s SHA-256 is not the one that was declared.</small>' in page


def test_the_history_is_told_in_the_readers_language(
    portal: Portal, quarantined: dict[str, Any]
) -> None:
    path = f"/recordings/{quarantined['id']}?tab=history"
    english = Person(portal, "auditor").get(path).text
    assert "Upload begun" in english and "Put into quarantine" in english
    portuguese = Person(portal, "auditor", language="pt-BR").get(path).text
    for words in ("Gravação aberta", "Envio iniciado", "Colocada em quarentena", "sistema"):
        assert words in portuguese
    assert "upload.created" not in english + portuguese


def test_an_act_without_words_of_its_own_is_shown_by_its_name(
    portal: Portal, quarantined: dict[str, Any]
) -> None:
    with portal.app.app_context():
        subject = ("recording", quarantined["id"])
        audit.record_alone(db.session, audit.SYSTEM, "recording.polished", subject)
    page = Person(portal, "auditor").get(f"/recordings/{quarantined['id']}?tab=history").text
    assert "recording.polished" in page


def test_a_name_cannot_turn_around_what_stands_beside_it(portal: Portal, tus: Tus) -> None:
    """U+202E would show «exe.4pm» as «mp4.exe»; U+2028 breaks lines."""
    name = "gravação\u202eexe\u2028.4pm"
    auditor, quarantined = Person(portal, "auditor"), send(tus, filename=name)
    portal.recording(quarantined)
    tus.begin(1000, metadata(filename=name))
    for path in ("/recordings", f"/recordings/{quarantined}", "/uploads"):
        page = auditor.get(path).text
        assert "gravação\ufffdexe\ufffd.4pm" in page, path
        assert not set("\u202e\u2028") & set(page), path


def test_a_name_keeps_what_only_joins_and_spaces_its_letters(portal: Portal, tus: Tus) -> None:
    """Persian and emoji need the joiners; macOS writes U+202F into the names of its recordings."""
    name = "می\u200cخواهم 👩\u200d🎤 3.04\u202fPM.mov"
    tus.begin(1000, metadata(filename=name))
    assert name in Person(portal, "auditor").get("/uploads").text


def test_a_page_beyond_the_end_of_the_list_says_so_and_leads_back(
    portal: Portal, quarantined: dict[str, Any]
) -> None:
    person = Person(portal, "officer")
    for direction in ("after", "before"):
        path = f"/recordings?department=nowhere&{direction}={quarantined['id']}"
        page = person.get(path).text
        assert "The list ends here" in page and "Nothing has been received" not in page
        assert 'href="/recordings?department=nowhere">To its beginning' in page


def test_headings_and_rows_are_in_the_readers_language(portal: Portal, tus: Tus) -> None:
    made = portal.recording(send(tus, filename="diary.txt"))
    person = Person(portal, "auditor", "pt-BR")
    assert ">Revisão</h2>" in person.get(f"/recordings/{made['id']}").text
    for page in ("record", "tab?tab=metadata"):
        text = person.get(f"/recordings/{made['id']}/{page}").text
        assert "<dt>filename</dt>" not in text and "<dt>Nome do arquivo</dt>" in text
