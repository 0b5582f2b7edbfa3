"""Creations of tus uploads with exactly the headers a test says."""

from __future__ import annotations

import requests

from tests.conftest import TUS, Tus

BYTES = "application/offset+octet-stream"
NOWHERE = f"{TUS}/00000000-0000-7000-8000-000000000000"


def create(tus: Tus, body: object = None, at: str = TUS, **headers: str) -> requests.Response:
    """A POST with exactly these headers, underscores for hyphens."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return tus.session.post(tus.portal.url + at, data=body, headers=sent)


def with_bytes(tus: Tus, body: object, length: int, **headers: str) -> requests.Response:
    return create(tus, body, Upload_Length=str(length), Content_Type=BYTES, **headers)
