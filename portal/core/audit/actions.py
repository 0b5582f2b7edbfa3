"""Every action that the audit log knows, with what people read instead of its name.

Names are `family.what_happened`. They are hashed with the event and never change; one that is no
longer used stays here as long as there may be events of it.
"""


def N_(text: str) -> str:
    """Marks a text for translation; pages translate it where they show it."""
    return text


ACTIONS = {
    "approval.approved": N_("Request approved"),
    "approval.denied": N_("Request denied"),
    "approval.expired": N_("Request expired"),
    "approval.requested": N_("Approval asked for"),
    "approval.withdrawn": N_("Request taken back"),
    "audit.exported": N_("Audit log exported"),
    "audit.sealed": N_("Audit log sealed"),
    "audit.verified": N_("Audit log verified"),
    "audit.verify_asked": N_("Verification of the audit log asked for"),
    "audit.viewed": N_("Audit log viewed"),
    "auth.failed": N_("Sign-in failed"),
    "auth.login": N_("Signed in"),
    "auth.logout": N_("Signed out"),
    "auth.sessions_ended": N_("Sessions ended"),
    "authz.denied": N_("Access denied"),
    "deletion.approved": N_("Deletion approved"),
    "deletion.begun": N_("Deletion begun"),
    "deletion.completed": N_("Recording deleted"),
    "deletion.denied": N_("Deletion refused"),
    "deletion.requested": N_("Deletion requested"),
    "export.created": N_("List exported"),
    "hold.item_added": N_("Added to a legal hold"),
    "hold.placed": N_("Legal hold placed"),
    "hold.release_requested": N_("Release of a legal hold asked for"),
    "hold.released": N_("Legal hold released"),
    "hold.reviewed": N_("Legal hold reviewed"),
    "integrity.asked": N_("Integrity check asked for"),
    "integrity.mismatch": N_("Integrity check failed"),
    "integrity.unread": N_("The bytes could not be read"),
    "integrity.verified": N_("Integrity confirmed"),
    "job.retried": N_("Job tried again"),
    "recording.download": N_("Recording downloaded"),
    "recording.list": N_("Recordings searched"),
    "recording.metadata_changed": N_("Facts changed"),
    "recording.note_added": N_("Note added"),
    "recording.note_changed": N_("Note changed"),
    "recording.note_removed": N_("Note removed"),
    "recording.play.end": N_("Playing ended"),
    "recording.play.late": N_("Bytes received after playing had ended"),
    "recording.play.start": N_("Playing begun"),
    "recording.record_viewed": N_("Record of the history opened"),
    "recording.review_withdrawn": N_("Review mark withdrawn"),
    "recording.reviewed": N_("Marked as reviewed"),
    "recording.tagged": N_("Tags changed"),
    "recording.view": N_("Recording opened"),
    "storage.added": N_("Storage added"),
    "storage.check_asked": N_("Storage test asked for"),
    "storage.changed": N_("Storage changed"),
    "storage.moved": N_("Storage moved"),
    "storage.orphan_removed": N_("Object without recording removed"),
    "storage.recognised": N_("Storage recognised"),
    "storage.removed": N_("Storage removed"),
    "storage.rule_added": N_("Storage rule added"),
    "storage.rule_dropped": N_("Storage rule dropped"),
    "system.bundle_made": N_("Support bundle made"),
    "token.allowed_to_delete": N_("Token allowed to delete"),
    "token.created": N_("Token created"),
    "token.disabled": N_("Token disabled"),
    "token.enabled": N_("Token enabled"),
    "token.rotated": N_("Token replaced"),
    "token.revoked": N_("Token revoked"),
    "upload.cancelled": N_("Upload cancelled"),
    "upload.completed": N_("Verified and made available"),
    "upload.created": N_("Upload begun"),
    "upload.expired": N_("Upload expired"),
    "upload.extended": N_("Upload given more time"),
    "upload.quarantined": N_("Put into quarantine"),
    "upload.received": N_("All bytes received"),
    "upload.rejected": N_("Upload rejected"),
    "upload.restarted": N_("Upload begun anew"),
    "user.created": N_("Account created"),
    "user.disabled": N_("Account disabled"),
    "user.enabled": N_("Account enabled"),
    "user.password_changed": N_("Password changed"),
    "user.role_changed": N_("Role changed"),
    "user.scope_changed": N_("Scope changed"),
}

RESULTS = {
    "ok": N_("Done"),
    "denied": N_("Denied"),
    "failed": N_("Failed"),
}
"""How an act ended."""

OBJECTS = {
    "job": N_("Job"),
    "approval": N_("Request"),
    "audit": N_("Audit log"),
    "case": N_("Legal case"),
    "recording": N_("Recording"),
    "storage": N_("Storage"),
    "token": N_("Token"),
    "upload": N_("Upload"),
    "user": N_("Account"),
}
"""The kinds of things that are acted on."""
