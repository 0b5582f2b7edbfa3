"""One HTTP request: the server's answer, or one of our errors. Knows no endpoint.

Addresses with a signature and the token are in no message and no log of ours.
"""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from recordings_client.errors import (
    ApiError,
    AuthenticationError,
    NetworkError,
    ServerError,
    UploadError,
    ValidationError,
)
from recordings_client.reading import BLOCK
from recordings_client.retrying import LONGEST_ASKED

RETRIABLE_5XX = (500, 502, 503, 504, 507)
ASK_AGAIN = ("offset_mismatch", "taken_over", "incomplete")
"""Codes of a 409 after which the status of the upload says what is next."""


class Bearer(AuthBase):
    """The token on each request, whatever a .netrc says. It has no repr that shows it."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class WithoutQueries(logging.Filter):
    """At DEBUG, urllib3 logs addresses; that of a direct part is a permission by its query."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(_without_query(each) for each in record.args)
        return True


def _without_query(value: object) -> object:
    return value.partition("?")[0] if isinstance(value, str) else value


logging.getLogger("urllib3.connectionpool").addFilter(WithoutQueries())


class LargeBlocks(HTTPAdapter):
    """Sends a body in our blocks: with urllib3's own of 16 KiB it takes twice as long."""

    def init_poolmanager(self, *given: Any, **named: Any) -> None:
        super().init_poolmanager(*given, **named, blocksize=BLOCK)


class Wire:
    """Connections to one server, or to any where the addresses are complete. `token`: None sends
    none. `timeout`: seconds in which something has to move. Each thread has its own connections."""

    def __init__(self, base_url: str, token: str | None, timeout: float) -> None:
        self._base_url, self._token, self._timeout = base_url, token, timeout
        self._of_thread = threading.local()

    def ask(self, method: str, path: str, **more: Any) -> requests.Response:
        """The answer, if its status is below 300. Raises ApiError."""
        url = self._base_url + path
        try:
            answer = self._session().request(
                method, url, timeout=(self._timeout, self._timeout), allow_redirects=False, **more
            )
        except (requests.RequestException, ValueError) as error:  # urllib3's, for odd addresses
            raise no_answer(url, error) from None
        if answer.status_code >= 300:
            raise refusal(answer)
        return answer

    def tell(self, method: str, path: str, *needed: str, **more: Any) -> dict[str, Any]:
        """The JSON object of the answer, which has these fields. Raises ApiError."""
        answer = self.ask(method, path, **more)
        try:
            told = answer.json()
        except ValueError:
            told = None
        if isinstance(told, dict) and all(name in told for name in needed):
            return told
        host = urlsplit(self._base_url).netloc
        raise ServerError(f"{host} answers, but not as the portal does; look at base_url.")

    def _session(self) -> requests.Session:
        if not hasattr(self._of_thread, "session"):
            session = requests.Session()
            session.auth = Bearer(self._token) if self._token else _nobody
            for scheme in ("http://", "https://"):
                session.mount(scheme, LargeBlocks())
            self._of_thread.session = session
        found: requests.Session = self._of_thread.session
        return found


def _nobody(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def no_answer(url: str, error: Exception) -> ApiError:
    """The sentence for a request without an answer; without the address, which may be a secret."""
    host = urlsplit(url).netloc
    if isinstance(error, requests.exceptions.SSLError):
        return NetworkError(f"{host} has no certificate that this machine trusts.", code="tls")
    if isinstance(error, requests.Timeout):
        return NetworkError(f"{host} did not answer in time.", code="timeout")
    if isinstance(error, requests.ConnectionError | requests.exceptions.ChunkedEncodingError):
        return NetworkError(f"The connection to {host} broke or was refused.", code="connection")
    return ValidationError(f"{host} cannot be asked: {type(error).__name__}.", code="request")


def refusal(answer: requests.Response) -> ApiError:
    """Our error for an answer that is none of success."""
    code, message = _said(answer)
    named: dict[str, Any] = {"status": answer.status_code, "code": code}
    status = answer.status_code
    if status in (401, 403):
        return AuthenticationError(message, **named)
    if status == 408:
        return NetworkError(message, **named)
    if status == 429 or status >= 500:
        retriable = status == 429 or status in RETRIABLE_5XX
        return ServerError(message, **named, retriable=retriable, retry_after=retry_after(answer))
    if status == 409 and code in ASK_AGAIN:
        return UploadError(message, **named, retriable=True)
    return ValidationError(message, **named)


def _said(answer: requests.Response) -> tuple[str | None, str]:
    """Code and sentence of the portal's envelope; a sentence of ours where there is none."""
    try:
        error = answer.json()["error"]
        return str(error["code"]), str(error["message"])
    except (ValueError, KeyError, TypeError):
        host = urlsplit(answer.url).netloc
        if 300 <= answer.status_code < 400:
            return None, f"{host} sends us elsewhere; correct base_url."
        return None, f"{host} answered with HTTP {answer.status_code}."


def retry_after(answer: requests.Response) -> float | None:
    """Seconds; None if the answer does not say. A date is compared with the server's own clock."""
    text = answer.headers.get("Retry-After", "")
    if text.isascii() and text.isdecimal() and len(text) < 10:
        return min(LONGEST_ASKED, float(text))
    until, now = _moment(text), _moment(answer.headers.get("Date", "")) or datetime.now(UTC)
    return min(LONGEST_ASKED, max(0.0, (until - now).total_seconds())) if until else None


def _moment(text: str) -> datetime | None:
    """None for what is no date."""
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
