"""What monitoring reads: its form, its truth from each process, and who may read it."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from datetime import timedelta

import pytest
import requests

from portal.core.metrics import rolling_up, totals
from portal.core.transaction import utc_now
from portal.db import db
from tests.conftest import Portal, Tus
from tests.waiting import wait_for
from tests.web.listing import recorded

SECRET = "monitoring-" + "x" * 32
LINE = re.compile(
    r'(?P<name>[a-z_]+)(?:\{(?P<labels>[a-z]+="(?:[^"\\\n]|\\["\\n])*")\})? (?P<value>[-0-9.e+]+)'
)
Metrics = dict[str, float]


@pytest.fixture
def watched_portal(own_portal: Callable[..., Portal]) -> Portal:
    return own_portal(PORTAL_METRICS_TOKEN=SECRET, PORTAL_WEB_PROCESSES="2")


def scrape(portal: Portal, token: str = SECRET) -> requests.Response:
    return requests.get(f"{portal.url}/metrics", headers={"Authorization": f"Bearer {token}"})


def metrics(portal: Portal) -> Metrics:
    """The values by name and labels; fails for a line that is not of the format."""
    answer = scrape(portal)
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert answer.ok and answer.text.endswith("\n")
    found: Metrics = {}
    family = ""
    for line in answer.text.splitlines():
        if line.startswith("# "):
            _, word, family, about = line.split(" ", 3)
            assert word == "HELP" or about in ("counter", "gauge", "histogram")
            continue
        parts = LINE.fullmatch(line)
        assert parts is not None and parts["name"].startswith(family), line
        key = line.rpartition(" ")[0]
        assert key not in found, f"{key} twice"
        found[key] = float(parts["value"])
    return found


def test_what_is_told_is_what_the_tables_say(
    watched_portal: Portal, media: Callable[..., object]
) -> None:
    portal = watched_portal
    old = [{"received_at": utc_now() - timedelta(days=each), "size": 100} for each in range(20)]
    recorded(portal, old)
    tus = Tus(portal, portal.token())
    tus.begin(1000)
    content = media("call-sales-0815.wav").read_bytes()  # type: ignore[attr-defined]
    path = tus.begin(len(content))
    tus.patch(path, 0, content)
    portal.recording(path.rpartition("/")[2])
    with portal.app.app_context():
        rolling_up.run(db.session, utc_now(), seconds=60)
    found = metrics(portal)
    month = f"{utc_now():%Y-%m-01}"
    [truth] = portal.rows("SELECT sum(size) AS size FROM recording")
    [received] = portal.rows("SELECT count(*) AS n FROM recording WHERE received_at >= ?", month)
    assert found['portal_recordings_received_total{source="tus"}'] == received["n"] >= 2
    assert found['portal_stored_bytes{storage="main"}'] == truth["size"]
    assert found['portal_available_seconds_bucket{le="+Inf"}'] == received["n"]
    assert found["portal_available_seconds_count"] == received["n"]
    actions = "SELECT action, count(*) AS n FROM audit_event GROUP BY action"
    for row in portal.rows(actions):
        assert found[f'portal_events_total{{action="{row["action"]}"}}'] == row["n"]
    assert found["portal_uploads_open"] == 1
    assert found["portal_queue_up"] == 1 and found["portal_queue_length"] >= 0
    assert (
        0
        < found['portal_disk_free_bytes{storage="main"}']
        < found['portal_disk_bytes{storage="main"}']
    )
    assert found["portal_oldest_check_seconds"] >= 19 * 86_400


def test_what_is_marked_and_how_full_disks_are_is_told(watched_portal: Portal) -> None:
    marked = {"purge_at": utc_now() + timedelta(days=3), "marked_at": utc_now(), "size": 700}
    gone = {"state": "deleted", "deleted_at": utc_now()}
    recorded(watched_portal, [marked, {}, marked | gone])
    found = metrics(watched_portal)
    assert (found["portal_marked_recordings"], found["portal_marked_bytes"]) == (1, 700)
    free = found['portal_disk_free_bytes{storage="main"}']
    used = 100 - 100 * free / found['portal_disk_bytes{storage="main"}']
    level = sum(used >= least for least in (80, 90, 95))
    assert found['portal_disk_level{storage="main"}'] == level


def test_each_process_says_the_same_and_totals_never_fall(watched_portal: Portal) -> None:
    name = 'portal_recordings_received_total{source="tus"}'
    # One that minds, and two that answer.
    wait_for(lambda: len(watched_portal.children("gunicorn")) >= 3)
    seen = [0.0]
    for hours in range(5):
        recorded(watched_portal, [{"received_at": utc_now() - timedelta(minutes=hours)}])
        if hours % 2:
            with watched_portal.app.app_context():
                rolling_up.run(db.session, utc_now(), seconds=60)
        answers = {metrics(watched_portal)[name] for _ in range(6)}
        assert len(answers) == 1, answers
        seen.extend(answers)
    assert seen == sorted(seen) and seen[-1] == 5


def test_an_hour_that_is_over_is_told_before_a_worker_has_counted_its_end(
    watched_portal: Portal,
) -> None:
    """Otherwise the total would fall at the turn of the hour, and rise again at the next run."""
    now = utc_now().replace(minute=0, second=0, microsecond=0)
    with watched_portal.app.app_context():
        for minutes in (70, 65):
            recorded(watched_portal, [{"received_at": now + timedelta(minutes=minutes)}])
            before = totals.totals(db.session, now + timedelta(minutes=119))
        rolling_up.run(db.session, now + timedelta(minutes=80))
        recorded(watched_portal, [{"received_at": now + timedelta(minutes=110)}])
        late = totals.totals(db.session, now + timedelta(minutes=119))
        turned = totals.totals(db.session, now + timedelta(minutes=121))
    assert before["received", "tus"] == 2
    assert late["received", "tus"] == turned["received", "tus"] == 3


def test_totals_begin_anew_with_the_month_and_what_is_stored_does_not(
    watched_portal: Portal,
) -> None:
    month = utc_now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    ages = (timedelta(minutes=-90), timedelta(minutes=-30), timedelta(minutes=3))
    recorded(watched_portal, [{"received_at": month + age, "size": 100} for age in ages])
    with watched_portal.app.app_context():
        rolling_up.run(db.session, month - timedelta(minutes=1))
        before = totals.totals(db.session, month - timedelta(minutes=1))
        not_counted_yet = totals.totals(db.session, month + timedelta(minutes=4))
        rolling_up.run(db.session, month + timedelta(minutes=4))
        counted = totals.totals(db.session, month + timedelta(minutes=4))
    assert before["received", "tus"] == 2 and before["stored", "main"] == 200
    assert not_counted_yet["received", "tus"] == counted["received", "tus"] == 1
    assert not_counted_yet["stored", "main"] == counted["stored", "main"] == 300


def test_nobody_reads_it_without_the_token(watched_portal: Portal) -> None:
    portal = watched_portal
    answer = requests.get(f"{portal.url}/metrics")
    assert answer.status_code == 401 and answer.headers["WWW-Authenticate"] == "Bearer"
    for wrong in (SECRET[:-1], SECRET + "x", "", "None", "ä", portal.token("uploader", "upload")):
        refused = requests.get(
            f"{portal.url}/metrics", headers={"Authorization": f"Bearer {wrong}".encode()}
        )
        assert refused.status_code in (401, 403), wrong
        assert "portal_" not in refused.text
    assert scrape(portal, portal.token("admin", "read")).status_code == 403
    assert scrape(portal, portal.token("admin", "admin")).ok
    elsewhere = {"Authorization": f"Bearer {SECRET}"}
    refused = requests.get(f"{portal.url}/api/recordings", headers=elsewhere)
    assert refused.status_code == 401


def test_without_the_setting_only_accounts_read_it(portal: Portal) -> None:
    assert scrape(portal, "").status_code == 401
    assert scrape(portal, SECRET).status_code == 401
    assert scrape(portal, portal.token("admin", "admin")).ok


def test_a_queue_that_does_not_answer_is_told_and_nothing_else_is_missing(
    watched_portal: Portal,
) -> None:
    [valkey] = watched_portal.children("valkey-server")
    os.kill(valkey, signal.SIGSTOP)
    try:
        found = metrics(watched_portal)
    finally:
        os.kill(valkey, signal.SIGCONT)
    assert found["portal_queue_up"] == 0 and "portal_queue_length" not in found
    assert found["portal_uploads_open"] == 0
