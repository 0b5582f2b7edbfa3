"""A person at the pages without a browser: signs in, reads pages, follows what they say."""

from __future__ import annotations

import re

import requests

from tests.conftest import PASSWORD, Portal


class Person:
    """One signed-in session."""

    def __init__(self, portal: Portal, role: str, language: str = "en") -> None:
        self.portal = portal
        self.email = portal.person(role)
        self.session = requests.Session()
        self.session.headers["Accept-Language"] = language
        answer = self.sign_in(PASSWORD)
        assert answer.url == f"{portal.url}/", answer.text

    def sign_in(self, password: str, target: str = "") -> requests.Response:
        return sign_in(self.session, self.portal, self.email, password, target)

    def get(self, path: str, **headers: str) -> requests.Response:
        return self.session.get(self.portal.url + path, headers=headers)

    def post(self, path: str, **form: str) -> requests.Response:
        token = csrf(self.get("/recordings").text)
        return self.session.post(self.portal.url + path, data={"csrf_token": token} | form)

    def send(self, path: str, ids: list[str], **form: str) -> requests.Response:
        """A form of the list with these recordings selected."""
        token = csrf(self.get("/recordings").text)
        fields = [("csrf_token", token), *form.items(), *(("id", each) for each in ids)]
        return self.session.post(self.portal.url + path, data=fields)

    def begin(self, recording_id: str, **form: str) -> requests.Response:
        """Opens a play session as the page's script does."""
        page = self.get("/login").text  # whoever is signed in is sent on to a page with a form
        sent = {"csrf_token": csrf(page)} | form
        path, accept = f"/recordings/{recording_id}/play", {"Accept": "application/json"}
        return self.session.post(self.portal.url + path, data=sent, headers=accept)

    def media_path(self, recording_id: str) -> str:
        """Where the player of the recording's page gets its bytes."""
        return str(self.begin(recording_id).json()["media"])


def csrf(page: str) -> str:
    return re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)[1]


def sign_in(
    session: requests.Session, portal: Portal, email: str, password: str, target: str = ""
) -> requests.Response:
    page = session.get(f"{portal.url}/login{target}")
    form = {"email": email, "password": password, "csrf_token": csrf(page.text)}
    return session.post(f"{portal.url}/login{target}", data=form)
