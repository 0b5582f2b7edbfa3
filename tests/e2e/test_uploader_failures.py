"""ResumableUploader when things go wrong: refusals that pass, cut lines, tokens, other origins."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route

from portal.core import tokens
from portal.core.audit import SYSTEM
from portal.db import db
from tests.conftest import Portal
from tests.e2e.site import PAGE, Site, elsewhere
from tests.e2e.test_journeys import OpenPage
from tests.wire.chunking import CHUNK, wav
from tests.wire.cutting import cutting

CHUNKS = "**/api/v1/upload/chunk"


@pytest.fixture
def call(tmp_path: Path) -> Path:
    path = tmp_path / f"{tmp_path.name}.wav"
    path.write_bytes(wav(6 * CHUNK))
    return path


@pytest.fixture
def site(open_page: OpenPage, portal: Portal, token: str) -> Site:
    return Site(open_page(None), portal, token)


def whole(portal: Portal, site: Site, call: Path) -> None:
    """The file has arrived, once, and is what it was."""
    result = site.result()
    [upload] = portal.rows("SELECT * FROM upload WHERE filename = ?", call.name)
    recording = portal.recording(str(upload["id"]))
    assert result["recording_id"] == recording["id"]
    assert recording["sha256"] == sha256(call.read_bytes()).hexdigest()


def first(page: Page, times: int, act: Callable[[Route], None]) -> None:
    """Let this happen to so many chunks, and pass on the others."""
    left = [act] * times
    page.route(CHUNKS, lambda route: left.pop()(route) if left else route.continue_())


def busy(route: Route) -> None:
    route.fulfill(status=503, headers={"Retry-After": "1"}, json={"error": {"code": "overloaded"}})


def test_503_is_repeated_after_the_time_that_the_portal_asked_for(
    portal: Portal, site: Site, call: Path
) -> None:
    first(site.page, 3, busy)
    site.begin(call)
    whole(portal, site, call)
    retries = site.seen("retries")
    assert [(each["code"], each["status"]) for each in retries] == [("overloaded", 503)] * 3
    assert all(1000 <= each["delay"] <= 1500 for each in retries)
    assert len(site.sent) == 6 + 3, "the chunks beside them are sent once"


def test_what_does_not_pass_is_given_up_and_goes_on_another_time(
    portal: Portal, site: Site, call: Path
) -> None:
    first(site.page, 1000, busy)
    site.begin(call, retries=1, parallel=1)
    assert site.error()["code"] == "overloaded"
    assert site.sent == [0, 0]
    site.page.unroute(CHUNKS)
    site.page.reload()
    site.begin(call)
    whole(portal, site, call)


def test_pauses_grow_and_differ_when_there_is_no_answer(
    portal: Portal, site: Site, call: Path
) -> None:
    first(site.page, 6, lambda route: route.abort("connectionreset"))
    site.begin(call, parallel=1, retryDelay=20)
    whole(portal, site, call)
    delays = [each["delay"] for each in site.seen("retries")]
    assert [each["code"] for each in site.seen("retries")] == ["network"] * 6
    assert all(20 * 2**at <= delay <= 30 * 2**at for at, delay in enumerate(delays))
    assert len({delay / 2**at for at, delay in enumerate(delays)}) == 6


def test_a_line_that_is_cut_in_the_middle_costs_the_chunks_in_flight(
    open_page: OpenPage, portal: Portal, token: str, call: Path
) -> None:
    with cutting(portal.port, 1_500_000, 3_500_000, 5_500_000) as proxy:
        site = Site(open_page(None), portal, token, f"{proxy.url}/site")
        site.begin(call)
        whole(portal, site, call)
        assert proxy.cut == 3
        assert len(site.sent) <= 6 + 3 * 4


def test_a_lost_answer_to_init_begins_no_second_upload(
    portal: Portal, site: Site, call: Path
) -> None:
    lost: list[int] = []

    def lose(route: Route) -> None:
        if lost:
            return route.continue_()
        lost.append(route.fetch().status)
        return route.abort("connectionreset")

    site.page.route("**/api/v1/upload/init", lose)
    site.begin(call)
    whole(portal, site, call)
    assert lost == [201]


def test_a_chunk_that_was_damaged_on_its_way_is_refused_and_sent_again(
    portal: Portal, site: Site, call: Path
) -> None:
    def damage(route: Route) -> None:
        bytes_ = route.request.post_data_buffer or b""
        route.continue_(post_data=bytes_[:1000] + b"x" + bytes_[1001:])

    first(site.page, 2, damage)
    site.begin(call)
    whole(portal, site, call)
    told = [(each["code"], each["status"]) for each in site.seen("retries")]
    assert told == [("checksum_mismatch", 400)] * 2


def test_a_wrong_checksum_is_refused_each_time_and_ends_the_upload(site: Site, call: Path) -> None:
    other = sha256(b"something else").hexdigest()

    def mislabel(route: Route) -> None:
        route.continue_(headers=route.request.headers | {"x-chunk-checksum": other})

    first(site.page, 1000, mislabel)
    site.begin(call, retries=2, parallel=1)
    assert (site.error()["code"], site.error()["status"]) == ("checksum_mismatch", 400)
    assert site.sent == [0, 0, 0]


def test_a_token_that_is_revoked_meanwhile_is_replaced_once_for_all_chunks(
    portal: Portal, site: Site, call: Path
) -> None:
    call.write_bytes(wav(16 * CHUNK))
    email = portal.person("uploader")
    with portal.app.app_context():
        old, new = (tokens.create_token(db.session, email, ["upload"]) for _ in range(2))
    site.slow()
    site.begin(call, authToken=old, renewed=new)
    site.until("seen.percents.at(-1) >= 6")
    with portal.app.app_context():
        tokens.revoke(db.session, SYSTEM, old.split("_")[1])
    whole(portal, site, call)
    assert site.seen("renewals") == 1
    assert {each["code"] for each in site.seen("retries")} <= {"network"}, "what was cut by it"


def test_without_another_token_the_refusal_is_told(site: Site, call: Path) -> None:
    site.begin(call, authToken="rp_unknown", renewed="rp_unknown")
    assert site.error()["status"] == 401
    assert site.seen("renewals") == 1 and site.sent == []


def test_a_renewed_token_that_is_refused_as_well_ends_it(site: Site, call: Path) -> None:
    site.begin(call, authToken="rp_unknown", renewed="rp_unknown_{}")
    assert site.error()["status"] == 401
    assert site.seen("renewals") == 1


def test_nobody_waits_for_longer_than_an_hour(site: Site, call: Path) -> None:
    """More than 24 days are no time at all to a browser's timers."""
    month = {"Retry-After": str(30 * 86_400)}
    first(site.page, 1000, lambda route: route.fulfill(status=503, headers=month, json={}))
    site.begin(call, parallel=1)
    site.until("seen.retries.length")
    assert 3_600_000 <= site.seen("retries")[0]["delay"] <= 5_400_000


