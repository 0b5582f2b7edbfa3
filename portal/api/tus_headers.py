"""The request headers of tus 1.0 as values. Each raises InvalidRequest for what it cannot be."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from flask import request

from portal.core.checks import ALGORITHMS, Check
from portal.core.errors import InvalidRequest, NotFound
from portal.core.models import is_id
from portal.parsing import file_name, plain, whole_number

PREFIX = "/api/v1/videos/tus"
BYTES = "application/offset+octet-stream"
MAX_METADATA = 8 * 1024


def number(name: str) -> int:
    return whole_number(request.headers.get(name), name)


def brings_bytes() -> bool:
    return request.mimetype == BYTES


def length() -> int | None:
    """Of a new upload; None if it is to be told later."""
    deferred = request.headers.get("Upload-Defer-Length")
    if deferred is None:
        return number("Upload-Length")
    if deferred != "1":
        raise InvalidRequest("Upload-Defer-Length can only be 1.")
    if "Upload-Length" in request.headers:
        raise InvalidRequest("Send either Upload-Length or Upload-Defer-Length, not both.")
    return None


def late_length() -> int | None:
    """Of an upload whose length was deferred, where this request tells it."""
    return number("Upload-Length") if "Upload-Length" in request.headers else None


def check() -> Check | None:
    header = request.headers.get("Upload-Checksum")
    if header is None:
        return None
    algorithm, _, encoded = header.partition(" ")
    if algorithm not in ALGORITHMS:
        raise InvalidRequest(f"Use one of these for Upload-Checksum: {', '.join(ALGORITHMS)}.")
    return Check(algorithm, _decode(encoded, "Upload-Checksum"))


@dataclass(frozen=True)
class Concat:
    """`kind`: "partial" or "final". `pieces`: the ids of the uploads that a final one is of."""

    kind: str
    pieces: list[str]


def concat() -> Concat | None:
    """Raises NotFound for an address that is none of ours."""
    header = request.headers.get("Upload-Concat")
    if header is None:
        return None
    kind, separator, addresses = header.partition(";")
    if header == "partial":
        return Concat(kind, [])
    if kind != "final" or not separator or not addresses.strip():
        raise InvalidRequest("Upload-Concat is `partial`, or `final;` and addresses of uploads.")
    if "Upload-Length" in request.headers or "Upload-Defer-Length" in request.headers:
        raise InvalidRequest("A final upload is as long as its pieces; leave Upload-Length out.")
    return Concat(kind, [_id_in(address) for address in addresses.split()])


def _id_in(address: str) -> str:
    """Addresses may be relative. The host is not compared: behind a proxy we have many names, and
    an id is the same under each."""
    try:
        path = urlsplit(urljoin(f"{PREFIX}/", address)).path
    except ValueError as error:
        raise InvalidRequest("Upload-Concat holds something that is no address.") from error
    folder, _, upload_id = path.rstrip("/").rpartition("/")
    if folder != PREFIX or not is_id(upload_id):
        raise NotFound("Upload-Concat names an upload that does not exist here.")
    return upload_id


@dataclass(frozen=True)
class Metadata:
    """`said`: the header as it was sent. `details`: its keys and values."""

    said: str
    details: dict[str, str]

    @property
    def filename(self) -> str:
        return file_name(self.details.get("filename") or self.details.get("name") or "")

    @property
    def sha256(self) -> str | None:
        declared = self.details.get("sha256", "").lower()
        if declared and not re.fullmatch(r"[0-9a-f]{64}", declared):
            raise InvalidRequest("`sha256` in Upload-Metadata must be 64 hexadecimal digits.")
        return declared or None


def metadata() -> Metadata:
    """`key base64,key base64,key` as texts."""
    header = request.headers.get("Upload-Metadata", "")
    if len(header) > MAX_METADATA:
        raise InvalidRequest(f"Upload-Metadata may have {MAX_METADATA} characters at most.")
    pairs = [pair.strip().partition(" ") for pair in header.split(",") if pair.strip()]
    found = {key: _text(encoded, key) for key, _, encoded in pairs}
    if len(found) != len(pairs):
        raise InvalidRequest("Upload-Metadata has the same key twice.")
    return Metadata(header, found)


def _text(encoded: str, key: str) -> str:
    if not re.fullmatch(r"[\x21-\x2b\x2d-\x7e]{1,100}", key):
        raise InvalidRequest("The keys of Upload-Metadata must be short and plain ASCII.")
    try:
        text = _decode(encoded, "Upload-Metadata").decode()
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"The value of {key} in Upload-Metadata is not UTF-8.") from error
    if not plain(text):
        raise InvalidRequest(f"The value of {key} in Upload-Metadata has control characters.")
    return text


def _decode(encoded: str, name: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest(f"{name} holds something that is not base64.") from error
