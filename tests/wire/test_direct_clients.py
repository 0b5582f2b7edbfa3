"""What clients of direct uploads see and say: progress, repetitions, strangers, many at once."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from storage_backends import S3Options, open_store
from tests.conftest import Portal
from tests.storage.conftest import azurite, seaweed
from tests.storage.servers import PROJECT, new_bucket, s3_call
from tests.wire.directly import (
    PART,
    ChunkSender,
    RecorderSender,
    Sender,
    Site,
    clip,
    direct_portal,
    each_dialect,
    film,
    numbers,
    on_s3,
    put,
    put_one,
)

__all__ = ["azurite", "clip", "film", "on_s3", "seaweed"]


def test_each_dialect_shows_progress_in_its_own_words(on_s3: Site, film: bytes) -> None:
    recorder = RecorderSender(on_s3.portal)
    upload_id, direct = recorder.begin(film)
    put(direct, film, 0)
    said = recorder.status(upload_id).json()
    assert (said["status"], said["bytes_received"]) == ("uploading", PART)
    assert said["progress"] == 100 * PART // len(film)
    chunks = ChunkSender(on_s3.portal)
    upload_id, direct = chunks.begin(film, mime_type="video/mp4")
    put(direct, film, 0, 2)
    told = chunks.status(upload_id).json()
    assert (told["chunk_size"], told["progress"]["total_chunks"]) == (PART, 3)
    assert told["progress"]["missing_chunks"] == [1]
    assert told["progress"]["received_bytes"] == len(film) - PART


@each_dialect
def test_a_repeated_request_finds_its_upload_and_what_is_missing(
    on_s3: Site, sender: type[Sender], film: bytes
) -> None:
    client = sender(on_s3.portal)
    key = {"Idempotency-Key": secrets.token_hex(8)}
    client.recorder.session.headers.update(key)
    client.client.headers.update(key)
    upload_id, direct = client.begin(film, mime_type="video/mp4")
    put(direct, film, 0, 1)
    again, left = client.begin(film, mime_type="video/mp4")
    assert (again, numbers(left)) == (upload_id, [2])
    put(left, film)
    _, nothing = client.begin(film, mime_type="video/mp4")
    assert nothing["parts"] == []
    through_us = client.create(film, mime_type="video/mp4", direct=False)
    assert through_us.status_code == 422, "it is another request"


@each_dialect
def test_somebody_elses_direct_upload_does_not_exist(
    on_s3: Site, sender: type[Sender], clip: bytes
) -> None:
    upload_id, direct = sender(on_s3.portal).begin(clip, mime_type="video/mp4")
    put(direct, clip)
    stranger = sender(on_s3.portal)
    assert stranger.status(upload_id).status_code == 404
    assert stranger.end(upload_id).status_code == 404
    reader = sender(on_s3.portal, on_s3.portal.token("uploader", "read"))
    assert reader.status(upload_id).status_code == 403
    assert reader.create(clip).status_code == 403


@each_dialect
def test_two_who_ask_at_once_count_each_part_once(
    on_s3: Site, sender: type[Sender], film: bytes
) -> None:
    client = sender(on_s3.portal)
    upload_id, direct = client.begin(film, mime_type="video/mp4")
    put(direct, film)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(client.status, [upload_id] * 8))
    assert {answer.status_code for answer in answers} == {200}
    (upload,) = on_s3.portal.rows('SELECT "offset" FROM upload WHERE id = ?', upload_id)
    assert upload["offset"] == len(film)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(client.end, [upload_id] * 4))
    assert {answer.status_code for answer in answers} == {200}
    assert on_s3.recorded(upload_id)[2] == film


def test_an_address_is_good_for_these_bytes_and_nothing_else(on_s3: Site, clip: bytes) -> None:
    """No copy of another object, no rights for others, no second key."""
    client = RecorderSender(on_s3.portal)
    upload_id, direct = client.begin(clip)
    (part,) = direct["parts"]
    for more in (
        {"x-amz-copy-source": f"/shared/parts/{upload_id}/0.direct"},
        {"x-amz-acl": "public-read"},
        {"x-amz-meta-name": "value"},
    ):
        assert put_one(part | {"headers": part["headers"] | more}, clip).status_code == 403
    other = part["url"].replace("0.direct", "1.direct")
    assert put_one(part | {"url": other}, clip).status_code == 403
    assert requests.get(part["url"]).status_code == 403
    assert requests.delete(part["url"]).status_code == 403
    assert on_s3.parts(upload_id) == []


def test_pages_elsewhere_may_put_parts_by_the_rule_in_the_document(seaweed: S3Options) -> None:
    bucket, page = new_bucket(seaweed), "https://app.example.org"
    text = (PROJECT / "docs/wire/direct.md").read_text()
    rule = json.loads(text.partition("```json")[2].partition("```")[0])
    s3_call(seaweed, "put_bucket_cors", Bucket=bucket, CORSConfiguration=rule)
    store = open_store(f"s3://{bucket}/prefix", options=seaweed)
    signed = store.direct_upload("parts/1", 1, 60)
    assert signed
    asked = {
        "Origin": page,
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "content-type",
    }
    allowed = requests.options(signed.url, headers=asked)
    assert allowed.ok and allowed.headers["Access-Control-Allow-Origin"] == page
    assert "PUT" in allowed.headers["Access-Control-Allow-Methods"]
    put = requests.put(signed.url, b"x", headers={"Origin": page})
    assert put.ok and put.headers["Access-Control-Allow-Origin"] == page
    stranger = requests.options(signed.url, headers=asked | {"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in stranger.headers


@each_dialect
def test_where_bytes_are_kept_in_a_folder_they_go_the_usual_way(
    portal: Portal, sender: type[Sender], clip: bytes
) -> None:
    send_through_us(sender(portal), clip)


@each_dialect
def test_an_operator_has_to_allow_it(off: Portal, sender: type[Sender], clip: bytes) -> None:
    send_through_us(sender(off), clip)


@pytest.fixture(scope="module")
def off(seaweed: S3Options, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    folder = tmp_path_factory.mktemp("off")
    with direct_portal(folder, seaweed, PORTAL_DIRECT_UPLOADS="off") as site:
        yield site.portal


def send_through_us(client: Sender, content: bytes) -> None:
    answer = client.create(content, mime_type="video/mp4")
    assert answer.status_code == 201 and "direct" not in answer.json()
    upload_id = client.id_in(answer)
    assert client.send(upload_id, content).status_code == 200
    assert "direct" not in client.status(upload_id).json()
    assert client.end(upload_id).status_code == 200


def test_what_has_no_known_length_goes_the_usual_way(on_s3: Site, clip: bytes) -> None:
    send_through_us(UnknownLength(on_s3.portal), clip)


class UnknownLength(RecorderSender):
    def create(self, content: bytes, **said: Any) -> requests.Response:
        return super().create(content, file_size=0)