def test_a_page_of_another_origin_sends_more_than_a_thousand_chunks(
    open_page: OpenPage, own_portal: Callable[..., Portal], tmp_path: Path
) -> None:
    call = tmp_path / f"{secrets.token_hex(4)}.wav"
    call.write_bytes(wav(1050 * 16384))
    with elsewhere() as (origin, show):
        portal = own_portal(PORTAL_CORS_ORIGINS=origin, PORTAL_CHUNK_BYTES="16384")
        show(PAGE.replace("/static", f"{portal.url}/static"))
        site = Site(open_page(None), portal, portal.token(), f"{origin}/elsewhere")
        site.begin(call, apiUrl=f"{portal.url}/api/v1/upload/")
        whole(portal, site, call)
    assert sorted(site.sent) == list(range(1050))


def test_another_origin_that_is_not_welcome_begins_nothing(
    open_page: OpenPage, portal: Portal, token: str, call: Path
) -> None:
    with elsewhere() as (origin, show):
        show(PAGE.replace("/static", f"{portal.url}/static"))
        site = Site(open_page(None), portal, token, f"{origin}/elsewhere")
        complaints: list[str] = []
        site.page.on("console", lambda message: complaints.append(message.text))
        site.begin(call, apiUrl=f"{portal.url}/api/v1/upload", retries=1)
        assert site.error()["code"] == "network"
    assert all("blocked by CORS policy" in each or "ERR_FAILED" in each for each in complaints)
    assert complaints and not portal.rows("SELECT * FROM upload WHERE filename = ?", call.name)
