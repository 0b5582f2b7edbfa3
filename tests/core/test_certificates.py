"""Deletion certificates: what they say, and that only the portal's key could have said it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from portal.core import deciding, requested_deletion
from portal.core.accounts import Caller
from portal.core.audit.seals import SealKey, signed_by
from portal.core.errors import NotAllowed, NotFound
from portal.core.models import AuditEvent
from portal.core.retention import certificates
from portal.core.retention.deciding import Rule
from tests.core.conftest import Site
from tests.core.deleting import NOT_KEPT, purge
from tests.core.retaining import DAY, NOW, in_force, recorded, run
from tests.core.test_approvals import person

KEY = SealKey("5e" * 32)
SCRIPT = Path(__file__).parents[2] / "tools/verify_certificate.py"


@pytest.fixture(scope="module")
def officer(sessions: sessionmaker[Session]) -> Caller:
    return person(sessions, "officer")


@pytest.fixture
def gone(site: Site) -> str:
    """A recording that retention has deleted."""
    in_force(site, Rule("ten days", delete_days=10))
    made = recorded(site, days=10)
    run(site)
    run(site, NOW + 7 * DAY)
    purge(site, made.id)
    return made.id


def test_it_says_what_went_by_which_rule_and_when(site: Site, officer: Caller, gone: str) -> None:
    made = certificates.certificate(site.session, officer, KEY, gone)
    said = made["certificate"]
    assert (said["recording"], said["rule"], said["deleted_by"]) == (gone, "ten days", "retention")
    assert said["marked_at"] == "2026-06-01T12:00:00.000000Z"
    assert said["grace_until"] == "2026-06-08T12:00:00.000000Z"
    with site.sessions() as session:
        query = select(AuditEvent).where(AuditEvent.object_id == gone)
        last = session.scalars(query.order_by(AuditEvent.seq.desc())).first()
    assert last is not None
    assert said["event"] == {"seq": last.seq, "hash": last.hash}
    assert certificates.certificate(site.session, officer, KEY, gone) == made


def test_its_signature_stands_for_every_word(site: Site, officer: Caller, gone: str) -> None:
    made = certificates.certificate(site.session, officer, KEY, gone)
    said, kind = made["certificate"], certificates.KIND
    assert signed_by(KEY.public, kind, said, made["signature"])
    for name in said:
        assert not signed_by(KEY.public, kind, said | {name: "other"}, made["signature"]), name


def test_it_is_checked_without_the_portal(
    site: Site, officer: Caller, gone: str, tmp_path: Path
) -> None:
    made = certificates.certificate(site.session, officer, KEY, gone)
    file = tmp_path / "certificate.json"

    def check(content: object, *options: str) -> tuple[int, str]:
        file.write_text(json.dumps(content))
        command = [sys.executable, str(SCRIPT), str(file), *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout

    assert check(made, "--key", KEY.public)[0] == 0
    assert check(made, "--key", "0" * 64)[0] == 1
    forged = made | {"certificate": made["certificate"] | {"size": 1}}
    assert check(forged) == (1, "NOT VALID: the signature is not that of these words.\n")
    assert check(["no certificate"])[0] == 2


def test_it_names_the_two_people_of_a_requested_deletion(site: Site, officer: Caller) -> None:
    in_force(site)
    made, anna = recorded(site, days=1), person(site.sessions, "officer")
    asked = requested_deletion.ask(site.session, anna, [made.id], "not ours", NOT_KEPT)
    deciding.approve(site.session, officer, asked.id, asked.sha256, NOT_KEPT)
    purge(site, made.id)
    said = certificates.certificate(site.session, officer, KEY, made.id)["certificate"]
    assert (said["rule"], said["policy"], said["reason"]) == (None, None, "not ours")
    assert said["approval"]["asked_by"] == anna.label
    assert said["approval"]["approved_by"] == officer.label
    assert said["approval"]["sha256"] == asked.sha256


def test_what_is_not_deleted_has_none(site: Site, officer: Caller) -> None:
    kept = recorded(site, days=1)
    with pytest.raises(NotFound):
        certificates.certificate(site.session, officer, KEY, kept.id)


def test_who_may_not_verify_has_none(site: Site, gone: str) -> None:
    reviewer = person(site.sessions, "reviewer")
    with pytest.raises(NotAllowed):
        certificates.certificate(site.session, reviewer, KEY, gone)
