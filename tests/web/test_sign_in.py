"""Signing in and out, and that nothing is open that should be closed."""

from __future__ import annotations

import requests
from flask import Flask

from portal.auth import BEARER, OPEN
from tests.conftest import PASSWORD, Portal
from tests.web.browsing import Person, csrf, sign_in


def test_a_person_signs_in_and_out(portal: Portal) -> None:
    person = Person(portal, "auditor")
    assert person.get("/recordings").status_code == 200
    assert person.post("/logout").url.endswith("/login")
    assert "/login" in person.get("/recordings").url


def test_a_wrong_password_and_an_unknown_address_look_the_same(portal: Portal) -> None:
    known = portal.person("auditor")
    answers = [
        sign_in(requests.Session(), portal, email, "wrong password here")
        for email in (known, "nobody@example.org")
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert all("E-mail or password is wrong." in answer.text for answer in answers)


def test_an_empty_form_says_what_is_missing_at_the_fields(portal: Portal) -> None:
    answer = sign_in(requests.Session(), portal, "", "")
    assert "Enter your e-mail address." in answer.text
    assert "Enter your password." in answer.text


def test_signing_in_leads_on_to_where_one_wanted_to_go_but_never_elsewhere(portal: Portal) -> None:
    email = portal.person("auditor")
    wanted = sign_in(requests.Session(), portal, email, PASSWORD, "?next=/uploads")
    assert wanted.url == f"{portal.url}/uploads"
    for elsewhere in ("https://evil.example/", "//evil.example/", "/\\evil.example", "evil"):
        answer = sign_in(requests.Session(), portal, email, PASSWORD, f"?next={elsewhere}")
        assert answer.url == f"{portal.url}/"


def test_a_form_without_its_token_changes_nothing(portal: Portal) -> None:
    person = Person(portal, "auditor")
    assert person.session.post(f"{portal.url}/logout").status_code == 400
    assert person.get("/recordings").url.endswith("/recordings")


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(portal: Portal) -> None:
    cookie = requests.get(f"{portal.url}/login").headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie


def test_behind_https_the_cookie_is_sent_over_tls_only(portal: Portal) -> None:
    from portal.app import create_app
    from portal.config import Settings

    address = {"PORTAL_PUBLIC_URL": "https://recordings.example.org"}
    app = create_app(Settings.from_env(portal.environment | address))
    assert "Secure" in app.test_client().get("/login").headers["Set-Cookie"]


def test_every_route_is_closed_unless_it_is_on_the_list(portal: Portal) -> None:
    visitor = requests.Session()
    for rule, method in _routes(portal.app):
        path = str(rule.rule).replace("<recording_id>", "x").replace("<upload_id>", "x")
        if rule.endpoint in OPEN or "<" in path:
            continue
        token = {"csrf_token": csrf(visitor.get(f"{portal.url}/login").text)}
        answer = visitor.request(method, portal.url + path, data=token, allow_redirects=False)
        if rule.endpoint.split(".")[0] in BEARER:
            assert answer.status_code in (401, 412), rule
        else:
            assert answer.status_code == 302 and "/login" in answer.headers["Location"], rule


def _routes(app: Flask) -> list[tuple[object, str]]:
    return [
        (rule, method)
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"OPTIONS"})
    ]


def test_the_list_of_open_routes_is_short_and_known() -> None:
    known = {
        "static",
        "health.health",
        "health.api_health",
        "health.ready",
        "login.login",
        "language.choose",
    }
    known |= {"metrics.show"}  # asks by itself: tests/web/test_metrics.py
    assert (
        known | {"tus.options", "resumable.options", "openapi.document", "openapi.browse"} == OPEN
    )
