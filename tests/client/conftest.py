"""What the tests of the Python client share: recordings, settings, and a running client."""

from __future__ import annotations

import hashlib
import os
import secrets
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from recordings_client import ApiIntegrationManager, ClientSettings
from tests.client.console import Console
from tests.conftest import Portal

MiB = 1024 * 1024
Settings = Callable[..., ClientSettings]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def film_of(media: Callable[..., Path], path: Path, size: int = 0) -> Path:
    """A film of at least so many bytes that no other test has: what players skip makes it up."""
    head = media("rdp-finance-server-2026.mp4").read_bytes()
    rest = max(64, size - len(head) - 8)
    path.write_bytes(head + struct.pack(">I4s", rest + 8, b"free") + os.urandom(rest))
    return path


@pytest.fixture
def film(media: Callable[..., Path], tmp_path: Path) -> Path:
    """Its name too is of this test alone: many share one portal."""
    return film_of(media, tmp_path / f"session_123_{secrets.token_hex(4)}.mp4")


@pytest.fixture
def large(media: Callable[..., Path], tmp_path: Path) -> Path:
    return film_of(media, tmp_path / f"session_9_{secrets.token_hex(4)}.mp4", 12 * MiB)


@pytest.fixture
def settings(portal: Portal, token: str, tmp_path: Path) -> Settings:
    """Settings that lead to the portal; a queue of their own unless `state_dir` says another."""

    def made(**more: Any) -> ClientSettings:
        said = {
            "enabled": True,
            "base_url": f"{portal.url}/api",
            "api_token": token,
            "state_dir": tmp_path / f"state-{secrets.token_hex(3)}",
        }
        return ClientSettings.load({"api": said | more}, {})

    return made


@pytest.fixture
def started(settings: Settings) -> Iterator[Callable[..., ApiIntegrationManager]]:
    """Starts clients with settings of the test's own, and stops them at its end."""
    running: list[ApiIntegrationManager] = []

    def start(**more: Any) -> ApiIntegrationManager:
        running.append(ApiIntegrationManager(settings(**more)))
        assert running[-1].is_initialized, running[-1].error
        return running[-1]

    yield start
    for each in running:
        each.shutdown()


def sent(manager: ApiIntegrationManager, *task_ids: str | None, seconds: float = 60) -> list[str]:
    """The recordings that these tasks became."""
    ids = [each for each in task_ids if each]
    assert manager.upload_manager is not None and len(ids) == len(task_ids)
    assert manager.upload_manager.wait(ids, seconds), manager.get_queue_status()
    found = [manager.get_upload_status(each) for each in ids]
    assert all(each and each["status"] == "completed" for each in found), found
    return [str(each and each["server_file_id"]) for each in found]


@pytest.fixture
def console(portal: Portal, token: str, tmp_path: Path) -> Console:
    """The command line of a recorder, whose environment says where the portal is."""
    home = tmp_path / "home"
    home.mkdir()
    return Console(home, {"base_url": f"{portal.url}/api", "api_token": token})
