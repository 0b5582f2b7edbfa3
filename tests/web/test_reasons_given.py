"""The reasons that two people give each other: kept as typed, or asked for again, never lost."""

from __future__ import annotations

import re

import pytest
import requests

from tests.conftest import Portal
from tests.web.browsing import Person
from tests.web.listing import recorded
from tests.web.test_approvals import asked, decide

NAME = {"name": "Smith against Jones"}
LONG, CONTROL = "why " * 501, "because \x00 of this"
LINES = "\r\n".join(["line"] * 400)
"""Less than 2,000 characters as a browser counts them, more as it sends them."""


def sent(house: Portal, form: str, reason: str) -> requests.Response:
    """One of the forms that ask why, filled in with this."""
    ids, anna = recorded(house, [{}]), Person(house, "officer")
    if form == "deletion":
        return anna.send("/recordings/deletion", ids, reason=reason)
    if form == "hold":
        return anna.send("/holds", ids, reason=reason, **NAME)
    if form == "request":
        return Person(house, "auditor").send("/holds/request", ids, reason=reason, **NAME)
    if form == "release":
        case = anna.send("/holds", ids, reason="a claim", **NAME).url.rpartition("/")[2]
        return anna.send(f"/holds/{case}/release", ids, reason=reason)
    return decide(Person(house, "officer"), asked(anna, ids), form, why=reason)


FORMS = pytest.mark.parametrize(
    "form", ["deletion", "hold", "request", "release", "approve", "deny"]
)


@FORMS
@pytest.mark.parametrize("reason", [LONG, CONTROL], ids=["long", "control"])
def test_what_cannot_be_kept_is_asked_for_again_with_what_was_typed(
    house: Portal, form: str, reason: str
) -> None:
    answer = sent(house, form, reason)
    assert answer.status_code == 400
    assert "Write plain text of up to 2,000 characters." in answer.text
    typed = re.search(r"<textarea[^>]*>([^<]*)</textarea>", answer.text)[1]
    assert typed.strip() == reason.strip()


@FORMS
def test_lines_count_as_the_browser_counts_them(house: Portal, form: str) -> None:
    answer = sent(house, form, LINES)
    assert answer.status_code == 200 and answer.history
    page = Person(house, "officer").get(answer.url.removeprefix(house.url)).text
    assert LINES.replace("\r\n", "\n") in page
