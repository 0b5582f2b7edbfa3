"""Who may create and touch a recorder's session."""

from __future__ import annotations

import pytest
import requests

from tests.conftest import Portal
from tests.wire.recorder import ASKED, CREATE, Recorder, recorder

__all__ = ["recorder"]

NOWHERE = "/api/uploads/00000000-0000-7000-8000-000000000000"
EVERY = [
    ("POST", "/video"),
    ("PUT", "/video"),
    ("POST", "/metadata"),
    ("POST", "/file"),
    ("POST", "/finalize"),
    ("GET", "/status"),
]


@pytest.mark.parametrize(("method", "name"), EVERY)
def test_nobody_reaches_a_session_of_somebody_else(
    portal: Portal, recorder: Recorder, method: str, name: str
) -> None:
    path = recorder.begin(file_size=9)
    recorder.send(path, b"kept")

    def status(path: str, token: str) -> int:
        headers = {"Authorization": token} if token else {}
        body = b"{}" if method != "GET" else None
        url = portal.url + path + name
        return requests.request(method, url, headers=headers, data=body).status_code

    other = f"Bearer {portal.token()}"
    for wanted in (path, NOWHERE, "/api/uploads/1", "/api/uploads/..%2f", f"{path}'--"):
        assert status(wanted, other) == 404, wanted
    assert status(path, "") == 401
    assert status(path, "Bearer rp_no_such") == 401
    assert status(path, f"Bearer {portal.token('uploader', 'read')}") == 403
    assert status(path, f"Bearer {portal.token('auditor', 'upload')}") == 403
    assert recorder.status(path)["bytes_received"] == 4


def test_creating_needs_a_token_with_the_scope(portal: Portal) -> None:
    assert requests.post(portal.url + CREATE, json=ASKED).status_code == 401
    for role, scope in (("uploader", "read"), ("auditor", "upload")):
        assert Recorder(portal, portal.token(role, scope)).create().status_code == 403
