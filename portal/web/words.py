"""Words of the administrators' pages for codes: jobs, and what was found of each part."""

from __future__ import annotations

from flask_babel import LazyString, lazy_gettext

JOB_KINDS: dict[str, LazyString] = {
    "assemble_upload": lazy_gettext("Assemble an upload"),
    "purge_recording": lazy_gettext("Purge a recording"),
    "verify_recording": lazy_gettext("Verify a recording"),
    "check_storage": lazy_gettext("Test a storage"),
    "check_storages": lazy_gettext("Have all storages tested"),
    "run_retention": lazy_gettext("Mark and purge by the retention rules"),
    "plan_retention": lazy_gettext("Date recordings by new retention rules"),
    "watch_disks": lazy_gettext("Look how full the disks are"),
    "look_at_the_clock": lazy_gettext("Look whether the clock goes steadily"),
    "roll_up_metrics": lazy_gettext("Count the last hours"),
    "expire_uploads": lazy_gettext("End expired uploads"),
    "expire_approvals": lazy_gettext("End expired requests"),
    "fill_legal_cases": lazy_gettext("Hold what came to match a case"),
    "end_play_sessions": lazy_gettext("End viewings that were left"),
    "reconcile_uploads": lazy_gettext("Look for work that was cut off"),
    "reconcile_objects": lazy_gettext("Compare storages and database"),
    "seal_audit": lazy_gettext("Seal the audit log"),
    "verify_audit": lazy_gettext("Verify the audit log"),
    "verify_oldest": lazy_gettext("Verify what was verified longest ago"),
}
JOB_STATES: dict[str, LazyString] = {
    "running": lazy_gettext("Running"),
    "waiting": lazy_gettext("Waiting"),
    "failed": lazy_gettext("Failed"),
    "done": lazy_gettext("Done"),
    "stuck": lazy_gettext("Stuck"),
}
PARTS: dict[str, LazyString] = {
    "database": lazy_gettext("Database"),
    "migrations": lazy_gettext("Migrations"),
    "clock": lazy_gettext("Clock"),
    "redis": lazy_gettext("Redis"),
    "workers": lazy_gettext("Workers"),
    "cron": lazy_gettext("Periodic jobs"),
    "jobs": lazy_gettext("Jobs"),
    "storages": lazy_gettext("Storages"),
    "disk": lazy_gettext("Fullest disk"),
    "chain": lazy_gettext("Audit log"),
    "seals": lazy_gettext("Seals"),
}
"""The parts of an installation, by portal.health's names."""

FINDINGS: dict[tuple[str, str], tuple[LazyString, LazyString | None]] = {
    ("database", "fine"): (lazy_gettext("%(name)s answers in %(milliseconds)s ms."), None),
    ("database", "slow"): (
        lazy_gettext("%(name)s takes %(milliseconds)s ms to answer."),
        lazy_gettext("Look at its load and its disk."),
    ),
    ("migrations", "fine"): (lazy_gettext("The database is at version %(there)s."), None),
    ("migrations", "behind"): (
        lazy_gettext("The database is at version %(there)s, this program wants %(wanted)s."),
        lazy_gettext("Run `portal migrate`, then start all processes anew."),
    ),
    ("clock", "one"): (lazy_gettext("Portal and database share one clock."), None),
    ("clock", "fine"): (lazy_gettext("Portal and database agree within 5 seconds."), None),
    ("clock", "differs"): (
        lazy_gettext("The clocks of portal and database are %(seconds)s seconds apart."),
        lazy_gettext("Set up time synchronisation (NTP) on both machines."),
    ),
    ("redis", "fine"): (lazy_gettext("It answers in %(milliseconds)s ms."), None),
    ("redis", "away"): (
        lazy_gettext("It does not answer. Uploads are taken in; nothing is assembled."),
        lazy_gettext("Start it, or mend PORTAL_REDIS_URL. What waits is found again by itself."),
    ),
    ("workers", "fine"): (
        lazy_gettext("%(count)s at work, %(waiting)s jobs in the queue."),
        None,
    ),
    ("workers", "none"): (
        lazy_gettext("None was heard of for two minutes; nothing is assembled or verified."),
        lazy_gettext("Start `python -m jobs.worker`, or look into the log for why it ends."),
    ),
    ("workers", "unknown"): (
        lazy_gettext("They cannot be asked for while Redis is away."),
        lazy_gettext("Mend Redis first."),
    ),
    ("cron", "fine"): (lazy_gettext("The most frequent one has just run."), None),
    ("cron", "late"): (
        lazy_gettext("The most frequent one has not run for minutes."),
        lazy_gettext("Start `python -m jobs.schedule` once in the installation."),
    ),
    ("jobs", "fine"): (lazy_gettext("None is stuck."), None),
    ("jobs", "stuck"): (
        lazy_gettext("%(count)s should have been tried again by now."),
        lazy_gettext("Look at them under Jobs; if a worker runs, try them again."),
    ),
    ("storages", "fine"): (lazy_gettext("All %(count)s passed their last test."), None),
    ("storages", "untested"): (
        lazy_gettext("None was tested yet."),
        lazy_gettext("Test them under Storages; the portal does so once a day."),
    ),
    ("storages", "broken"): (
        lazy_gettext("%(name)s failed its last test: %(said)s"),
        lazy_gettext("Mend it, then test it again under Storages."),
    ),
    ("storages", "away"): (
        lazy_gettext("Jobs wait for a storage: %(said)s"),
        lazy_gettext(
            "Mend it; they are tried again by themselves. Which ones they are is under Jobs."
        ),
    ),
    ("disk", "fine"): (lazy_gettext("That of the storage %(name)s: %(percent)s %% used."), None),
    ("disk", "elsewhere"): (
        lazy_gettext("All bytes are kept elsewhere, not on this machine."),
        None,
    ),
    ("disk", "filling"): (
        lazy_gettext("That of the storage %(name)s: %(percent)s %% used."),
        lazy_gettext(
            "Make room or add a disk. When it is full, uploads are refused; nothing is deleted "
            "for it."
        ),
    ),
    ("disk", "away"): (
        lazy_gettext("It cannot be read: %(said)s"),
        lazy_gettext("Mount it, or mend PORTAL_STAGING_URL."),
    ),
    ("chain", "fine"): (lazy_gettext("The last verification found every link in its place."), None),
    ("chain", "never"): (
        lazy_gettext("It was not verified yet."),
        lazy_gettext("Verify it under Audit; the portal does so every night."),
    ),
    ("chain", "broken"): (
        lazy_gettext("It is not what was written, from event %(seq)s on."),
        lazy_gettext("Tell whoever is responsible, and keep the database as it is."),
    ),
    ("seals", "fine"): (lazy_gettext("Sealed up to event %(seq)s."), None),
    ("seals", "never"): (
        lazy_gettext("Nothing is sealed yet."),
        lazy_gettext("The first seal is made within an hour of the start."),
    ),
}
"""What portal.health found of a part, and what to do about it."""
