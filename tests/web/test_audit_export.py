"""The audit log as a file: all of it, streamed, and to be verified without us."""

from __future__ import annotations

import csv
import io
import json
import re
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from portal.core import audit
from portal.core.audit import Actor
from portal.core.transaction import writing
from portal.db import db
from tests.conftest import Finished, Portal
from tests.web.browsing import Person

SCRIPT = Path(__file__).parents[2] / "tools/verify_audit.py"
MANY = 100_000
WITHOUT = "import sys; sys.modules['cryptography'] = None; import runpy; del sys.argv[0]"


def check(file: Path, *words: str) -> Finished:
    command = [sys.executable, str(SCRIPT), str(file), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def write_many(session: Session, count: int) -> None:
    actor = Actor("user", "u1", "many@example.org", ip="192.0.2.9")
    with writing(session):
        for number in range(count):
            audit.record(session, actor, "user.created", ("thing", str(number)), text="é" * 20)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A portal of its own with 100,000 events, sealed in the middle."""
    running = Portal(tmp_path_factory.mktemp("full"), PORTAL_JOB_WORKERS="0").start()
    with running.app.app_context():
        write_many(db.session, MANY // 2)
        running.cli("audit", "seal")
        write_many(db.session, MANY // 2)
    yield running
    running.drop()


@pytest.fixture(scope="module")
def auditor(full: Portal) -> Person:
    return Person(full, "auditor")


@pytest.fixture(scope="module")
def whole_log(auditor: Person, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "audit.jsonl"
    path.write_bytes(auditor.get("/audit/export.jsonl").content)
    return path


def test_acceptance_14_an_export_of_100_000_rows_streams_and_loses_none(auditor: Person) -> None:
    address = f"{auditor.portal.url}/audit/export.csv?actor=many@example.org"
    with auditor.session.get(address, stream=True) as answer:
        assert answer.headers["Transfer-Encoding"] == "chunked"
        rows = list(csv.DictReader(io.TextIOWrapper(answer.raw, "utf-8", newline="")))
    assert sorted(int(row["object_id"]) for row in rows) == sorted([*range(MANY // 2)] * 2)
    assert json.loads(rows[0]["details"]) == {"text": "é" * 20}


def test_acceptance_5_more_than_1000_rows_can_be_reached(auditor: Person) -> None:
    address, seen = "/audit?actor=many@example.org", 0
    page = auditor.get(address).text
    assert "More than 1,000 events" in page
    while seen <= 1000:
        seen += page.count('class="number">#')
        page = auditor.get(unescape(re.search(r'rel="next" href="([^"]+)"', page)[1])).text
    assert page.count('class="number">#') == 50


def test_the_whole_log_is_verified_offline(full: Portal, whole_log: Path) -> None:
    key = full.cli("audit", "key").stdout.strip()
    done = check(whole_log, "--key", key)
    assert done.returncode == 0, done.stdout + done.stderr
    count = full.rows("SELECT max(seq) AS n FROM audit_event WHERE action = 'audit.exported'")
    assert f"unbroken from #1 to #{count[0]['n']}, 1 seals fit" in done.stdout
    assert check(whole_log, "--key", "0" * 64).returncode == 1


def test_without_cryptography_it_says_that_signatures_are_not_checked(whole_log: Path) -> None:
    program = f"{WITHOUT}; runpy.run_path({str(SCRIPT)!r}, run_name='__main__')"
    command = [sys.executable, "-c", program, str(SCRIPT), str(whole_log)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "SIGNATURES NOT CHECKED" in done.stdout, done.stderr


def edited(lines: list[str]) -> None:
    lines[9] = lines[9].replace("many@", "none@")


def removed(lines: list[str]) -> None:
    del lines[9]


def swapped(lines: list[str]) -> None:
    lines[9], lines[10] = lines[10], lines[9]


def cut(lines: list[str]) -> None:
    del lines[-11:-1]


def cut_off(lines: list[str]) -> None:
    del lines[-10:]


def forged(lines: list[str]) -> None:
    last = json.loads(lines[-1])
    last["export"]["by"] = "somebody else"
    lines[-1] = json.dumps(last) + "\n"


@pytest.mark.parametrize(
    ("act", "says"),
    [
        (edited, "Event #9 was changed"),
        (removed, "Event #9 is missing"),
        (swapped, "Event #9 is missing"),
        (cut, "The end was cut off: event #"),
        (cut_off, "the file was cut off"),
        (forged, "no valid signature"),
    ],
)
def test_acceptance_12_a_file_that_was_changed_is_named(
    whole_log: Path, tmp_path: Path, act: Callable[[list[str]], None], says: str
) -> None:
    lines = whole_log.read_text().splitlines(keepends=True)
    act(lines)  # the first line is the seal, so that #9 is line 10
    file = tmp_path / "changed.jsonl"
    file.write_text("".join(lines))
    done = check(file)
    assert done.returncode == 1 and says in done.stdout, done.stdout


def test_a_part_of_the_log_is_verified_too(auditor: Person, tmp_path: Path) -> None:
    file = tmp_path / "part.jsonl"
    file.write_bytes(auditor.get("/audit/export.jsonl?object=77").content)
    lines = file.read_text().splitlines()
    assert len(lines) == 3 and json.loads(lines[-1])["export"]["filters"] == {"object": "77"}
    assert check(file).returncode == 0
    file.write_text("\n".join([lines[0], lines[2]]) + "\n")
    assert check(file).returncode == 1


def test_what_a_spreadsheet_would_run_is_only_text(portal: Portal) -> None:
    thing = secrets.token_hex(8)
    with portal.app.app_context():
        actor = Actor("visitor", None, "", user_agent="=cmd|'/c calc'!A1")
        audit.record_alone(db.session, actor, "auth.failed", ("user", thing), "denied")
    text = Person(portal, "auditor").get(f"/audit/export.csv?object={thing}").text
    (row,) = csv.DictReader(io.StringIO(text))
    assert row["user_agent"] == "'=cmd|'/c calc'!A1"


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_exporting_is_an_event(portal: Portal, form: str) -> None:
    person = Person(portal, "officer")
    answer = person.get(f"/audit/export.{form}?result=failed")
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
    query = "SELECT details FROM audit_event WHERE action = 'audit.exported' AND actor_label = ?"
    (noted,) = portal.rows(query, person.email)
    said = json.loads(noted["details"])
    assert (said["format"], said["filters"]) == (form, {"result": "failed"})
