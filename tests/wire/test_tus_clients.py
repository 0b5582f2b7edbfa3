"""The stock clients, tuspy and tus-js-client, in fair and foul weather: whatever happens on the
way, one whole recording comes of it."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tusclient.client import TusClient
from tusclient.storage.filestorage import FileStorage

from tests.conftest import TUS, Portal, Tus, upload_id
from tests.wire.cutting import cutting

ROOT = Path(__file__).parents[2]


@pytest.fixture
def file(media: Callable[..., Path]) -> Path:
    return media("practice-violin.webm", 6)


class Sender:
    """An account of its own, so that what it has sent can be counted."""

    def __init__(self, portal: Portal) -> None:
        self.portal = portal
        self.token = portal.token()

    def node(self, file: Path, url: str = "", check: bool = True, **told: Any) -> dict[str, Any]:
        """What tests/e2e/client.mjs has printed."""
        endpoint = (url or self.portal.url) + TUS
        said = {"endpoint": endpoint, "token": self.token, "file": str(file)} | told
        command = ["node", "tests/e2e/client.mjs", json.dumps(said)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def tuspy(self, url: str = "") -> TusClient:
        return TusClient(
            (url or self.portal.url) + TUS, headers={"Authorization": f"Bearer {self.token}"}
        )

    def assert_one_whole(self, url: str, file: Path) -> None:
        """This upload is the only one that became a recording, and it has all bytes."""
        recording = self.portal.recording(upload_id(url))
        assert recording["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
        assert recording["state"] == "ready"
        # A piece whose address was lost on the way is begun again; what is left of it expires.
        query = "SELECT id FROM upload WHERE owner_id = ? AND state != 'done' AND concat IS NULL"
        assert self.portal.rows(query, recording["owner_id"]) == []
        mine = "SELECT id FROM recording WHERE owner_id = ?"
        assert len(self.portal.rows(mine, recording["owner_id"])) == 1


@pytest.fixture
def sender(portal: Portal) -> Sender:
    return Sender(portal)


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"options": {"chunkSize": 50_000}},
        {"options": {"uploadDataDuringCreation": True}},
        {"options": {"uploadDataDuringCreation": True, "chunkSize": 50_000}},
        {"options": {"overridePatchMethod": True, "chunkSize": 100_000}},
        {"options": {"parallelUploads": 4}},
        {"options": {"parallelUploads": 3, "chunkSize": 30_000}},
        {"options": {"uploadLengthDeferred": True, "chunkSize": 50_000}, "stream": True},
        {
            "options": {
                "uploadLengthDeferred": True,
                "uploadDataDuringCreation": True,
                "chunkSize": 50_000,
            },
            "stream": True,
        },
    ],
    ids=lambda told: "-".join([*told.get("options", {})]) or "one PATCH",
)
def test_tus_js_client_sends_the_file_in_each_of_its_ways(
    sender: Sender, file: Path, told: dict[str, Any]
) -> None:
    sender.assert_one_whole(sender.node(file, **told)["url"], file)


def test_tus_js_client_resumes_in_another_process(
    sender: Sender, file: Path, tmp_path: Path
) -> None:
    told = {"options": {"chunkSize": 50_000}, "storage": str(tmp_path / "urls.json")}
    first = sender.node(file, stopAt=100_000, **told)
    assert Tus(sender.portal, sender.token).offset(f"{TUS}/{upload_id(first['url'])}") >= 100_000
    second = sender.node(file, **told)
    assert second["url"] == first["url"]
    sender.assert_one_whole(second["url"], file)


def test_tus_js_client_gives_an_upload_up(sender: Sender, file: Path) -> None:
    begun = sender.node(file, options={"chunkSize": 50_000}, stopAt=50_000)
    sender.node(file, terminate=begun["url"])
    assert Tus(sender.portal, sender.token).head(TUS + "/" + upload_id(begun["url"])).ok is False
    assert sender.portal.stored_files(f"parts/{upload_id(begun['url'])}") == []


@pytest.mark.parametrize(
    "options",
    [{}, {"chunkSize": 60_000}, {"parallelUploads": 4}],
    ids=lambda options: "-".join(options) or "one PATCH",
)
def test_tus_js_client_survives_two_cuts(
    sender: Sender, file: Path, options: dict[str, Any]
) -> None:
    size = file.stat().st_size
    with cutting(sender.portal.port, size // 4, size // 2) as proxy:
        url = sender.node(file, proxy.url, options=options)["url"]
        assert proxy.cut == 2
    sender.assert_one_whole(url, file)


def test_tus_js_client_learns_of_its_end_when_the_last_answer_is_lost(
    sender: Sender, file: Path
) -> None:
    with cutting(sender.portal.port, lose_answer_after=file.stat().st_size + 600) as proxy:
        url = sender.node(file, proxy.url, options={"chunkSize": 100_000})["url"]
        assert proxy.cut == 1
    sender.assert_one_whole(url, file)


def test_tus_js_client_joins_once_when_the_answer_to_the_join_is_lost(
    sender: Sender, file: Path
) -> None:
    """It sends the same join again; the parts are joined already."""
    client = Tus(sender.portal, sender.token)
    content = file.read_bytes()
    half = len(content) // 2
    pieces = []
    for part in (content[:half], content[half:]):
        made = client.create(len(part), **{"Upload-Concat": "partial"})
        pieces.append(made.headers["Location"])
        assert client.patch(pieces[-1], 0, part).status_code == 204
    header = {"Upload-Concat": f"final;{' '.join(pieces)}"}
    urls = {
        client.session.post(sender.portal.url + TUS, headers=header).headers["Location"]
        for _ in range(3)
    }
    assert len(urls) == 1
    sender.assert_one_whole(urls.pop(), file)


@pytest.mark.parametrize("chunk_size", [None, 40_000])
def test_tuspy_sends_the_file(sender: Sender, file: Path, chunk_size: int | None) -> None:
    size = {} if chunk_size is None else {"chunk_size": chunk_size}
    uploader = sender.tuspy().uploader(str(file), upload_checksum=True, **size)
    uploader.upload()
    sender.assert_one_whole(uploader.url, file)


def test_tuspy_resumes_in_another_process(sender: Sender, file: Path, tmp_path: Path) -> None:
    def uploader() -> Any:
        storage = FileStorage(str(tmp_path / "urls"))
        return sender.tuspy().uploader(
            str(file), chunk_size=40_000, store_url=True, url_storage=storage
        )

    first = uploader()
    first.upload(stop_at=90_000)
    second = uploader()
    assert (second.url, second.offset) == (first.url, first.offset)
    second.upload()
    sender.assert_one_whole(second.url, file)


def test_tuspy_survives_two_cuts_and_a_lost_last_answer(sender: Sender, file: Path) -> None:
    size = file.stat().st_size
    with cutting(sender.portal.port, size // 4, size // 2, lose_answer_after=size + 600) as proxy:
        client = sender.tuspy(proxy.url)
        uploader = client.uploader(str(file), chunk_size=100_000, retries=5, retry_delay=0)
        uploader.upload()
        assert proxy.cut == 3
    sender.assert_one_whole(uploader.url, file)


def test_a_token_that_has_run_out_continues_what_it_began_and_nothing_else(
    sender: Sender, file: Path
) -> None:
    tus, content = Tus(sender.portal, sender.token), file.read_bytes()
    path, unwanted = tus.begin(len(content)), tus.begin(5)
    pieces = []
    for part in (content[:1000], content[1000:]):
        pieces.append(tus.create(len(part), **{"Upload-Concat": "partial"}).headers["Location"])
    lapse(sender)
    assert tus.create(5).status_code == 401
    assert tus.offset(path) == 0
    assert tus.head(f"{TUS}/00000000-0000-7000-8000-000000000000").status_code == 401
    for offset in (0, 1000):
        part = content[offset : 1000 if offset == 0 else None]
        assert tus.patch(path, offset, part).status_code == 204
    assert tus.delete(unwanted).status_code == 204
    assert tus.patch(pieces[0], 0, content[:1000]).status_code == 204
    assert tus.patch(pieces[1], 0, content[1000:]).status_code == 204
    header = {"Upload-Concat": f"final;{' '.join(pieces)}"}
    assert tus.session.post(sender.portal.url + TUS, headers=header).status_code == 201
    assert sender.portal.recording(upload_id(path))["size"] == len(content)
    with_database(
        sender.portal,
        "UPDATE token SET revoked_at = '2020-01-01 00:00:00' WHERE id = ?",
        sender.token.split("_")[1],
    )
    assert tus.head(path).status_code == 401


def lapse(sender: Sender) -> None:
    expire = "UPDATE token SET expires_at = '2020-01-01 00:00:00' WHERE id = ?"
    with_database(sender.portal, expire, sender.token.split("_")[1])


def with_database(portal: Portal, command: str, *values: str) -> None:
    with sqlite3.connect(portal.data / "portal.sqlite3", timeout=10) as connection:
        connection.execute(command, values)
