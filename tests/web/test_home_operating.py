"""The start page of administrators and of those who send."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from portal.core import audit, leases, tokens
from portal.core.accounts import caller_for, user_by_email
from portal.core.audit import SYSTEM, Actor, checking
from portal.core.dashboard import operating
from portal.core.disks import Disk
from portal.core.errors import NotAllowed
from portal.core.models import Token
from portal.core.tokens import NewToken
from portal.core.transaction import utc_now, writing
from portal.db import db
from portal.storage import seal_key, seals_outside, stores
from tests.conftest import Portal, Tus, upload_id
from tests.waiting import wait_for
from tests.web.browsing import Person
from tests.web.home_facts import days_ago, figures, titles
from tests.web.listing import recorded

COUNT = re.compile(r"<b>([0-9,+]+)</b> ([\w ]+)<")


@pytest.fixture
def idle(own_portal: Callable[..., Portal]) -> Portal:
    """A portal without workers: what waits goes on waiting."""
    return own_portal(PORTAL_JOB_WORKERS="0", PORTAL_WEB_PROCESSES="1")


def jobs(portal: Portal) -> dict[str, str]:
    return {name: count for count, name in COUNT.findall(Person(portal, "admin").get("/").text)}


def test_before_the_first_recording_the_page_shows_how_to_send_one(
    own_portal: Callable[..., Portal], media: Callable[..., Path]
) -> None:
    portal = own_portal(PORTAL_WEB_PROCESSES="1")
    officer, page = Person(portal, "officer"), Person(portal, "uploader").get("/").text
    assert titles(officer) == ["Nothing has been received yet"]
    assert 'href="/account#new-token"' in page and 'href="/api/docs"' in page
    assert "TusClient" in page
    script = re.search(r"<code>(curl .*?)</code>", page, re.DOTALL)[1].replace("&#34;", '"')
    call = media("call-sales-0815.wav")
    command = script.replace("call.wav", str(call))
    environment = {"TOKEN": portal.token(), "PATH": "/usr/bin:/bin"}
    subprocess.run(["sh", "-ec", f"curl() {{ command curl -sf \"$@\"; }}\n{command}"],
                   check=True, env=environment)  # fmt: skip
    wait_for(lambda: "Nothing has been received yet" not in titles(officer))
    assert figures(officer)["Waiting for review"].number == "1"


def test_an_administrator_sees_what_arrives_what_fails_and_what_waits(idle: Portal) -> None:
    tus, now = Tus(idle, idle.token()), utc_now()
    for _ in range(2):
        tus.begin(1000)
    whole = tus.begin(4)
    tus.patch(whole, 0, b"1234")
    quarantined = {"state": "quarantined", "error_code": "not_media"}
    ages = ({"received_at": now}, {"received_at": now - timedelta(hours=25)})
    recorded(idle, [quarantined | age for age in ages])
    with idle.app.app_context():
        subject = ("upload", upload_id(whole))
        audit.record_alone(db.session, SYSTEM, "upload.rejected", subject, code="wrong_size")
    admin = Person(idle, "admin")
    shown = figures(admin)
    assert shown["Uploads under way"].number == "3"
    assert "Receiving: 2 · assembling: 1" in admin.get("/").text
    assert shown["Failed in 24 hours"].number == shown["Quarantined in 24 hours"].number == "1"
    assert admin.get(shown["Quarantined in 24 hours"].link).text.count('class="item"') >= 1


def test_jobs_are_counted_by_how_it_stands_with_them(idle: Portal) -> None:
    recorded(idle, [{}])
    with idle.app.app_context():
        for number in range(5):
            lease = leases.claim(db.session, "assemble_upload", f"{number}", 60)
            assert lease is not None
            if number == 1:
                leases.put_off(db.session, lease, "StorageUnavailable: The disk is away.", True)
            if number == 2:
                leases.put_off(db.session, lease, "ValueError: odd")
            if number == 3:
                leases.rest(db.session, lease, 60)
            if number == 4:
                with writing(db.session):
                    leases.close(db.session, lease, "failed", "The SHA-256 differs.")
    told = {"Running": "1", "Tried again soon": "2", "Failed in 24 hours": "1"}
    assert told.items() <= jobs(idle).items()
    page = Person(idle, "admin").get("/").text
    assert "1 job waits for a storage" in page and "The disk is away." in page


def test_the_chain_is_told_as_the_audit_page_tells_it(idle: Portal) -> None:
    admin = Person(idle, "admin")
    assert "Not verified yet" in admin.get("/").text
    idle.cli("audit", "seal")
    with idle.app.app_context():
        check = checking.ask(db.session, SYSTEM)
        checking.run(db.session, seals_outside, seal_key.public, check.id)
    page = admin.get("/").text
    assert re.search(r"Chain valid to #[0-9,]+", page) and "sealed" in page
    assert 'href="/audit/chain"' in page


@pytest.mark.parametrize(
    ("free", "percent", "level"),
    [(1000, 0, "ok"), (201, 79, "ok"), (200, 80, "warn"), (100, 90, "high"), (50, 95, "full")],
)
def test_the_disk_is_coloured_from_80_90_and_95_percent(
    free: int, percent: int, level: str
) -> None:
    disk = Disk("main", 1000, free)
    assert (disk.used_percent, disk.level) == (percent, level)


def test_the_fullest_disk_is_told(idle: Portal) -> None:
    page = Person(idle, "admin").get("/").text
    assert re.search(r'<progress class="disk-\w+" max="100" value="[0-9]+"', page)


@pytest.mark.parametrize("role", ["officer", "auditor", "reviewer", "source_owner", "uploader"])
def test_how_the_system_does_is_for_administrators(portal: Portal, role: str) -> None:
    with portal.app.app_context():
        user = user_by_email(db.session, portal.person(role))
        who = caller_for(user, Actor("user", None, ""))
        for ask in (
            lambda: operating.work(db.session, who),
            lambda: operating.places(db.session, who, stores),
            lambda: operating.disk(db.session, who, stores),
        ):
            with pytest.raises(NotAllowed):
                ask()


def sender(portal: Portal) -> tuple[Person, Tus]:
    """An uploader at the pages, and a client with a token of that account."""
    person = Person(portal, "uploader")
    with portal.app.app_context():
        secret = tokens.create_token(db.session, person.email, ["upload"])
    return person, Tus(portal, secret)


def test_a_sender_sees_what_has_arrived_what_failed_and_what_to_do(portal: Portal) -> None:
    person, tus = sender(portal)
    begun = tus.begin(2_000_000, "filename aGFsZi5tcDQ=")  # half.mp4
    tus.patch(begun, 0, bytes(500_000))
    failed = tus.begin(4, f"filename YmFkLndhdg==,sha256 {'MDAw' * 21}MA==")  # bad.wav
    tus.patch(failed, 0, bytes(4))
    refused = tus.begin(30, "filename bm90ZS50eHQ=")  # note.txt
    tus.patch(refused, 0, b"Dear diary, this is no video. ")
    query = "SELECT 1 FROM upload WHERE id = ? AND state = 'failed'"
    wait_for(lambda: portal.rows(query, upload_id(failed)))
    assert portal.recording(upload_id(refused))["state"] == "quarantined"
    page = person.get("/").text
    assert "half.mp4" in page and "500 kB of 2.0 MB" in page
    assert "bad.wav" in page and "The file changed on the way or before: send it again." in page
    assert "note.txt" in page and "Send the recording itself" in page
    stranger = Person(portal, "uploader").get("/").text
    assert not [name for name in ("half.mp4", "bad.wav", "note.txt") if name in stranger]


def test_tokens_that_end_are_told_in_time(portal: Portal) -> None:
    person, _ = sender(portal)
    with portal.app.app_context():
        user = user_by_email(db.session, person.email)
        caller = caller_for(user, Actor("user", user.id, user.email))
        for label, ends in (("over", -1), ("soon", 13), ("later", 15)):
            new = NewToken(["upload"], days_ago(-ends), label=label)
            tokens.create_own(db.session, caller, new)
        assert db.session.query(Token).filter_by(user_id=user.id).count() == 4
    page = person.get("/").text
    told = re.findall(r"<b>(over|soon|later)</b>.*?</li>", page, re.DOTALL)
    states = re.findall(r"<b>(\w+)</b>[^§]*?</div>\s*(?:<span class=\"state[^>]*>([^<]+))?", page)
    assert told == ["over", "soon", "later"]
    assert [s for s in states if s[0] in told] == [
        ("over", "Expired"), ("soon", "Ends soon"), ("later", "")]  # fmt: skip
