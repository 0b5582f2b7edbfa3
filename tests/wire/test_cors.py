"""Pages of other sites that call the API: what a browser is told, before it sends and after."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests

from tests.conftest import TUS, Portal, Tus

SITE, OTHER = "https://app.example.org", "https://evil.example.net"
NOWHERE = f"{TUS}/00000000-0000-7000-8000-000000000000"


@pytest.fixture(scope="module")
def welcoming(tmp_path_factory: pytest.TempPathFactory) -> object:
    portal = Portal(
        tmp_path_factory.mktemp("cors"),
        PORTAL_CORS_ORIGINS=f"{SITE},http://localhost:5173",
        PORTAL_WEB_PROCESSES="1",
        PORTAL_JOB_WORKERS="0",
    ).start()
    yield portal
    portal.drop()


def preflight(portal: Portal, path: str, origin: str, method: str = "PATCH") -> requests.Response:
    return requests.options(
        portal.url + path,
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "authorization,tus-resumable,upload-offset",
        },
    )


def words(answer: requests.Response, name: str) -> set[str]:
    return {word.strip().lower() for word in answer.headers.get(name, "").split(",")}


@pytest.mark.parametrize("path", [TUS, NOWHERE, "/api/v1/videos/upload/init"])
def test_a_preflight_of_a_welcome_site_names_what_tus_needs(welcoming: Portal, path: str) -> None:
    answer = preflight(welcoming, path, SITE)
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == SITE
    assert {"post", "head", "patch", "delete"} <= words(answer, "Access-Control-Allow-Methods")
    assert {
        "authorization",
        "content-type",
        "idempotency-key",
        "tus-resumable",
        "upload-checksum",
        "upload-concat",
        "upload-defer-length",
        "upload-length",
        "upload-metadata",
        "upload-offset",
        "x-http-method-override",
    } <= words(answer, "Access-Control-Allow-Headers")
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_a_site_that_is_not_welcome_is_told_nothing(welcoming: Portal) -> None:
    for origin in (OTHER, "null", SITE + ".evil.net", SITE.upper(), "http://app.example.org"):
        for answer in (
            preflight(welcoming, TUS, origin),
            requests.options(welcoming.url + TUS, headers={"Origin": origin}),
        ):
            assert "Access-Control-Allow-Origin" not in answer.headers
            assert "Origin" in answer.headers["Vary"]


def test_a_page_reads_every_answer_refusals_too(welcoming: Portal) -> None:
    tus = Tus(welcoming, welcoming.token())
    tus.session.headers["Origin"] = SITE
    path = tus.begin(10)
    nobody = requests.head(welcoming.url + path, headers={"Origin": SITE, "Tus-Resumable": "1.0.0"})
    answers = {
        201: tus.create(10),
        200: tus.head(path),
        204: tus.patch(path, 0, b"four"),
        401: nobody,
        404: tus.head(NOWHERE),
        405: tus.session.put(welcoming.url + path),
        409: tus.patch(path, 0, b"four"),
        413: tus.create(10**14),
        415: tus.patch(path, 4, b"x", **{"Content-Type": "text/plain"}),
        460: tus.patch(path, 4, b"x", **{"Upload-Checksum": "sha1 eA=="}),
    }
    for status, answer in answers.items():
        assert answer.status_code == status
        assert answer.headers["Access-Control-Allow-Origin"] == SITE, status
        assert {
            "location",
            "upload-offset",
            "upload-length",
            "upload-expires",
            "upload-concat",
            "upload-defer-length",
            "tus-extension",
            "tus-max-size",
        } <= words(answer, "Access-Control-Expose-Headers")


def test_pages_and_an_unset_portal_have_no_such_headers(welcoming: Portal, portal: Portal) -> None:
    page = requests.get(f"{welcoming.url}/login", headers={"Origin": SITE})
    unset = requests.options(portal.url + TUS, headers={"Origin": SITE})
    for answer in (page, unset, preflight(portal, TUS, SITE)):
        assert not [name for name in answer.headers if name.startswith("Access-Control")]


def test_a_refused_preflight_is_still_what_tus_answers(
    own_portal: Callable[..., Portal], portal: Portal
) -> None:
    assert preflight(portal, TUS, SITE).headers["Tus-Version"] == "1.0.0"
