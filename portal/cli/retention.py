"""Commands about retention: the rules in force, what they say of a recording, and the run."""

from __future__ import annotations

import click

from portal.cli.command import application, group_command, main, operator
from portal.config import Settings
from portal.core.errors import NotFound
from portal.core.models import Recording, RetentionRun, is_id
from portal.core.retention import looking, policies, running
from portal.core.retention.deciding import Rule
from portal.core.transaction import utc_now
from portal.db import db


@main.group()
def retention() -> None:
    """Retention: its rules, what they say of a recording, and the nightly run."""


@group_command(retention)
def rules() -> None:
    """Print the rules in force. They are changed on the pages, where a second person looks."""
    with application(existing=True):
        number, found = policies.current(db.session)
    click.echo(f"Policy {number}, {len(found)} rule(s). What no rule fits is never deleted.")
    for rule in found:
        click.echo(f"{rule.name}: {_conditions(rule)}")
        kept = "for ever" if rule.keep_days is None else f"for {rule.keep_days} day(s) at least"
        gone = "never" if rule.delete_days is None else f"after {rule.delete_days} day(s)"
        click.echo(f"    kept {kept}, deleted {gone}")


def _conditions(rule: Rule) -> str:
    names = ("source", "kind", "tag", "department", "min_size", "max_size")
    said = [f"{name}={getattr(rule, name)}" for name in names if getattr(rule, name) is not None]
    return ", ".join(said) or "everything"


@group_command(retention)
@click.argument("recording_id")
def why(recording_id: str) -> None:
    """Print what the rules say of one recording."""
    with application(existing=True) as settings:
        row = db.session.get(Recording, recording_id) if is_id(recording_id) else None
        if row is None:
            raise NotFound("There is no such recording; its page shows its number.")
        said = looking.of_recording(db.session, row, settings.keep, utc_now())
    click.echo(f"{said.action}: {', '.join(said.reasons)}")
    click.echo(f"kept until {said.keep_until or 'for ever'}, by {said.kept_by or 'no rule'}")
    click.echo(f"deleted at {said.delete_at or 'never'}, by {said.rule or 'no rule'}")


@group_command(retention)
@click.option("--dry-run", is_flag=True, help="Only say what it would do.")
def run(dry_run: bool) -> None:
    """Mark what is due now, take marks back, and hand over what has had its grace."""
    with application(existing=True) as settings:
        made = _rehearsed(settings) if dry_run else _run(settings)
    click.echo(
        f"{made.looked} looked at by policy {made.policy}: {made.marked} marked, "
        f"{made.unmarked} unmarked, {made.purged} to be deleted ({made.size} bytes), "
        f"{made.blocked} kept by legal holds."
    )
    if dry_run:
        click.echo("Nothing was changed.")


def _how(settings: Settings) -> running.How:
    return running.How(settings.keep, settings.retention_grace)


def _run(settings: Settings) -> RetentionRun:
    return running.run(db.session, operator(), utc_now(), _how(settings))


def _rehearsed(settings: Settings) -> RetentionRun:
    return running.rehearse(db.session, utc_now(), _how(settings))
