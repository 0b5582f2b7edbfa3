"""What can go wrong between a recorder and the portal, and which of it may go right next time."""

from __future__ import annotations


class ApiError(Exception):
    """The root of all errors of this package.

    `message`: a sentence for people. `status`: of the HTTP answer, if there was one. `code`: the
    portal's word for it. `retry_after`: seconds that the server asks us to wait. `retriable`:
    whether the same may succeed later. `begin_anew`: whether it needs a new upload for that.
    """

    retriable = False

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        retry_after: float | None = None,
        retriable: bool | None = None,
        begin_anew: bool = False,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.retry_after = retry_after
        self.begin_anew = begin_anew
        if retriable is not None:
            self.retriable = retriable


class NetworkError(ApiError):
    """The server was not reached, or the connection broke."""

    retriable = True


class AuthenticationError(ApiError):
    """The token is missing, wrong, or not allowed to do this."""


class ServerError(ApiError):
    """The server failed or is busy."""

    retriable = True


class ValidationError(ApiError):
    """What we said is not accepted: a setting, a file, a field."""


class UploadError(ApiError):
    """This upload failed: its file changed, its session ended, or its content was refused."""
