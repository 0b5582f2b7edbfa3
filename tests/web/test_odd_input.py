"""What no form of ours sends is refused in a sentence, also by PostgreSQL, which takes less."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import Portal
from tests.databases import new_database
from tests.web.browsing import Person


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, postgres: str) -> Iterator[Portal]:
    url = new_database(postgres, "odd_input")
    folder = tmp_path_factory.mktemp("odd")
    portal = Portal(folder, PORTAL_JOB_WORKERS="0", PORTAL_DATABASE_URL=url).start()
    yield portal
    portal.drop()


RULE = {"storage": "main", "source": "", "kind": ""}


@pytest.mark.parametrize(
    ("path", "form", "status"),
    [
        ("/account/sessions/end", {"session_id": "a\x00b"}, 404),
        ("/retention/edit", {"base": "15"}, 400),
        ("/retention/change", {"base": "15", "reason": "why"}, 400),
        ("/storages/rules", {**RULE, "at_least": "x"}, 400),
        ("/storages/rules", {**RULE, "at_least": " "}, 200),
    ],
)
def test_it_is_refused_in_a_sentence(
    house: Portal, path: str, form: dict[str, str], status: int
) -> None:
    assert Person(house, "admin").post(path, **form).status_code == status
