"""What fills the pages of the portal that the browser tests look at."""

from __future__ import annotations

import base64
import re

from playwright.sync_api import Page, expect

from portal.core import audit
from portal.core.audit import checking
from portal.db import db
from portal.storage import seal_key, seals_outside
from tests.conftest import Portal, Tus, upload_id
from tests.e2e.conftest import sign_in
from tests.waiting import wait_for

PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Mobile Safari/604.1"


def fill_the_uploads(tus: Tus) -> None:
    """One on its way, and one that fails: its checksum is not the declared one."""
    path = tus.begin(48_000_000, "filename cmRwLXBheXJvbGwtMjAyNi5tcDQ=")
    tus.patch(path, 0, bytes(17_000_000))
    declared = base64.b64encode(b"0" * 64).decode()
    path = tus.begin(4, f"filename Y2FsbC1jbGFpbXMtNDcxMi5vZ2c=,sha256 {declared}")
    tus.patch(path, 0, bytes(4))
    query = "SELECT 1 FROM upload WHERE id = ? AND state = 'failed'"
    wait_for(lambda: tus.portal.rows(query, upload_id(path)))


def fill_the_log(portal: Portal) -> None:
    """With a change, a denial, and a verified and sealed chain."""
    portal.cli("audit", "seal")
    with portal.app.app_context():
        check = checking.ask(db.session, audit.SYSTEM)
        checking.run(db.session, seals_outside, seal_key.public, check.id)
        officer = audit.Actor("user", "0190a1b2", "olga.ferreira@example.org", ip="203.0.113.77")
        change = audit.changed({"role": "reviewer", "tags": ["lgpd"]}, {"role": "auditor"})
        subject = ("user", "019aa0d4-62a8-7f37-b4ec-d5fdd0ea1b3c")
        audit.record_alone(db.session, officer, "user.created", subject, **change)
        audit.denied(db.session, officer, ("recording", "019aa0d4-62a8-7f37-b4ec-d5fdd0ea1b3c"))


def fill_the_account(page: Page) -> None:
    """A second session elsewhere, and a token."""
    page.goto("/account")
    email = page.locator("input[name=username]").input_value()
    context = page.context.browser.new_context(base_url=page.url, user_agent=PHONE)
    sign_in(context.new_page(), email)
    page.locator("#label").fill("Backup to the archive")
    page.locator("input[value=read]").check()
    page.locator("section:has(#label) button").click()
    expect(page.locator(".secret")).to_have_text(re.compile("^rp_"))
    context.close()
