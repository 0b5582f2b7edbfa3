"""The command `portal`: what an operator types, and what comes back."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from portal.db import db
from tests.conftest import Portal, Tus, upload_id
from tests.waiting import wait_for
from tests.web.browsing import sign_in


def received(portal: Portal, tus: Tus, content: bytes = b"some bytes") -> str:
    path = tus.begin(len(content))
    tus.patch(path, 0, content)
    portal.recording(upload_id(path))
    return upload_id(path)


def test_a_created_user_can_sign_in(portal: Portal) -> None:
    email, password = "Ana.Souza@example.org", "uma senha bem comprida"
    done = portal.cli("create-user", email, "--role", "auditor", "--password-stdin", given=password)
    assert done.stdout == "Created ana.souza@example.org (auditor).\n"
    answer = sign_in(requests.Session(), portal, email, password)
    assert answer.url == f"{portal.url}/"


@pytest.mark.parametrize(
    ("email", "password", "said"),
    [
        ("nonsense", "long enough, surely", "no e-mail address"),
        ("short@example.org", "short", "too short"),
        ("twice@example.org", "long enough, surely", "already"),
    ],
)
def test_a_user_that_cannot_be_is_refused_with_a_sentence(
    portal: Portal, email: str, password: str, said: str
) -> None:
    words = ("create-user", email, "--role", "auditor", "--password-stdin")
    if said == "already":
        portal.cli(*words, given=password)
    refused = portal.cli(*words, given=password, check=False)
    assert refused.returncode == 1
    assert said in refused.stderr and len(refused.stderr.splitlines()) == 1


def test_a_token_is_printed_alone_and_works(portal: Portal) -> None:
    email = portal.person("uploader")
    done = portal.cli("create-token", "--user", email, "--scope", "upload", "--scope", "read")
    assert len(done.stdout.split()) == 1 and done.stderr == ""
    assert Tus(portal, done.stdout.strip()).create(10).status_code == 201
    stored = portal.rows("SELECT * FROM token ORDER BY created_at DESC LIMIT 1")[0]
    secret = done.stdout.strip().rpartition("_")[2]
    assert secret not in str(stored)


def test_check_storage_names_every_step(portal: Portal) -> None:
    said = portal.cli("check-storage").stdout
    for step in ("write", "read back", "read a range", "list", "join", "refuse to", "delete"):
        assert step in said
    assert said.count(" ok") == 2 * 12, "main and staging"


def test_check_storage_says_what_is_wrong(portal: Portal, tmp_path: os.PathLike[str]) -> None:
    portal.environment["PORTAL_STORAGE_URL"] = "file:///proc/nowhere"
    try:
        refused = portal.cli("check-storage", check=False)
    finally:
        del portal.environment["PORTAL_STORAGE_URL"]
    assert refused.returncode == 1 and "storage" in refused.stderr.lower()
    assert "Traceback" not in refused.stderr


def test_verify_reads_recordings_back(portal: Portal, tus: Tus) -> None:
    first, second = received(portal, tus), received(portal, tus)
    done = portal.cli("verify", first, second)
    assert "2 checked, 0 wrong." in done.stdout
    (portal.data / "store" / portal.recording(first)["key"]).unlink()
    missing = portal.cli("verify", first, check=False)
    assert missing.returncode == 1 and "missing" in missing.stdout
    unknown = portal.cli("verify", "no-such-id", check=False)
    assert unknown.returncode == 1 and "no recordings" in unknown.stderr


def test_reconcile_names_what_stands_alone_and_touches_it_not(portal: Portal, tus: Tus) -> None:
    lost = portal.recording(received(portal, tus))
    (portal.data / "store" / lost["key"]).unlink()
    stray = portal.data / "store/recordings/ffffff/stray/1/original"
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"whose?")
    young = portal.cli("reconcile", check=False)
    assert f"MISSING  {lost['key']}" in young.stdout and "STRAY" not in young.stdout
    yesterday = time.time() - timedelta(days=2).total_seconds()
    os.utime(stray, (yesterday, yesterday))
    old = portal.cli("reconcile", check=False)
    assert "STRAY    recordings/ffffff/stray/1/original" in old.stdout
    assert stray.exists()


def test_reconcile_removes_parts_that_were_never_acknowledged(portal: Portal, tus: Tus) -> None:
    path = tus.begin(100)
    tus.patch(path, 0, b"x" * 50)
    folder = portal.data / "staging/parts" / upload_id(path)
    acknowledged = list(folder.iterdir())
    (folder / "1.99").write_bytes(b"a writer that was killed before it could count this")
    yesterday = time.time() - timedelta(days=2).total_seconds()
    for each in folder.iterdir():
        os.utime(each, (yesterday, yesterday))
    portal.cli("reconcile", check=False)
    assert list(folder.iterdir()) == acknowledged
    assert tus.patch(path, 50, b"x" * 50).status_code == 204
    wait_for(lambda: portal.recording(upload_id(path)))


def test_a_token_whose_owner_may_not_use_it_is_made_with_a_warning(portal: Portal) -> None:
    email = portal.person("auditor")
    done = portal.cli("create-token", "--user", email, "--scope", "upload")
    assert len(done.stdout.split()) == 1
    assert done.stderr == "The role auditor may not upload; nor may this token.\n"


CREATE_TOKEN = ("create-token", "--user", "x@example.org", "--scope", "upload")


@pytest.mark.parametrize("database", ["", "postgresql://x@127.0.0.1:1/none"])
@pytest.mark.parametrize("words", [CREATE_TOKEN, ("check-storage",), ("verify",)])
def test_in_a_wrong_folder_a_command_is_refused_and_makes_nothing(
    tmp_path: Path, words: tuple[str, ...], database: str
) -> None:
    nowhere = Portal(tmp_path, PORTAL_DATABASE_URL=database)
    refused = nowhere.cli(*words, check=False)
    assert refused.returncode == 1
    assert "There is no portal in" in refused.stderr and str(nowhere.data) in refused.stderr
    assert not nowhere.data.exists()


@pytest.mark.parametrize("words", [CREATE_TOKEN, ("migrate",), ("reconcile",)])
def test_a_database_that_is_down_is_told_in_one_sentence(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    lost = Portal(tmp_path, PORTAL_DATABASE_URL="postgresql://x:hunter2@127.0.0.1:1/none")
    lost.data.mkdir()
    refused = lost.cli(*words, check=False)
    assert refused.returncode == 1
    assert refused.stderr.startswith("Error: The database failed: connection")
    assert len(refused.stderr.splitlines()) == 1 and "hunter2" not in refused.stderr


def test_what_people_entered_is_in_no_error_of_the_database(portal: Portal) -> None:
    with portal.app.app_context(), pytest.raises(SQLAlchemyError) as failed:
        db.session.execute(text("SELECT :entered FROM nowhere"), {"entered": "a secret"})
    assert "nowhere" in str(failed.value) and "a secret" not in str(failed.value)


def test_a_legal_hold_is_placed_and_released_by_name(portal: Portal, tus: Tus) -> None:
    held = received(portal, tus)
    assert portal.cli("hold", held, "--reason", "lawsuit 12").stdout == f"Held {held}.\n"
    rows = portal.rows("SELECT * FROM legal_hold WHERE recording_id = ?", held)
    assert [row["reason"] for row in rows] == ["lawsuit 12"]
    assert rows[0]["placed_by"].endswith(" (shell)") and rows[0]["released_at"] is None
    assert "1 legal hold" in portal.cli("release", held).stdout
    assert portal.rows("SELECT * FROM legal_hold WHERE recording_id = ?", held)[0]["released_at"]
    query = "SELECT action FROM audit_event WHERE object_id = ? AND action LIKE 'hold.%'"
    assert [row["action"] for row in portal.rows(query, held)] == ["hold.placed", "hold.released"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("hold", "no-such-id", "--reason", "x"), "no id"),
        (("hold", "00000000-0000-7000-8000-000000000000", "--reason", "x"), "no such recording"),
        (("release", "00000000-0000-7000-8000-000000000000"), "no such recording"),
    ],
)
def test_what_is_no_recording_cannot_be_held(
    portal: Portal, words: tuple[str, ...], said: str
) -> None:
    refused = portal.cli(*words, check=False)
    assert refused.returncode == 1 and said in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
