"""How often somebody may try a password, also when many tries come at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import delete
from sqlalchemy.orm import Session

from portal.core import accounts, sign_in
from portal.core.errors import NotAuthenticated, TooManyAttempts
from portal.core.models import LoginAttempt, LoginSession, User, new_id
from portal.core.sign_in import MOST_BY_NETWORK, MOST_BY_STRANGERS, WINDOW, network_of
from tests.core.conftest import Site
from tests.core.people import PASSWORD, VISITOR

HOME, AWAY = "192.0.2.1", "198.51.100.7"


@pytest.fixture
def person(site: Site) -> Iterator[User]:
    """Whose account was used at HOME."""
    email = f"{new_id()}@example.org"
    yield accounts.create_user(site.session, email, "auditor", PASSWORD)
    with site.sessions() as session:
        session.execute(delete(LoginSession))
        session.commit()


def attempt(session: Session, email: str, password: str, ip: str) -> str:
    visitor = replace(VISITOR, ip=ip)
    try:
        sign_in.log_in(session, email, password, visitor, timedelta(hours=1))
    except (NotAuthenticated, TooManyAttempts) as refused:
        return type(refused).__name__
    return "in"


def test_many_guesses_at_once_are_no_more_than_one_after_another(site: Site, person: User) -> None:
    outcomes = site.at_once(
        lambda session: attempt(session, f"{new_id()}@example.org", "guess", HOME), 40
    )
    assert Counter(outcomes) == {"NotAuthenticated": MOST_BY_NETWORK, "TooManyAttempts": 20}
    assert attempt(site.session, person.email, PASSWORD, HOME) == "TooManyAttempts"
    assert attempt(site.session, person.email, PASSWORD, AWAY) == "in"


def test_many_guesses_at_one_account_from_many_addresses_are_few(site: Site, person: User) -> None:
    outcomes = [attempt(site.session, person.email, "guess", f"203.0.113.{n}") for n in range(15)]
    assert Counter(outcomes)["NotAuthenticated"] == MOST_BY_STRANGERS


def test_strangers_do_not_lock_out_the_owner(site: Site, person: User) -> None:
    assert attempt(site.session, person.email, PASSWORD, HOME) == "in"
    for number in range(15):
        attempt(site.session, person.email, "guess", f"203.0.113.{number}")
    assert attempt(site.session, person.email, PASSWORD, AWAY) == "TooManyAttempts"
    assert attempt(site.session, person.email, PASSWORD, HOME) == "in"


def test_it_is_over_after_15_minutes(site: Site, person: User) -> None:
    for _ in range(MOST_BY_NETWORK):
        attempt(site.session, f"{new_id()}@example.org", "guess", AWAY)
    assert attempt(site.session, person.email, PASSWORD, AWAY) == "TooManyAttempts"
    for each in site.session.query(LoginAttempt):
        each.at -= WINDOW
    site.session.commit()
    assert attempt(site.session, person.email, PASSWORD, AWAY) == "in"
    assert site.session.query(LoginAttempt).count() == 0


def test_signing_in_costs_no_try(site: Site, person: User) -> None:
    for _ in range(MOST_BY_NETWORK + 1):
        assert attempt(site.session, person.email, PASSWORD, HOME) == "in"


def test_nobody_learns_from_it_which_accounts_exist(site: Site, person: User) -> None:
    outcomes = [
        [attempt(site.session, email, "guess", f"203.0.113.{base + n}") for n in range(12)]
        for base, email in ((0, person.email), (100, "nobody@example.org"))
    ]
    assert outcomes[0] == outcomes[1]


def test_one_host_has_many_addresses_of_ipv6() -> None:
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:1") != network_of("2001:db9::1")
    assert network_of("192.0.2.1") != network_of("192.0.2.2")
    assert network_of(None) == network_of("unix:") == ""
