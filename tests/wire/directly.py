"""Portals on S3 and Azure whose clients put their bytes there themselves, and such clients."""

from __future__ import annotations

import secrets
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import requests

from storage_backends import AzureOptions, S3Options, Store, open_store
from tests.conftest import Portal
from tests.storage.servers import azure_store, s3_store
from tests.wire.chunking import Client
from tests.wire.recorder import Recorder

MiB = 1024 * 1024
PART = 16 * MiB
"""What a part has at least, but the last one."""


@dataclass(frozen=True)
class Site:
    """A portal, and a look of our own into its storage."""

    portal: Portal
    store: Store

    def parts(self, upload_id: str) -> list[str]:
        return sorted(each.key for each in self.store.find(f"parts/{upload_id}"))

    def tidy(self, upload_id: str) -> bool:
        """Whether no part is left, nor a row of one."""
        rows = self.portal.rows("SELECT 1 FROM part WHERE upload_id = ?", upload_id)
        return not rows and not self.parts(upload_id)

    def recorded(self, upload_id: str) -> tuple[str, str, bytes]:
        """State, SHA-256 and bytes of the recording."""
        found = self.portal.recording(upload_id)
        return found["state"], found["sha256"], b"".join(self.store.read(found["key"]))


def storage(options: S3Options | AzureOptions) -> tuple[Store, dict[str, str]]:
    """A place of its own on that server, and the settings that lead a portal there."""
    folder = f"shared/{secrets.token_hex(8)}"
    if isinstance(options, AzureOptions):
        azure_store(options)  # makes the container
        url = f"abfs://{folder}"
        settings = {"AZURE_STORAGE_CONNECTION_STRING": options.connection_string}
    else:
        s3_store(options)
        url = f"s3://{folder}"
        settings = {
            "S3_ENDPOINT_URL": options.endpoint_url,
            "AWS_REGION": options.region,
            "AWS_ACCESS_KEY_ID": options.key,
            "AWS_SECRET_ACCESS_KEY": options.secret,
        }
    return open_store(url, options=options), settings | {"PORTAL_STORAGE_URL": url}


@contextmanager
def direct_portal(folder: Path, options: S3Options | AzureOptions, **more: str) -> Iterator[Site]:
    """Runs until the `with` block ends."""
    store, settings = storage(options)
    usual = {"PORTAL_DIRECT_UPLOADS": "on", "PORTAL_JOB_WORKERS": "1"}
    running = Portal(folder, **usual | settings | more).start()
    with pytest.MonkeyPatch.context() as ours:  # for the application in this process
        for name, value in settings.items():
            ours.setenv(name, value)
        assert running.app
    try:
        yield Site(running, store)
    finally:
        running.drop()


@pytest.fixture(scope="module", params=["seaweed", "azurite"])
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    options = request.getfixturevalue(request.param)
    with direct_portal(tmp_path_factory.mktemp("direct"), options) as running:
        yield running


@pytest.fixture(scope="module")
def on_s3(seaweed: S3Options, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """For what is the same wherever the bytes are."""
    with direct_portal(tmp_path_factory.mktemp("direct"), seaweed) as running:
        yield running


class Sender:
    """A client of either dialect. `received`: bytes of the bodies that it sent to the portal."""

    def __init__(self, portal: Portal, token: str = "") -> None:
        token = token or portal.token()
        self.recorder, self.client = Recorder(portal, token), Client(portal, token)
        self.recorder.session.hooks["response"].append(self._tally)
        self.received = 0

    def _tally(self, answer: requests.Response, *_: Any, **__: Any) -> None:
        self.received += len(answer.request.body or b"")

    def begin(self, content: bytes, **said: Any) -> tuple[str, dict[str, Any]]:
        """The new upload's id, and what is to be put where."""
        answer = self.create(content, **said)
        assert answer.status_code == 201, answer.text
        return self.id_in(answer), answer.json()["direct"]


class RecorderSender(Sender):
    def create(self, content: bytes, **said: Any) -> requests.Response:
        about = {"file_size": len(content), "sha256": sha256(content).hexdigest()}
        return self.recorder.create(**about | {"direct": True} | said)

    def id_in(self, answer: requests.Response) -> str:
        return answer.json()["session_id"]

    def status(self, upload_id: str) -> requests.Response:
        return self._ask("GET", f"/{upload_id}/status")

    def end(self, upload_id: str) -> requests.Response:
        return self._ask("POST", f"/{upload_id}/finalize")

    def send(self, upload_id: str, piece: bytes) -> requests.Response:
        """Bytes to the portal, which does not want them."""
        return self._ask("PUT", f"/{upload_id}/video", data=piece)

    def _ask(self, method: str, path: str, **more: Any) -> requests.Response:
        url = f"{self.recorder.portal.url}/api/uploads{path}"
        return self.recorder.session.request(method, url, **more)


class ChunkSender(Sender):
    def create(self, content: bytes, **said: Any) -> requests.Response:
        return self._told(self.client.init(content, **{"direct": True} | said))

    def id_in(self, answer: requests.Response) -> str:
        return answer.json()["upload_id"]

    def status(self, upload_id: str) -> requests.Response:
        return self._told(self.client.status(upload_id))

    def end(self, upload_id: str) -> requests.Response:
        return self._told(self.client.complete(upload_id))

    def send(self, upload_id: str, piece: bytes) -> requests.Response:
        return self._told(self.client.raw(upload_id, 0, piece))

    def _told(self, answer: requests.Response) -> requests.Response:
        self._tally(answer)
        return answer


SENDERS: dict[str, type[Any]] = {"sessions": RecorderSender, "chunks": ChunkSender}
each_dialect = pytest.mark.parametrize("sender", SENDERS.values(), ids=SENDERS.keys())


def put(direct: dict[str, Any], content: bytes, *only: int) -> None:
    """Put the parts into the storage, as a client does that knows nothing of us."""
    for part in direct["parts"]:
        if not only or part["number"] in only:
            start = part["number"] * direct["part_size"]
            answer = put_one(part, content[start : start + part["size"]])
            assert answer.status_code in (200, 201), answer.text


def put_one(part: dict[str, Any], piece: bytes) -> requests.Response:
    return requests.request(part["method"], part["url"], data=piece, headers=part["headers"])


def numbers(direct: dict[str, Any]) -> list[int]:
    return [part["number"] for part in direct["parts"]]


@pytest.fixture(scope="session")
def film(media: Callable[..., Path]) -> bytes:
    """A film of three parts: what players skip makes most of it."""
    skipped = struct.pack(">I4s", 2 * PART + 8, b"free") + secrets.token_bytes(PART) * 2
    return media("rdp-finance-server-2026.mp4").read_bytes() + skipped


@pytest.fixture(scope="session")
def clip(media: Callable[..., Path]) -> bytes:
    """A film of one part."""
    return media("rdp-finance-server-2026.mp4").read_bytes()
