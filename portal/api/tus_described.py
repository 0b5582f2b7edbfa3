"""What the routes of tus take and give, for the OpenAPI document."""

from __future__ import annotations

from portal.api.describing import Description
from portal.api.tus_headers import BYTES

HEADERS = {
    "Tus-Resumable": "`1.0.0`",
    "X-HTTP-Method-Override": "The method that is meant, for clients that can only GET and POST.",
}
BRINGS = HEADERS | {
    "Upload-Checksum": "Algorithm and base64 digest of this request's bytes.",
    "Upload-Length": "Bytes of the whole file.",
}
CREATES = BRINGS | {
    "Upload-Defer-Length": "`1`: the length is told later.",
    "Upload-Metadata": "Pairs of a key and a base64 value, separated by commas.",
    "Upload-Concat": "`partial`, or `final;` and the addresses of partial uploads.",
    "Idempotency-Key": "The client's name for this creation; repeated, it finds the same upload.",
}

OPTIONS = Description("What the server can do", gives={204: None}, refuses=(404,))
CREATE = Description(
    "Begin an upload, perhaps with its first bytes, or join partial ones",
    takes=(BYTES,),
    gives={201: None},
    refuses=(400, 404, 405, 409, 410, 412, 413, 415, 422, 460, 507),
    headers=CREATES,
)
ADOPT = Description(
    "Take over an upload that /api/v1/videos/upload/init has begun",
    takes=(BYTES,),
    gives={201: None},
    refuses=(400, 404, 405, 409, 410, 412, 413, 415, 460, 507),
    headers=BRINGS | {"Upload-Metadata": CREATES["Upload-Metadata"]},
)
HEAD = Description(
    "Where an upload stands",
    gives={200: None},
    refuses=(404, 405, 410, 412),
    headers=HEADERS,
)
PATCH = Description(
    "Add bytes",
    takes=(BYTES,),
    gives={204: None},
    refuses=(400, 404, 405, 409, 410, 412, 413, 415, 460, 507),
    headers=BRINGS | {"Upload-Offset": "Where the bytes begin."},
)
DELETE = Description(
    "Give an upload up",
    gives={204: None},
    refuses=(404, 405, 410, 412, 507),
    headers=HEADERS,
)
