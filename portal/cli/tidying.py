"""Commands that compare what the database says with what there is, and tidy up."""

from __future__ import annotations

import sys

import click

from portal import queue
from portal.cli.command import application, command, operator
from portal.core import assembly, ending, orphans, reconcile
from portal.core.orphans import Differences
from portal.core.transaction import utc_now
from portal.db import db
from portal.storage import stores


@command
@click.option("--repair", is_flag=True, help="Remove the strays and mark what is missing.")
@click.option("--yes", is_flag=True, help="Do not ask before repairing.")
def reconcile_(repair: bool, yes: bool) -> None:
    """Compare database and storages; finish what was cut off; name what does not match."""
    with application(existing=True):
        for waiting in reconcile.waiting_uploads(db.session, utc_now()):
            queue.ring(assembly.KIND, waiting.upload_id, waiting.epoch)
            click.echo(f"asked for the assembly of {waiting.upload_id}")
        removed = reconcile.tidy_ended(db.session, stores)
        found = orphans.compare(db.session, stores, utc_now())
        click.echo(f"{removed} parts of ended uploads and {found.swept} lost objects removed.")
        _report(found)
        if repair and (found.missing or found.strays):
            _repair(found, yes)
    if found.missing or found.silent:
        sys.exit(1)


def _report(found: Differences) -> None:
    for storage_id, why in found.silent.items():
        click.echo(f"NOT COMPARED  {storage_id}: {why}")
    for lost in found.missing:
        click.echo(f"MISSING  {lost.key}: a recording's bytes are not in {lost.storage_id}")
    for stray in found.strays:
        click.echo(f"STRAY    {stray.key}: no recording knows this object in {stray.storage_id}")


def _repair(found: Differences, approved: bool) -> None:
    click.echo(
        f"To do: remove {len(found.strays)} strays, mark {len(found.missing)} recordings as "
        "missing. After the restore of an older database, strays are recordings: stop here then."
    )
    if not approved:
        click.confirm("Repair?", abort=True)
    count = orphans.repair(db.session, stores, operator(), found)
    click.echo(f"{count} repaired; held recordings stay as they are.")


@command
@click.option("--verbose", is_flag=True, help="Name every upload.")
def cleanup_expired_uploads(verbose: bool) -> None:
    """End the uploads that have expired and remove their bytes."""
    with application(existing=True):
        expired = ending.expire(db.session, utc_now())
        for upload_id in expired:
            if verbose:
                click.echo(f"expired {upload_id}")
            ending.tidy(db.session, stores, upload_id)
        reconcile.tidy_ended(db.session, stores)
        click.echo(f"Cleaned up {len(expired)} expired uploads")
