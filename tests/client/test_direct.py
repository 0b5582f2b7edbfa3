"""Bytes that go straight into the storage, where the portal offers it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from recordings_client import ApiIntegrationManager
from tests.client.conftest import MiB, film_of, sent, sha256
from tests.client.unreliable import Unreliable
from tests.storage.conftest import seaweed
from tests.wire.directly import Site, on_s3

__all__ = ["on_s3", "seaweed"]


@pytest.mark.parametrize("direct", [True, False])
def test_parts_go_to_the_storage_where_it_is_offered(
    on_s3: Site,
    media: Callable[..., Path],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    direct: bool,
) -> None:
    film = film_of(media, tmp_path / "film.mp4", 40 * MiB)
    token = on_s3.portal.token()
    with Unreliable(on_s3.portal.port) as proxy, caplog.at_level(logging.DEBUG):
        api = {"enabled": True, "base_url": f"{proxy.url}/api", "api_token": token}
        api |= {"direct_uploads": direct, "state_dir": str(tmp_path / "state")}
        api |= {"delete_after_upload": True}
        manager = ApiIntegrationManager({"api": api})
        kept = sha256(film)
        [file_id] = sent(manager, manager.upload_recording(film))
        manager.shutdown()
        through_portal = proxy.passed
    assert on_s3.recorded(file_id)[:2] == ("ready", kept)
    assert (through_portal < MiB) is direct
    assert not film.exists()
    for secret in (token, "X-Amz-Signature"):
        assert secret not in caplog.text
