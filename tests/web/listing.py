"""What tests of the list share: recordings without bytes, made in the database itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from portal.core import accounts, search
from portal.core.models import Recording, RecordingDetail, Upload, new_id
from portal.db import db
from tests.conftest import PASSWORD, Portal

BEGUN = datetime(2026, 3, 1, 12, tzinfo=UTC)


def recorded(portal: Portal, rows: Sequence[dict[str, Any]]) -> list[str]:
    """Recordings with these fields, a minute after one another; their ids, the oldest first."""
    with portal.app.app_context():
        sender = f"sender-{new_id()}@example.org"
        owner = accounts.create_user(db.session, sender, "uploader", PASSWORD)
        made = [_made(owner.id, number, row) for number, row in enumerate(rows)]
        for upload, recording, _ in made:
            db.session.add(upload)
            db.session.flush()
            db.session.add(recording)
        db.session.flush()
        for _, recording, said in made:
            db.session.add_all(
                RecordingDetail(
                    recording_id=recording.id, name=name, value=value, place=recording.place
                )
                for name, value in said.items()
            )
            search.index(db.session, recording.id)
        ids = [recording.id for _, recording, _ in made]
        db.session.commit()
    return ids


def _made(
    owner_id: str, number: int, row: dict[str, Any]
) -> tuple[Upload, Recording, dict[str, str]]:
    at = row.get("received_at", BEGUN + timedelta(minutes=number))
    upload = Upload(id=new_id(), owner_id=owner_id, owner_label="sender", dialect="tus")
    upload.state, upload.filename, upload.details, upload.wire = "done", "x", {}, {}
    upload.created_at = upload.progress_at = upload.expires_at = at
    usual: dict[str, Any] = {
        "owner_id": owner_id,
        "owner_label": "sender@example.org",
        "source": "tus",
        "state": "ready",
        "filename": f"recording-{number}.wav",
        "details": {},
        "available_at": at,
        "verified_at": at,
        "key": f"nowhere/{upload.id}",
        "size": 1_000_000,
        "sha256": "0" * 64,
        "sha256_declared": False,
        "kind": "audio",
        "duration_ms": 60_000,
        "integrity": "ok",
    }
    recording = Recording(id=upload.id, **(usual | row | {"received_at": at}))
    return upload, recording, recording.details
