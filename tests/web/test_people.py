"""Administrators and accounts: made, changed, ended, without anybody ever seeing an old secret."""

from __future__ import annotations

import html
import re

import pytest
import requests

from tests.conftest import PASSWORD, Portal
from tests.web.browsing import Person, csrf, sign_in

OWN = "my own long password"


@pytest.fixture
def admin(portal: Portal) -> Person:
    return Person(portal, "admin")


def address_of(admin: Person, email: str) -> str:
    """The path of an account's page, as the list links it."""
    page = admin.get(f"/people?q={email}").text
    return re.search(r'href="(/people/[0-9a-f-]{36})"', page)[1]


def secret(page: requests.Response) -> str:
    return html.unescape(re.search(r'class="secret"[^>]*>([^<]+)<', page.text)[1])


def works(portal: Portal, token: str, **headers: str) -> bool:
    asked = {"Authorization": f"Bearer {token}"} | headers
    return requests.get(f"{portal.url}/api/recordings", headers=asked).ok


def new_token(admin: Person, path: str, **form: str) -> requests.Response:
    usual = {"label": "nightly export", "scopes": "read", "days": "30", "leads": "", "networks": ""}
    return admin.post(f"{path}/tokens", **(usual | form))


def test_a_new_account_begins_with_a_password_that_opens_nothing_else(
    portal: Portal, admin: Person
) -> None:
    form = {"email": "nina@example.org", "role": "auditor", "departments": "sales, support"}
    page = admin.post("/people/new", **form)
    password = secret(page)
    assert password not in admin.get(address_of(admin, "nina@example.org")).text
    nina = requests.Session()
    answer = sign_in(nina, portal, "nina@example.org", password)
    assert answer.url.endswith("/account") and "Somebody else made your password" in answer.text
    for path in ("/recordings", "/uploads", "/audit"):
        assert nina.get(portal.url + path).url.endswith("/account")
    changed = {"old": password, "new": OWN, "again": OWN, "csrf_token": csrf(answer.text)}
    nina.post(f"{portal.url}/account/password", data=changed)
    assert nina.get(f"{portal.url}/recordings").url.endswith("/recordings")
    [row] = portal.rows("SELECT scope FROM user WHERE email = 'nina@example.org'")
    assert row["scope"] == '["department:sales", "department:support"]'


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"email": "no address", "role": "auditor"}, "This is no e-mail address"),
        ({"email": "", "role": "auditor"}, "Enter an e-mail address."),
        ({"email": "x@example.org", "role": "king"}, "Not a valid choice"),
        ({"email": "x@example.org", "role": "auditor", "tags": "x" * 65}, "Write up to 50 names"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(admin: Person, form: dict[str, str], said: str) -> None:
    answer = admin.post("/people/new", **form)
    assert answer.status_code == 400 and said in answer.text
    assert f'value="{form["email"]}"' in answer.text, "nothing that was typed is lost"


def test_an_address_is_taken_once(portal: Portal, admin: Person) -> None:
    taken = portal.person("auditor")
    answer = admin.post("/people/new", email=taken, role="officer")
    assert answer.status_code == 400 and "There is an account with this address" in answer.text


def test_another_role_ends_the_sessions(portal: Portal, admin: Person) -> None:
    person = Person(portal, "auditor")
    path = address_of(admin, person.email)
    assert "The role is changed" in admin.post(f"{path}/role", role="reviewer").text
    assert "/login" in person.get("/recordings").url


def test_the_last_administrator_stays(portal: Portal) -> None:
    admin = Person(portal, "admin")
    others = [each for each in admins(admin) if each != address_of(admin, admin.email)]
    for each in others:
        admin.post(f"{each}/disable")
    own = address_of(admin, admin.email)
    for path, form in ((f"{own}/disable", {}), (f"{own}/role", {"role": "officer"})):
        assert "This is the last administrator" in admin.post(path, **form).text
    for each in others:
        admin.post(f"{each}/enable")


def admins(admin: Person) -> list[str]:
    page = admin.get("/people?role=admin").text
    return re.findall(r'href="(/people/[0-9a-f-]{36})"', page)


def test_a_disabled_account_is_out_and_may_come_back(portal: Portal, admin: Person) -> None:
    person = Person(portal, "auditor")
    path = address_of(admin, person.email)
    token = secret(new_token(admin, path))
    admin.post(f"{path}/disable")
    assert "/login" in person.get("/recordings").url and not works(portal, token)
    assert sign_in(requests.Session(), portal, person.email, PASSWORD).status_code == 401
    admin.post(f"{path}/enable")
    assert works(portal, token)
    assert sign_in(requests.Session(), portal, person.email, PASSWORD).ok


def test_a_new_password_ends_the_old_one_and_the_sessions(portal: Portal, admin: Person) -> None:
    person = Person(portal, "auditor")
    password = secret(admin.post(f"{address_of(admin, person.email)}/password"))
    assert "/login" in person.get("/recordings").url
    assert sign_in(requests.Session(), portal, person.email, PASSWORD).status_code == 401
    assert sign_in(requests.Session(), portal, person.email, password).url.endswith("/account")


def test_a_scope_is_changed_on_the_page(portal: Portal, admin: Person) -> None:
    person = Person(portal, "auditor")
    path = address_of(admin, person.email)
    admin.post(f"{path}/scope", sources="calls", tags="Complaint")
    query = "SELECT scope FROM user WHERE email = ?"
    assert portal.rows(query, person.email)[0]["scope"] == '["source:calls", "tag:complaint"]'
    assert 'value="complaint"' in admin.get(path).text
    assert admin.post(f"{path}/scope", tags="x" * 65).status_code == 400


def test_a_token_is_replaced_with_an_overlap_or_at_once(portal: Portal, admin: Person) -> None:
    path = address_of(admin, portal.person("auditor"))
    first = secret(new_token(admin, path))
    second = secret(change(admin, first, "rotate"))
    assert works(portal, first) and works(portal, second)
    third = secret(change(admin, second, "rotate", at_once="1"))
    assert not works(portal, second) and works(portal, third)
    assert "rp_" + third.split("_")[1][:8] in admin.get(path).text
    assert third not in admin.get(path).text


def change(admin: Person, token: str, verb: str, **form: str) -> requests.Response:
    return admin.post(f"/people/tokens/{token.split('_')[1]}/{verb}", **form)


def test_a_token_rests_and_is_revoked(portal: Portal, admin: Person) -> None:
    token = secret(new_token(admin, address_of(admin, portal.person("auditor"))))
    change(admin, token, "disable")
    assert not works(portal, token)
    change(admin, token, "enable")
    assert works(portal, token)
    change(admin, token, "revoke")
    assert not works(portal, token)
    assert change(admin, token, "enable").status_code == 404


def test_a_token_works_from_its_networks_alone(portal: Portal, admin: Person) -> None:
    path = address_of(admin, portal.person("auditor"))
    here = secret(new_token(admin, path, networks="127.0.0.0/8, 2001:db8::/32"))
    elsewhere = secret(new_token(admin, path, networks="192.0.2.0/24"))
    assert works(portal, here) and not works(portal, elsewhere)
    refused = new_token(admin, path, networks="192.0.2.0/99")
    assert refused.status_code == 400 and "Write addresses such as" in refused.text


def test_a_token_reaches_its_sources_alone(portal: Portal, admin: Person) -> None:
    path = address_of(admin, portal.person("auditor"))
    token = secret(new_token(admin, path, sources="calls"))
    [row] = portal.rows("SELECT scope FROM token WHERE id = ?", token.split("_")[1])
    assert row["scope"] == '["source:calls"]'


def test_officers_look_and_change_nothing(portal: Portal, admin: Person) -> None:
    officer, victim = Person(portal, "officer"), portal.person("auditor")
    path = address_of(officer, victim)
    page = officer.get(path).text
    assert victim in page and 'method="post" action="/people' not in page
    for verb in ("role", "scope", "disable", "enable", "password", "sessions/end", "tokens"):
        assert officer.post(f"{path}/{verb}", role="admin").status_code == 403
    assert officer.get("/people/new").status_code == 403


@pytest.mark.parametrize("role", ["auditor", "reviewer", "source_owner", "uploader"])
def test_others_see_nobody(portal: Portal, admin: Person, role: str) -> None:
    person = Person(portal, role)
    path = address_of(admin, person.email)
    for each in ("/people", path, "/people/new"):
        assert person.get(each).status_code == 403
    assert person.post(f"{path}/role", role="admin").status_code == 403


def test_every_change_is_in_the_audit_log_by_name(portal: Portal, admin: Person) -> None:
    email = portal.person("auditor")
    path = address_of(admin, email)
    token = secret(new_token(admin, path))
    change(admin, token, "rotate")
    admin.post(f"{path}/role", role="reviewer")
    query = "SELECT action, actor_label FROM audit_event WHERE object_id IN (?, ?) ORDER BY seq"
    events = portal.rows(query, path.split("/")[2], token.split("_")[1])
    mine = [each["action"] for each in events if each["actor_label"] == admin.email]
    assert mine == ["token.created", "token.rotated", "user.role_changed"]
