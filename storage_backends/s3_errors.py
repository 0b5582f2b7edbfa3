"""What S3 and the libraries above it raise, in the words of the Store interface.

Only codes of errors are repeated: S3's own messages may hold key ids and signed text.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import aiohttp
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    PartialCredentialsError,
)

from storage_backends.network_errors import Codes, cause, why_unreachable

CODES = Codes(
    not_found=frozenset({"NoSuchKey", "NoSuchVersion", "404"}),
    exists=frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412"}),
    full=frozenset(
        {"InsufficientStorage", "XMinioStorageFull", "QuotaExceeded", "507", "EntityTooLarge"}
    ),
)
BARE = {"400", "403", "404"}
"""The status alone: answers to HEAD have no body that would say more."""
UNSUPPORTED = {"NotImplemented", "501"}
REASONS = {
    "NoSuchBucket": "there is no such bucket; create it, or correct the storage address",
    "InvalidBucketName": "this is no name of a bucket; correct the storage address",
    "InvalidAccessKeyId": "the access key id is not known there; correct AWS_ACCESS_KEY_ID",
    "SignatureDoesNotMatch": "the secret key is wrong; correct AWS_SECRET_ACCESS_KEY",
    "AccessDenied": "this key may not do that, or the object is locked; look at its policy",
    "AllAccessDisabled": "access to the bucket is switched off",
    "RequestTimeTooSkewed": "the clocks differ by more than 15 minutes; set this machine's clock",
    "ExpiredToken": "the session token has expired",
    "InvalidToken": "the session token is wrong; correct AWS_SESSION_TOKEN",
    "SlowDown": "it asks us to slow down",
    "PermanentRedirect": "the bucket is in another region; correct AWS_REGION",
    "AuthorizationHeaderMalformed": "the region or the key is wrong; correct AWS_REGION",
    "InvalidObjectState": "the object is archived and has to be restored there first",
    "403": "this key is refused; look at the key and its policy",
}


def code_of(error: BaseException | None) -> str:
    """S3's code of the error, also when s3fs or we have wrapped it; empty when it has none."""
    found = cause(error, ClientError)
    told: dict[str, Any] = found.response.get("Error", {}) if found else {}
    return str(told.get("Code", ""))


@contextmanager
def s3_errors(bucket: str, key: str) -> Iterator[None]:
    """Turns what a request raises into the store's own errors."""
    try:
        yield
    except (OSError, ClientError, BotoCoreError, aiohttp.ClientError) as error:
        code = code_of(error)
        raise CODES.translated(code, key, partial(_sentence, bucket, error, code)) from error


def _sentence(bucket: str, error: Exception, code: str) -> str:
    return f"The S3 bucket {bucket!r} cannot be used: {_why(error, code)}."


def _why(error: Exception, code: str) -> str:
    if code:
        return REASONS.get(code, f"it answers with the error {code}")
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return "no access key is set; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    return why_unreachable(error)
