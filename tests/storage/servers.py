"""Real servers for the tests of stores: SeaweedFS and moto speak S3, Azurite speaks Azure Blob."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

import fsspec
import pytest
from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import BlobServiceClient

from storage_backends import AzureOptions, Options, S3Options, Store, open_store

PROJECT = Path(__file__).parents[2]
NAME = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Azurite's account and key, which are the same everywhere."""


def missing(sentence: str) -> NoReturn:
    """A laptop may say that it has no such servers; otherwise every test has to run."""
    if os.environ.get("WITHOUT_STORAGE_SERVERS") and not os.environ.get("CI"):
        pytest.skip(sentence)
    pytest.fail(f"{sentence} To skip these tests, set WITHOUT_STORAGE_SERVERS=1.")


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on at this moment."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@contextlib.contextmanager
def running(command: Sequence[str | Path], log: Path, port: int) -> Iterator[None]:
    """The program, from when it answers HTTP on its port until the `with` block ends."""
    if not shutil.which(command[0]):
        missing(f"{command[0]} is not installed: run make setup.")
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=log.parent)
    try:
        deadline = time.monotonic() + 60
        while not answers(port):
            if process.poll() is not None or time.monotonic() > deadline:
                missing(f"{command[0]} does not start: {log.read_text()[-2000:]}")
            time.sleep(0.05)
        yield
    finally:
        process.kill()
        process.wait()


def answers(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


@pytest.fixture(scope="session")
def seaweed() -> Iterator[S3Options]:
    # Not pytest's folders: these are kept, and hundreds of megabytes with them.
    with tempfile.TemporaryDirectory(prefix="seaweed-") as folder, seaweed_in(Path(folder)) as said:
        yield said


@contextlib.contextmanager
def seaweed_in(folder: Path) -> Iterator[S3Options]:
    """SeaweedFS, which checks signatures, checksums, conditions and locks."""
    options = S3Options(key="portal", secret=secrets.token_hex(16), region="us-east-1")
    login = {"accessKey": options.key, "secretKey": options.secret}
    rights = {"name": "tests", "credentials": [login], "actions": ["Admin"]}
    (folder / "s3.json").write_text(json.dumps({"identities": [rights]}))
    names = ["s3", "master", "volume", "filer"]
    ports = free_ports(8)
    flags = [f"-{name}.port={port}" for name, port in zip(names, ports, strict=False)]
    flags += [f"-{name}.port.grpc={port}" for name, port in zip(names, ports[4:], strict=True)]
    flags += ["-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.iam=false", "-master.telemetry=false"]
    flags += ["-volume.max=200", "-master.volumeSizeLimitMB=1024", "-s3.autoCreateBucket=false"]
    weed = Path(sys.executable).with_name("weed")
    address = ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={folder}"]
    config = f"-s3.config={folder / 's3.json'}"
    command = [weed, "-logtostderr", "server", "-filer", "-s3", config, *address, *flags]
    with running(command, folder / "log", ports[0]):
        ready = with_endpoint(options, ports[0])
        s3_call(ready, "create_bucket", Bucket="shared")
        s3_call(ready, "put_object", Bucket="shared", Key="first", Body=b"makes volumes: 0.2-5 s")
        yield ready


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Options]:
    with moto_in(tmp_path_factory.mktemp("moto")) as said:
        yield said


@contextlib.contextmanager
def moto_in(folder: Path) -> Iterator[S3Options]:
    """moto's S3, a second opinion; it accepts every key and checksum."""
    (port,) = free_ports(1)
    command = [Path(sys.executable).with_name("moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    with running(command, folder / "log", port):
        options = S3Options(key="portal", secret=secrets.token_hex(16), region="us-east-1")
        yield with_endpoint(options, port)


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzureOptions]:
    """Microsoft's emulator of Azure Blob Storage."""
    (port,) = free_ports(1)
    script = PROJECT / "node_modules/azurite/dist/src/blob/main.js"
    flags = ["--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry", "--silent"]
    command = ["node", script, "--blobHost", "127.0.0.1", "--blobPort", str(port), *flags]
    with running(command, tmp_path_factory.mktemp("azurite") / "log", port):
        yield azure_options(port)


def azure_options(port: int, key: str = KEY) -> AzureOptions:
    endpoint = f"http://127.0.0.1:{port}/{NAME}"
    said = f"AccountName={NAME};AccountKey={key};BlobEndpoint={endpoint};"
    return AzureOptions(connection_string=f"DefaultEndpointsProtocol=http;{said}")


def port_of(options: Options) -> int:
    azure = isinstance(options, AzureOptions)
    found = re.search(r":(\d+)", options.connection_string if azure else options.endpoint_url)
    assert found
    return int(found[1])


def with_endpoint(options: S3Options, port: int) -> S3Options:
    return S3Options(
        endpoint_url=f"http://127.0.0.1:{port}",
        key=options.key,
        secret=options.secret,
        region=options.region,
    )


def s3_call(options: S3Options, method: str, **more: Any) -> Any:
    """What the server answers to a request of ours, beside the store."""
    fs = fsspec.filesystem(
        "s3",
        endpoint_url=options.endpoint_url,
        key=options.key,
        secret=options.secret,
        client_kwargs={"region_name": options.region},
    )
    return fs.call_s3(method, **more)


def new_bucket(options: S3Options, **more: Any) -> str:
    name = f"test-{secrets.token_hex(8)}"
    s3_call(options, "create_bucket", Bucket=name, **more)
    return name


def s3_store(options: S3Options) -> Store:
    """A store of its own in a bucket that the tests share: SeaweedFS makes one in 0.3 s."""
    with contextlib.suppress(FileExistsError):
        s3_call(options, "create_bucket", Bucket="shared")
    return open_store(f"s3://shared/{secrets.token_hex(8)}/prefix", options=options)


def azure_store(options: AzureOptions) -> Store:
    with contextlib.suppress(ResourceExistsError):
        BlobServiceClient.from_connection_string(options.connection_string).create_container(
            "shared"
        )
    return open_store(f"abfs://shared/{secrets.token_hex(8)}/prefix", options=options)


OPENERS: dict[str, Callable[..., Store]] = {
    "seaweed": s3_store,
    "moto": s3_store,
    "azurite": azure_store,
}
