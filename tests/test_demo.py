"""`portal demo`: what it does when it was interrupted before."""

from __future__ import annotations

import base64
import signal
import subprocess
import sys
from collections.abc import Callable

from portal.core import accounts, tokens
from portal.db import db
from portal.demo import RECORDER
from portal.sample_media import SAMPLES
from tests.conftest import PASSWORD, Portal, Tus
from tests.waiting import wait_for


def test_a_demo_that_was_interrupted_sends_what_is_missing_and_nothing_twice(
    own_portal: Callable[..., Portal],
) -> None:
    portal = own_portal(PORTAL_JOB_WORKERS="1")
    missing = "call-hotline-3141.mp3"
    with portal.app.app_context():
        accounts.create_user(db.session, RECORDER, "uploader", PASSWORD)
        tus = Tus(portal, tokens.create_token(db.session, RECORDER, ["upload"]))
    for name in SAMPLES:
        path = tus.begin(7, f"filename {base64.b64encode(name.encode()).decode()}")
        tus.patch(path, 0, b"earlier" if name != missing else b"cut")
    portal.stop()
    said = run_demo_until(portal, "Ctrl-C stops the portal; the recordings stay.")
    assert f"{len(SAMPLES)} recordings received, verified and available." in said
    rows = portal.rows("SELECT filename, size FROM recording ORDER BY filename")
    assert [row["filename"] for row in rows] == sorted(SAMPLES)
    assert [row["filename"] for row in rows if row["size"] != 7] == [missing]


def run_demo_until(portal: Portal, line: str) -> str:
    """What the demo says until it says this; it is then stopped with Ctrl-C."""
    output = portal.log.with_name("demo.log")
    with output.open("w") as file:
        demo = subprocess.Popen(
            [sys.executable, "-m", "portal", "demo"], env=portal.environment, stdout=file
        )
    try:
        wait_for(lambda: line in output.read_text() or demo.poll() is not None, 60, line)
    finally:
        demo.send_signal(signal.SIGINT)
        assert demo.wait(20) == 0, output.read_text()
    return output.read_text()
