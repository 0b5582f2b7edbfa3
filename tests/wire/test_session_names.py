"""What a recorder's recording is called: as the session says, or else as the form does."""

from __future__ import annotations

import pytest
import requests

from tests.conftest import Portal


@pytest.mark.parametrize(
    ("told", "named"),
    [({}, "session_123.mp4"), ({"filename": "as told.mp4"}, "as told.mp4")],
)
def test_the_name_in_the_form_counts_where_the_session_has_none(
    portal: Portal, token: str, told: dict[str, str], named: str
) -> None:
    client = requests.Session()
    client.headers["Authorization"] = f"Bearer {token}"
    base = f"{portal.url}/api/uploads"
    said = {"session_id": "rdp_123_1729950022", "file_size": 4} | told
    session = client.post(f"{base}/create-session", json=said).json()["session_id"]
    for _ in range(2):  # a repetition finds the file whole, and its name as it is
        files = {"file": ("C:/Recordings/session_123.mp4", b"four")}
        assert client.post(f"{base}/{session}/file", files=files).status_code == 200
    [upload] = portal.rows("SELECT filename FROM upload WHERE id = ?", session)
    assert upload["filename"] == named
