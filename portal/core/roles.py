"""The roles and their rights: the one table. docs/access.md shows it, and a test compares them."""

from __future__ import annotations

RIGHTS: dict[str, str] = {
    "list": "find recordings and read what is known of them",
    "play": "hear and see recordings",
    "download": "save the original",
    "note": "write notes, and mark recordings as reviewed",
    "label": "give tags and the department",
    "history": "see what happened to a recording",
    "verify": "see what is verified and deleted when, and have it verified",
    "retention": "change how long recordings are kept, and when they are deleted",
    "audit": "read the audit log",
    "audit_system": "read the audit log, except what concerns recordings",
    "uploads": "see uploads under way",
    "see_work": "see jobs, workers and storages",
    "operate": "run the system: its jobs, storages and disk",
    "upload": "send recordings",
    "delete": "delete recordings with a token",
    "see_people": "see accounts and their tokens",
    "people": "make and change accounts and their tokens",
    "request_deletion": "ask for the deletion of recordings",
    "request_hold": "ask for legal holds",
    "hold": "place legal holds, also on request, review them, and ask for their release",
    "approve_deletion": "approve what others ask for: deletions, releases of legal holds",
    "approve_change": "approve what others ask for: shorter retention, tokens that may delete",
}
"""What each right is for. `<right>_own` is the same for what the account has sent itself."""

ROLE_MAY: dict[str, frozenset[str]] = {
    # An administrator runs the system and is no listener, nor reads who listened to what.
    "admin": frozenset(
        {
            "list",
            "verify",
            "retention",
            "audit_system",
            "uploads",
            "see_work",
            "operate",
            "upload",
            "see_people",
            "people",
            "request_deletion",
            "approve_change",
        }
    ),
    "officer": frozenset(
        {
            "list",
            "play",
            "download",
            "note",
            "label",
            "history",
            "verify",
            "retention",
            "audit",
            "uploads",
            "delete",
            "see_people",
            "request_deletion",
            "hold",
            "approve_deletion",
            "approve_change",
        }
    ),
    # An auditor sees how the work is done, and changes nothing of it, but may ask for a hold.
    "auditor": frozenset(
        {
            "list",
            "play",
            "download",
            "note",
            "label",
            "history",
            "verify",
            "audit",
            "uploads",
            "see_work",
            "request_hold",
        }
    ),
    "reviewer": frozenset({"list", "play", "note"}),
    "source_owner": frozenset({"list", "play", "history", "uploads", "upload", "request_deletion"}),
    "uploader": frozenset(
        {"list_own", "play_own", "download_own", "uploads_own", "upload", "delete_own"}
    ),
}

IN_PERSON = frozenset(
    {
        "request_deletion",
        "approve_deletion",
        "approve_change",
        "see_people",
        "people",
        "retention",
        "request_hold",
        "hold",
    }
)
"""What no token ever may: it takes somebody who is there."""

SCOPED = frozenset({"auditor", "reviewer", "source_owner"})
"""The roles that reach nothing but what their account's scope names."""
