"""The tables, as SQLAlchemy classes. They hold state and know no rules."""

from portal.core.models.people import Token, User
from portal.core.models.playing import Note, PlaySession, Review
from portal.core.models.recordings import LegalHold, Recording, RecordingDetail
from portal.core.models.records import AuditEvent, Job
from portal.core.models.storages import Storage, StorageId, StorageRule
from portal.core.models.tables import Base, Id, Name, UTCDateTime, is_id, new_id
from portal.core.models.uploads import Claim, Part, Upload

__all__ = [
    "AuditEvent",
    "Base",
    "Claim",
    "Id",
    "Job",
    "LegalHold",
    "Name",
    "Note",
    "Part",
    "PlaySession",
    "Recording",
    "RecordingDetail",
    "Review",
    "Storage",
    "StorageId",
    "StorageRule",
    "Token",
    "UTCDateTime",
    "Upload",
    "User",
    "is_id",
    "new_id",
]
