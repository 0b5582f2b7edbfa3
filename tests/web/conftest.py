"""What several files of tests of the pages need."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import Portal


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A portal for one file of tests, without workers."""
    portal = Portal(tmp_path_factory.mktemp("house"), PORTAL_JOB_WORKERS="0").start()
    yield portal
    portal.drop()
