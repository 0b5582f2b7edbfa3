"""Whatever is done to the audit log behind our back, the verifier names the first event of it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from portal.core import chain
from portal.core.audit import checking
from portal.core.audit.seals import SealKey
from portal.core.models import AuditCheck
from tests.core.logbook import Logbook, book

__all__ = ["book"]


@pytest.fixture
def full(book: Logbook) -> Iterator[Logbook]:
    """Fifty events, sealed at #50 (which is event #51), and twenty more."""
    book.write(50, text="what was done", number=7)
    assert book.seal()
    book.write(20)
    yield book


def test_an_untouched_log_is_valid_to_its_end(full: Logbook) -> None:
    verdict = full.verify()
    assert (verdict.checked, verdict.problems) == (71, [])
    assert verdict.sealed is not None and verdict.sealed.seq == 50


def test_an_empty_log_is_valid(book: Logbook) -> None:
    assert book.verify().checked == 0 and book.wrong() == []


EDITS = {
    "who": "actor_label = 'somebody else'",
    "what": "action = 'auth.login'",
    "when": "at = '2020-01-01 00:00:00'",
    "details": """details = '{"text": "what was not done", "number": 7}'""",
    "a hash alone": f"hash = '{'0' * 64}'",
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_acceptance_12_an_edited_row_is_named(full: Logbook, edit: str) -> None:
    full.tamper(f"UPDATE audit_event SET {edit} WHERE seq = 23")
    assert full.wrong() == [("edited", 23)]


def test_acceptance_12_the_last_ten_dropped_are_found(full: Logbook) -> None:
    full.tamper("DELETE FROM audit_event WHERE seq > 61")
    assert full.wrong() == [("truncated", 62)]


def test_acceptance_12_reordered_rows_are_named(full: Logbook) -> None:
    full.tamper(
        "UPDATE audit_event SET seq = 1000 WHERE seq = 30",
        "UPDATE audit_event SET seq = 30 WHERE seq = 31",
        "UPDATE audit_event SET seq = 31 WHERE seq = 1000",
    )
    assert full.wrong() == [("reordered", 30)]


def test_acceptance_12_a_removed_row_is_named(full: Logbook) -> None:
    full.tamper("DELETE FROM audit_event WHERE seq = 40")
    assert full.wrong() == [("missing", 40)]


def test_acceptance_12_a_dropped_end_is_found_by_the_seal_though_the_head_fits(
    full: Logbook,
) -> None:
    cut_off(full, 45)
    assert full.wrong() == [("truncated", 46)]


def cut_off(book: Logbook, last: int) -> None:
    """As somebody does it who knows of the head, and of the seals in the database."""
    found = book.events()[last - 1].hash
    book.tamper(
        f"DELETE FROM audit_event WHERE seq > {last}",
        f"UPDATE audit_head SET seq = {last}, hash = '{found}'",
        "DELETE FROM audit_seal",
    )


def test_acceptance_12_a_chain_computed_anew_is_found_by_the_seal(full: Logbook) -> None:
    before, statements = full.events()[19].hash, []
    for event in full.events()[20:]:
        event.actor_label = "somebody else"
        before = chain.link(before, [getattr(event, name) for name in chain.FIELDS])
        values = f"actor_label = 'somebody else', hash = '{before}'"
        statements.append(f"UPDATE audit_event SET {values} WHERE seq = {event.seq}")
    full.tamper(*statements, f"UPDATE audit_head SET hash = '{before}'", "DELETE FROM audit_seal")
    assert full.wrong() == [("rewritten", 1)]


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        (f"UPDATE audit_head SET hash = '{'a' * 64}'", ("head", 71)),
        ("UPDATE audit_head SET seq = 70", ("head", 71)),
        ("UPDATE audit_head SET seq = 75", ("truncated", 72)),
    ],
)
def test_an_altered_head_is_found(full: Logbook, statement: str, problem: tuple[str, int]) -> None:
    full.tamper(statement)
    assert full.wrong() == [problem]


def test_a_row_before_the_first_is_found(full: Logbook) -> None:
    columns = ", ".join(chain.FIELDS[1:])
    full.tamper(
        f"INSERT INTO audit_event (seq, {columns}, hash)"
        f" SELECT 0, {columns}, hash FROM audit_event WHERE seq = 1"
    )
    assert full.wrong() == [("added", 0)]


def test_a_seal_that_somebody_else_signed_is_forged(full: Logbook) -> None:
    honest, full.key = full.key, SealKey(secrets.token_hex(32))
    assert full.seal()
    full.key = honest
    # In the database, in the file and in the store.
    assert full.wrong() == [("forged", 71)] * 3


def test_a_seal_with_another_number_is_forged(full: Logbook) -> None:
    full.tamper("UPDATE audit_seal SET seq = 49")
    assert full.wrong() == [("forged", 49)]


def test_what_is_no_seal_in_the_file_is_named_with_its_line(full: Logbook) -> None:
    with full.outside.file.open("a") as file:
        file.write("{}\n")
    problem = full.first_wrong()
    assert problem is not None and problem.code == "forged"
    assert checking.sentence(problem).endswith("(seals.jsonl line 2)")


def test_a_check_keeps_its_result_and_says_it_in_the_log(full: Logbook) -> None:
    with full.sessions() as session:
        check = checking.ask(session, checking.SYSTEM)
        assert checking.ask(session, checking.SYSTEM).id == check.id
        full.tamper("DELETE FROM audit_event WHERE seq = 40")
        checking.run(session, full.outside, full.key.public, check.id)
        kept = session.get_one(AuditCheck, check.id)
        assert (kept.problem, kept.bad_seq) == ("missing", 40)
        assert checking.waiting(session) == []
        query = "SELECT result, details FROM audit_event WHERE action = 'audit.verified'"
        result, details = session.execute(text(query)).one()
    said = json.loads(details) if isinstance(details, str) else details
    assert result == "failed" and said["problems"] == ["Event #40 is missing."]
