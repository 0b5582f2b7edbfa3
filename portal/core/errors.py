"""Every refusal of the core, with the status that most protocols would give it.

A dialect turns them into its own envelope; the sentence says what to do next.
"""


class Refusal(Exception):
    """The base. `code` is stable and for programs, the message is a sentence for people."""

    code = "refused"
    status = 400


class InvalidRequest(Refusal):
    code = "invalid_request"
    status = 400


class NotAuthenticated(Refusal):
    code = "not_authenticated"
    status = 401


class NotAllowed(Refusal):
    code = "not_allowed"
    status = 403


class NotFound(Refusal):
    """No such thing, or not one that this caller may know of: the answer is the same."""

    code = "not_found"
    status = 404


class RequestTimedOut(Refusal):
    """The client sent nothing for longer than PORTAL_IDLE_SECONDS."""

    code = "request_timed_out"
    status = 408


class OffsetMismatch(Refusal):
    code = "offset_mismatch"
    status = 409


class TakenOver(Refusal):
    """A newer request took the upload over; nothing of this one counts from then on."""

    code = "taken_over"
    status = 409


class UploadGone(Refusal):
    """The upload expired, was terminated, or failed its verification."""

    code = "upload_gone"
    status = 410


class TooLarge(Refusal):
    code = "too_large"
    status = 413


class TooManyAttempts(Refusal):
    code = "too_many_attempts"
    status = 429


class ChecksumMismatch(Refusal):
    code = "checksum_mismatch"
    status = 400


class NotPlayable(Refusal):
    """The recording exists, but its bytes are not served: quarantined or found damaged."""

    code = "not_playable"
    status = 409


class TryAgainLater(Refusal):
    """Nothing is wrong with the request; the server cannot take it just now."""

    code = "try_again_later"
    status = 503
