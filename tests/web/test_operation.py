"""What administrators see of jobs, storages and the installation, and what they can do about it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import requests

from portal.core import leases
from portal.core.models import Job, Upload, new_id
from portal.core.transaction import utc_now, writing
from portal.db import db
from tests.conftest import Portal, Tus, upload_id
from tests.waiting import wait_for
from tests.web.browsing import Person, csrf
from tests.web.home_facts import scoped
from tests.web.listing import recorded


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """One without workers: jobs stay as they are made."""
    portal = Portal(tmp_path_factory.mktemp("operation"), PORTAL_JOB_WORKERS="0").start()
    yield portal
    portal.drop()


def put_off(house: Portal, kind: str, object_id: str, error: str) -> str:
    """A job that has just failed and waits for its next attempt; its id."""
    with house.app.app_context():
        lease = leases.claim(db.session, kind, object_id, 60)
        leases.put_off(db.session, lease, error)
        return lease.job_id


def job(house: Portal, job_id: str) -> dict[str, object]:
    [row] = house.rows("SELECT * FROM job WHERE id = ?", job_id)
    return row


def send(person: Person, path: str, ids: list[str], **form: str) -> requests.Response:
    token = csrf(person.get("/jobs").text)
    fields = [("csrf_token", token), *form.items(), *(("id", each) for each in ids)]
    return person.session.post(person.portal.url + path, data=fields)


def test_jobs_are_listed_with_what_went_wrong(house: Portal) -> None:
    put_off(house, "verify_recording", "0190aaaa-0000-7000-8000-000000000001", "the disk is <away>")
    admin = Person(house, "admin")
    page = admin.get("/jobs?kind=verify_recording&state=waiting").text
    assert "Verify a recording" in page and "the disk is &lt;away&gt;" in page
    assert "the disk is" not in admin.get("/jobs?state=failed").text
    assert admin.get("/jobs?state=nonsense").status_code == 400
    assert admin.get("/jobs?before=1.x%00y").status_code == 400


def test_acceptance_15_trying_again_shows_how_many_and_needs_the_form(house: Portal) -> None:
    ids = [
        put_off(house, "verify_recording", f"0190aaaa-0000-7000-8000-00000000001{n}", "away")
        for n in range(3)
    ]
    admin = Person(house, "admin")
    held_back = job(house, ids[0])["lease_until"]
    preview = send(admin, "/jobs/retry/preview?kind=verify_recording", [], all="1").text
    count = int(re.search(r"Try (\d+) jobs again\?", preview)[1])
    assert count >= 3 and job(house, ids[0])["lease_until"] == held_back
    assert "Try 2 jobs again?" in send(admin, "/jobs/retry/preview", ids[:2]).text
    refused = admin.session.post(house.url + "/jobs/retry", data={"id": ids[0]})
    assert refused.status_code == 400 and admin.get("/jobs/retry").status_code == 405
    assert job(house, ids[0])["lease_until"] == held_back
    assert "2 jobs are tried again." in send(admin, "/jobs/retry", ids[:2]).text
    assert [job(house, each)["lease_until"] for each in ids[:2]] == [None, None]
    assert job(house, ids[2])["lease_until"] is not None
    query = "SELECT object_id FROM audit_event WHERE action = 'job.retried' AND actor_label = ?"
    assert [row["object_id"] for row in house.rows(query, admin.email)] == ids[:2]


def test_an_upload_whose_assembly_failed_is_assembled_once_more(portal: Portal, tus: Tus) -> None:
    path = tus.begin(16)
    assert tus.patch(path, 0, b"not media at all").status_code == 204
    sent = upload_id(path)
    portal.recording(sent)
    with portal.app.app_context(), writing(db.session):  # as if a part had been missing
        row, work = db.session.get_one(Upload, sent), db.session.get_one(Job, work_id(sent))
        row.state, row.error_code, row.error_text = "failed", "part_missing", "A part is missing."
        row.expires_at, work.state, work.error = utc_now() + timedelta(days=1), "failed", "missing"
    admin = Person(portal, "admin")
    assert "Try 1 job again?" in send(admin, "/jobs/retry/preview", [work_id(sent)]).text
    send(admin, "/jobs/retry", [work_id(sent)])
    query = "SELECT action FROM audit_event WHERE object_id = ? ORDER BY seq DESC LIMIT 1"
    assert portal.rows(query, work_id(sent))[0]["action"] == "job.retried"
    query = "SELECT epoch FROM job WHERE id = ? AND epoch > 1"
    wait_for(lambda: portal.rows(query, work_id(sent)))  # a worker has begun it once more


def work_id(upload: str) -> str:
    return f"assemble_upload-{upload}"


def test_the_system_page_tells_of_a_storage_that_keeps_jobs_waiting(tmp_path: Path) -> None:
    portal = Portal(tmp_path, PORTAL_JOB_WORKERS="0").start()
    admin, said = Person(portal, "admin"), "The storage folder is gone; mount its disk."
    with portal.app.app_context():
        lease = leases.claim(db.session, "assemble_upload", new_id(), 60)
        leases.put_off(db.session, lease, said, waits=True)
    page = admin.get("/system").text
    assert f"Jobs wait for a storage: {said}" in page and "Everything works." not in page
    portal.drop()


CHANGES = (
    "/jobs/retry",
    "/jobs/retry/preview",
    "/storages",
    "/storages/main/check",
    "/storages/archive/remove",
    "/storages/rules",
    "/storages/rules/1/drop",
    "/system/bundle",
)


@pytest.mark.parametrize("role", ["officer", "reviewer", "source_owner", "uploader"])
def test_others_see_nothing_of_it_and_change_nothing(house: Portal, role: str) -> None:
    person = Person(house, role)
    for path in ("/jobs", "/storages", "/system", "/charts"):
        assert person.get(path).status_code == 403
    assert {person.post(path, id="x").status_code for path in CHANGES} == {403}


def test_an_auditor_reads_jobs_and_storages_and_changes_nothing(house: Portal) -> None:
    auditor = Person(house, "auditor")
    for path in ("/jobs", "/storages"):
        main = auditor.get(path).text.partition("<main")[2].partition("</main>")[0]
        assert main and 'method="post"' not in main and "checkbox" not in main
        assert 'method="post"' in Person(house, "admin").get(path).text.partition("<main")[2]
    assert 'id="storage-main"' in auditor.get("/storages").text
    assert {auditor.post(path, id="x").status_code for path in CHANGES} == {403}
    for path in ("/system", "/charts"):
        assert auditor.get(path).status_code == 403


def test_an_auditor_sees_the_jobs_of_what_the_scope_names_and_no_others(house: Portal) -> None:
    theirs, others = recorded(house, [{"department": "law"}, {"department": "sales"}])
    for each in (theirs, others):
        put_off(house, "verify_recording", each, f"the disk of {each} is away")
    put_off(house, "check_storages", "", "of all")
    page = scoped(house, "auditor", "department:law").get("/jobs").text
    assert f"the disk of {theirs} is away" in page and "of all" in page
    assert others not in page


def test_the_system_page_says_what_is_wrong_and_what_to_do(house: Portal) -> None:
    page = Person(house, "admin").get("/system").text
    assert "None was heard of for two minutes" in page and "python -m jobs.worker" in page
    assert "parts need somebody" in page and "sqlite answers in" in page


def test_a_healthy_system_is_told_in_portuguese_too(portal: Portal) -> None:
    admin = Person(portal, "admin", language="pt-BR")
    wait_for(lambda: "em atividade" in admin.get("/system").text)
    page = admin.get("/system").text
    assert "Nenhuma está travada." in page and "%(" not in page


def test_no_secret_is_shown_or_bundled(tmp_path: Path) -> None:
    secret = "a-secret-of-thirty-two-characters-or-more"
    portal = Portal(tmp_path, PORTAL_SECRET_KEY=secret, PORTAL_JOB_WORKERS="0").start()
    try:
        admin = Person(portal, "admin")
        page = admin.get("/system").text
        assert "PORTAL_SECRET_KEY" in page and secret not in page
        bundle = admin.post("/system/bundle")
        assert bundle.headers["Content-Disposition"].startswith('attachment; filename="portal-')
        assert secret not in bundle.text and "settings" in json.loads(bundle.text)
        assert portal.rows("SELECT 1 FROM audit_event WHERE action = 'system.bundle_made'")
    finally:
        portal.drop()


def test_ready_says_whether_uploads_are_taken(house: Portal) -> None:
    answer = requests.get(f"{house.url}/ready")
    assert answer.status_code == 200 and answer.json() == {"ready": True, "missing": []}
    moved = house.data / "staging-away"
    folder = Path(str(house.data)) / "staging"
    folder.rename(moved)
    try:
        refused = requests.get(f"{house.url}/ready")
        assert refused.status_code == 503 and refused.json()["missing"]
        assert requests.get(f"{house.url}/health").ok
    finally:
        moved.rename(folder)


def test_a_storage_is_tested_step_by_step(portal: Portal) -> None:
    admin = Person(portal, "admin")
    admin.post("/storages/main/check")
    wait_for(lambda: "refuse to overwrite" in admin.get("/storages").text)
    page = admin.get("/storages").text
    assert "Works" in page and "read back" in page
    query = "SELECT actor_label FROM audit_event WHERE action = 'storage.check_asked'"
    assert admin.email in [row["actor_label"] for row in portal.rows(query)]
    assert admin.post("/storages/nowhere/check").status_code == 404


def test_a_storage_is_added_and_its_secrets_are_never_shown(portal: Portal, tmp_path: Path) -> None:
    admin = Person(portal, "admin")
    (tmp_path / "archive").mkdir()
    form = {"name": "archive", "url": f"file://{tmp_path}/archive", "options": "", "secrets": ""}
    assert "The storage is there." in admin.post("/storages", **form).text
    admin.post("/storages/rules", storage="archive", source="", kind="video", at_least="10")
    assert "1 rule sends recordings here." in admin.get("/storages").text
    assert "it stays" in admin.post("/storages/archive/remove").text
    [rule] = portal.rows("SELECT position FROM storage_rule")
    admin.post(f"/storages/rules/{rule['position']}/drop")
    wait_for(lambda: "Being tested" not in admin.get("/storages").text)
    assert "is forgotten" in admin.post("/storages/archive/remove").text


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"name": "Not a name", "url": "file:///tmp/x"}, "Use a-z, 0-9 and -"),
        ({"name": "x", "url": "gopher://x"}, "gopher"),
        ({"name": "x", "url": "s3://bucket/x", "options": "region"}, "Write one NAME=VALUE"),
        ({"name": "x", "url": "s3://bucket/x", "options": "colour=red"}, "colour"),
    ],
)
def test_what_cannot_be_a_storage_is_said_at_its_field(
    portal: Portal, form: dict[str, str], said: str
) -> None:
    answer = Person(portal, "admin").post("/storages", **form)
    assert answer.status_code == 400 and said in answer.text
    assert f'value="{form["url"]}"' in answer.text, "nothing that was typed is lost"


def test_secrets_are_not_shown_on_the_page_that_refuses_a_storage_either(portal: Portal) -> None:
    form = {"name": "x", "url": "s3://bucket/x", "options": "colour=red", "secrets": "key=hush"}
    answer = Person(portal, "admin").post("/storages", **form)
    assert answer.status_code == 400 and "hush" not in answer.text
    assert "Write the secrets again" in answer.text
