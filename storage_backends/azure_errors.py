"""What Azure Blob Storage and its library raise, in the words of the Store interface.

Only codes of errors are repeated: Azure's own messages hold request ids and signed text.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError

from storage_backends.network_errors import Codes, cause, why_unreachable

CODES = Codes(
    not_found=frozenset({"BlobNotFound", "404"}),
    exists=frozenset({"BlobAlreadyExists", "ConditionNotMet", "412"}),
    full=frozenset({"AccountUsageQuotaExceeded", "InsufficientStorage", "507"}),
)
REASONS = {
    "ContainerNotFound": "there is no such container; create it, or correct the storage address",
    "InvalidResourceName": "this is no name of a container; correct the storage address",
    "AuthenticationFailed": "the key is wrong, or this machine's clock is",
    "AuthorizationFailure": "the key is wrong, or not allowed from this network",
    "AuthorizationPermissionMismatch": "this key may not do that",
    "AccountIsDisabled": "the account is disabled",
    "ServerBusy": "it asks us to slow down",
    "BlobImmutableDueToPolicy": "the object is locked by a policy or a legal hold",
    "BlobArchived": "the object is archived and has to be restored there first",
    "403": "this key is refused; look at the key and what it may do",
}


def code_of(error: BaseException | None) -> str:
    """Azure's code of the error, or its HTTP status; also when we have wrapped it."""
    found = cause(error, HttpResponseError)
    code = (getattr(found, "error_code", None) or found.status_code or "") if found else ""
    return str(getattr(code, "value", code))


@contextmanager
def azure_errors(container: str, key: str) -> Iterator[None]:
    """Turns what a request raises into the store's own errors."""
    try:
        yield
    except (AzureError, OSError) as error:
        code = code_of(error)
        raise CODES.translated(code, key, partial(_sentence, container, error, code)) from error


def _sentence(container: str, error: Exception, code: str) -> str:
    return f"The Azure container {container!r} cannot be used: {_why(error, code)}."


def _why(error: Exception, code: str) -> str:
    if code:
        return REASONS.get(code, f"it answers with the error {code}")
    if isinstance(error, ClientAuthenticationError):
        return "nobody vouches for us; set AZURE_STORAGE_KEY, or give this machine an identity"
    return why_unreachable(error)
