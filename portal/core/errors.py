"""Every refusal of the core, with the status that most protocols would give it.

A dialect turns them into its own envelope; the sentence says what to do next.
"""

from collections.abc import Mapping
from types import MappingProxyType


class Refusal(Exception):
    """The base. `code` is stable and for programs, the message is a sentence for people."""

    code = "refused"
    status = 400
    facts: Mapping[str, object] = MappingProxyType({})
    """What a program wants to know beside the sentence."""


class InvalidRequest(Refusal):
    code = "invalid_request"
    status = 400


class ReasonMissing(InvalidRequest):
    """What is asked for is sensitive, and nobody has said why they want it."""

    code = "reason_missing"


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


class Conflict(Refusal):
    """Something else is here already: other bytes, another state, another use of the same key."""

    code = "conflict"
    status = 409


class OtherBytes(Conflict):
    """What came again is not what came before."""


class Incomplete(Refusal):
    """The upload cannot be finished yet. `missing`: the numbers of the first missing chunks."""

    code = "incomplete"
    status = 409

    def __init__(self, sentence: str, missing: list[int] | None = None) -> None:
        super().__init__(sentence)
        self.missing = missing or []
        self.facts = {"missing_chunks": missing} if missing else {}


class KeyReused(Refusal):
    """An Idempotency-Key came again with another request."""

    code = "idempotency_key_reused"
    status = 422


class NotAccepted(Refusal):
    """The whole file is here, and it is not what it was said to be, or of a kind not taken."""

    code = "not_accepted"
    status = 422


class Held(Refusal):
    """A legal hold or the retention period forbids the deletion."""

    code = "held"
    status = 409


class TakenOver(Refusal):
    """A newer request took the upload over; nothing of this one counts from then on."""

    code = "taken_over"
    status = 409


class UploadGone(Refusal):
    """The upload expired, was terminated, or failed its verification."""

    code = "upload_gone"
    status = 410


class UploadExpired(UploadGone):
    """Nothing arrived for the upload's lifetime."""


class TooLarge(Refusal):
    code = "too_large"
    status = 413


class TooManyAttempts(Refusal):
    code = "too_many_attempts"
    status = 429


class TooManyUploads(Refusal):
    code = "too_many_uploads"
    status = 429


class NoRoom(Refusal):
    """What is promised to open uploads and this one do not fit on the disk together."""

    code = "no_room"
    status = 507


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
