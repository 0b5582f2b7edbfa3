"""Bytes that go straight into the storage, where the portal offers it."""

from __future__ import annotations

import dataclasses
import itertools
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from recordings_client import ApiIntegrationManager
from storage_backends import S3Options
from tests.client.conftest import MiB, film_of, sent, sha256
from tests.client.console import Console
from tests.client.test_queue import uploads_of
from tests.client.unreliable import Unreliable
from tests.storage.conftest import seaweed
from tests.waiting import wait_for
from tests.wire.directly import PART, Site, direct_portal, on_s3

__all__ = ["on_s3", "seaweed"]
SIZE = 40 * MiB


@dataclasses.dataclass
class Through:
    """A portal whose storage is reached through a bad network."""

    site: Site
    network: Unreliable

    def fails(self, *acts: str) -> None:
        """So do the next requests of clients, whose addresses are signed; the portal's pass."""
        left = itertools.chain(acts, itertools.repeat("pass"))
        self.network.plan = lambda line: next(left) if b"X-Amz-Signature" in line else "pass"

    def counted(self) -> int:
        """Bytes of the parts that the storage has got whole."""
        [upload] = self.site.portal.rows("SELECT id FROM upload ORDER BY created_at DESC LIMIT 1")
        return len(self.site.parts(upload["id"])) * PART


@pytest.fixture(scope="module")
def through(seaweed: S3Options, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Through]:
    with Unreliable(int(seaweed.endpoint_url.rpartition(":")[2])) as network:
        options = dataclasses.replace(seaweed, endpoint_url=network.url)
        with direct_portal(tmp_path_factory.mktemp("through"), options) as site:
            yield Through(site, network)


def manager_of(site: Site, state: Path, **more: object) -> ApiIntegrationManager:
    api = {"enabled": True, "base_url": f"{site.portal.url}/api", "state_dir": str(state)}
    return ApiIntegrationManager({"api": api | {"api_token": site.portal.token()} | more})


@pytest.mark.parametrize("direct", [True, False])
def test_parts_go_to_the_storage_where_it_is_offered(
    on_s3: Site,
    media: Callable[..., Path],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    direct: bool,
) -> None:
    film = film_of(media, tmp_path / "film.mp4", SIZE)
    with Unreliable(on_s3.portal.port) as proxy, caplog.at_level(logging.DEBUG):
        more = {"base_url": f"{proxy.url}/api", "direct_uploads": direct}
        manager = manager_of(on_s3, tmp_path / "state", delete_after_upload=True, **more)
        kept = sha256(film)
        [file_id] = sent(manager, manager.upload_recording(film))
        token = manager.settings.api_token
        manager.shutdown()
        through_portal = proxy.passed
    assert on_s3.recorded(file_id)[:2] == ("ready", kept)
    assert (through_portal < MiB) is direct
    assert not film.exists()
    for secret in (token, "X-Amz-Signature"):
        assert secret not in caplog.text


@pytest.mark.parametrize("fault", ["cut", "reset", "lose", "503", "400", "403", "404"])
def test_after_each_fault_of_the_storage_it_arrives_once(
    through: Through, media: Callable[..., Path], tmp_path: Path, fault: str
) -> None:
    film = film_of(media, tmp_path / f"fault-{fault}.mp4", PART + MiB)
    through.fails("pass", fault)
    manager = manager_of(through.site, tmp_path / "state")
    [file_id] = sent(manager, manager.upload_recording(film))
    manager.shutdown()
    assert through.site.recorded(file_id)[:2] == ("ready", sha256(film))
    assert uploads_of(through.site.portal, film) == [file_id]


def test_a_storage_that_refuses_all_is_named(
    through: Through, media: Callable[..., Path], tmp_path: Path
) -> None:
    film = film_of(media, tmp_path / "refused.mp4")
    through.fails(*["403"] * 2)
    manager = manager_of(through.site, tmp_path / "state", max_retries=1)
    task_id = manager.upload_recording(film)
    assert manager.upload_manager and manager.upload_manager.wait([str(task_id)], 30)
    status = manager.get_upload_status(task_id)
    manager.shutdown()
    assert status and status["status"] == "failed" and "storage refuses" in status["error"]


def test_killed_in_the_middle_it_sends_the_parts_that_are_missing(
    through: Through, media: Callable[..., Path], tmp_path: Path
) -> None:
    film = film_of(media, tmp_path / "killed.mp4", SIZE)
    through.fails()
    portal = through.site.portal
    console = Console(tmp_path, {"base_url": f"{portal.url}/api", "api_token": portal.token()})
    slow = '[{"kib_per_second": 12288}]'
    with console.start("upload", "--wait", film, bandwidth_limits=slow) as first:
        begun = through.network.passed
        wait_for(lambda: through.network.passed - begun > 20 * MiB, what="half has passed")
        first.kill()
    wait_for(lambda: through.counted() == PART)
    before = through.network.passed
    assert console.run("upload", "--wait").returncode == 0
    again = through.network.passed - before
    [file_id] = uploads_of(portal, film)
    assert through.site.recorded(file_id)[:2] == ("ready", sha256(film))
    assert again < SIZE - PART + 2 * MiB, "what had arrived is not sent again"
