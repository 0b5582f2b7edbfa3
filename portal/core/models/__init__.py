"""The tables, as SQLAlchemy classes. They hold state and know no rules."""

from portal.core.models.approvals import Approval
from portal.core.models.holds import LegalCase, LegalHold
from portal.core.models.metrics import MetricHour
from portal.core.models.people import LoginAttempt, LoginSession, Token, User
from portal.core.models.playing import Note, PlaySession, Review
from portal.core.models.recordings import (
    LENGTH,
    LONGEST_LABEL,
    Recording,
    RecordingDetail,
    RecordingTag,
    Tag,
    place_at,
)
from portal.core.models.records import OF_SYSTEM, AuditCheck, AuditEvent, AuditHead, AuditSeal, Job
from portal.core.models.retention import (
    Heartbeat,
    RetentionPolicy,
    RetentionRule,
    RetentionRun,
)
from portal.core.models.storages import Storage, StorageCheck, StorageId, StorageRule
from portal.core.models.tables import Base, Id, Name, UTCDateTime, is_id, new_id
from portal.core.models.uploads import Claim, Part, Upload

__all__ = [
    "LENGTH",
    "LONGEST_LABEL",
    "OF_SYSTEM",
    "Approval",
    "AuditCheck",
    "AuditEvent",
    "AuditHead",
    "AuditSeal",
    "Base",
    "Claim",
    "Heartbeat",
    "Id",
    "Job",
    "LegalCase",
    "LegalHold",
    "LoginAttempt",
    "LoginSession",
    "MetricHour",
    "Name",
    "Note",
    "Part",
    "PlaySession",
    "Recording",
    "RecordingDetail",
    "RecordingTag",
    "RetentionPolicy",
    "RetentionRule",
    "RetentionRun",
    "Review",
    "Storage",
    "StorageCheck",
    "StorageId",
    "StorageRule",
    "Tag",
    "Token",
    "UTCDateTime",
    "Upload",
    "User",
    "is_id",
    "new_id",
    "place_at",
]
