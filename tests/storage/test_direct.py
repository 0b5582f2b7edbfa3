"""What clients do without us: they get and put objects with requests that the store has signed."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import pytest

from storage_backends import AzureOptions, S3Options, SignedRequest, Store, open_store
from storage_backends.part_plan import MiB
from tests.storage.conftest import url_of
from tests.storage.servers import OPENERS, azure_store, s3_store


@pytest.fixture(params=OPENERS)
def remote(request: pytest.FixtureRequest) -> Store:
    return OPENERS[request.param](request.getfixturevalue(request.param))


def send(signed: SignedRequest, body: bytes) -> int:
    """The status that the store answers with."""
    kind = {"Content-Type": "application/octet-stream"}  # moto would parse urllib's own, a form
    said = {**kind, **signed.headers, "Content-Length": str(len(body))}
    request = urllib.request.Request(signed.url, body, said, method=signed.method)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def signed(store: Store, key: str, size: int, seconds: int = 60) -> SignedRequest:
    found = store.direct_upload(key, size, seconds)
    assert found
    return found


@pytest.mark.parametrize("size", [0, 5, 3 * MiB])
def test_what_a_client_puts_is_an_object_like_any_other(remote: Store, size: int) -> None:
    body = b"x" * size
    assert send(signed(remote, "parts/1/0", size), body) in (200, 201)
    found = remote.stat("parts/1/0")
    assert found.size == size and list(remote.find("parts/1")) == [found]
    assert abs((datetime.now(UTC) - found.modified).total_seconds()) < 60
    assert b"".join(remote.read("parts/1/0")) == body


def test_direct_parts_are_joined(remote: Store) -> None:
    pieces = [b"1" * 6 * MiB, b"2" * 5, b"3" * 6 * MiB]
    for number, piece in enumerate(pieces):
        assert send(signed(remote, f"parts/{number}", len(piece)), piece) in (200, 201)
    remote.join([f"parts/{number}" for number in range(3)], "whole")
    assert b"".join(remote.read("whole")) == b"".join(pieces)


def test_a_client_may_repeat_its_upload(remote: Store) -> None:
    """The answer may have been lost on the way to it."""
    request = signed(remote, "parts/1", 4)
    assert [send(request, b"once") in (200, 201) for _ in range(2)] == [True, True]


def test_a_request_is_good_for_its_key_only(seaweed: S3Options, azurite: AzureOptions) -> None:
    for store in (s3_store(seaweed), azure_store(azurite)):
        request = signed(store, "parts/1", 4)
        other = SignedRequest("PUT", request.url.replace("parts/1", "parts/2"), request.headers)
        assert send(other, b"else") == 403
        assert list(store.find("")) == []


@pytest.mark.parametrize("size", [4, 6])
def test_s3_refuses_another_size_than_was_agreed(seaweed: S3Options, size: int) -> None:
    """SeaweedFS and AWS compare signatures; moto takes any."""
    store = s3_store(seaweed)
    assert send(signed(store, "parts/1", 5), b"x" * size) == 403
    assert list(store.find("")) == []


def test_a_request_that_is_too_old_is_refused(seaweed: S3Options, azurite: AzureOptions) -> None:
    stores = (s3_store(seaweed), azure_store(azurite))
    requests = [signed(store, "parts/1", 1, 1) for store in stores]
    deadline = time.monotonic() + 10
    while {send(each, b"x") for each in requests} != {403}:
        assert time.monotonic() < deadline, "still taken"


def test_a_client_cannot_read_with_the_right_to_write(
    seaweed: S3Options, azurite: AzureOptions
) -> None:
    for store in (s3_store(seaweed), azure_store(azurite)):
        request = signed(store, "parts/1", 4)
        assert send(request, b"mine") in (200, 201)
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(request.url, timeout=5)


def test_stores_of_this_machine_sign_nothing(tmp_path: Path) -> None:
    for address in ("memory://unsigned", url_of(tmp_path)):
        store = open_store(address)
        assert store.direct_upload("a/1", 5, 60) is None
        assert store.direct_url("a/1") is None


def get(address: str, **headers: str) -> tuple[int, bytes, str]:
    request = urllib.request.Request(address, headers=headers)
    with urllib.request.urlopen(request, timeout=5) as answer:
        return answer.status, answer.read(), answer.headers["Content-Type"]


def test_a_direct_address_answers_ranges(remote: Store) -> None:
    remote.write("a/1", [b"0123456789"])
    address = remote.direct_url("a/1")
    assert address
    assert get(address, Range="bytes=2-4")[:2] == (206, b"234")
    assert get(address, Range="bytes=7-")[:2] == (206, b"789")
    assert get(address)[:2] == (200, b"0123456789")


def test_a_direct_address_says_which_type_the_object_has(remote: Store) -> None:
    remote.write("a/1", [b"0123456789"])
    address = remote.direct_url("a/1", content_type="video/mp4; codecs=avc1")
    assert address
    assert get(address)[2] == "video/mp4; codecs=avc1"
    assert get(address, Range="bytes=2-4")[2] == "video/mp4; codecs=avc1"
