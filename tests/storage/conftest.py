"""What the tests of stores need from this machine."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn
from urllib.parse import quote

import pytest

from storage_backends import S3Options, Store, open_store
from tests.storage.servers import OPENERS, azurite, moto, seaweed

__all__ = ["azurite", "moto", "seaweed"]

PROJECT = Path(__file__).parents[2]


def url_of(folder: Path) -> str:
    return f"file://{quote(str(folder))}"


def python(script: str, *words: str, under: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    """Run a script in a process of its own, perhaps under another program such as strace."""
    command = [*under, sys.executable, "-c", script, *words]
    return subprocess.run(command, cwd=PROJECT, text=True, capture_output=True, timeout=60)


def unavailable(sentence: str) -> NoReturn:
    """Skip on a developer's machine; on CI every test has to run."""
    if os.environ.get("CI"):
        pytest.fail(sentence)
    pytest.skip(sentence)


@pytest.fixture(scope="session")
def strace() -> str:
    """The program that shows, and can spoil, what a process asks of the kernel."""
    if not shutil.which("strace") and os.getuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "update", "-qq"], capture_output=True)
        subprocess.run(["apt-get", "install", "-y", "-qq", "strace"], capture_output=True)
    found = shutil.which("strace")
    if not found or subprocess.run([found, "-o", "/dev/null", "true"]).returncode:
        unavailable("This test needs strace and the right to trace processes: install strace.")
    return found


@pytest.fixture(scope="session")
def own_mounts() -> list[str]:
    """A command before others that lets them mount things which nobody else sees."""
    rights = "-m" if os.getuid() == 0 else "-Urm"
    command = ["unshare", rights]
    mount = [*command, "mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", "/mnt"]
    if not shutil.which("unshare") or subprocess.run(mount, capture_output=True).returncode:
        unavailable(
            "This test mounts a tiny disk: it needs root or user namespaces (unshare -Urm)."
        )
    return command


@pytest.fixture(params=["memory", "local", *OPENERS])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param in OPENERS:
        yield OPENERS[request.param](request.getfixturevalue(request.param))
        return
    if request.param == "local":
        yield open_store(f"file://{quote(str(tmp_path))}/store")
        return
    opened = open_store(f"memory://{secrets.token_hex(8)}")
    yield opened
    for each in list(opened.find("")):  # fsspec keeps memory:// for the whole process
        opened.delete(each.key)


@pytest.fixture(params=["seaweed", "moto"])
def server(request: pytest.FixtureRequest) -> S3Options:
    """Each server of S3 that we have."""
    found: S3Options = request.getfixturevalue(request.param)
    return found
