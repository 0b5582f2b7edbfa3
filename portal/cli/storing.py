"""Commands about the storage: does it work, and does it hold what the database says?"""

from __future__ import annotations

import sys

import click

from portal import queue
from portal.cli.command import application, command, existing_settings
from portal.core import assembly, ending, reconcile
from portal.core.transaction import utc_now
from portal.db import db
from portal.storage import store
from storage_backends import StorageError, open_store
from storage_backends.trial import try_out


@command
def check_storage() -> None:
    """Try the configured storage, step by step, and say what does not work."""
    settings = existing_settings()
    click.echo(f"Storage: {settings.storage_url}")
    failed = False
    for step in try_out(open_store(settings.storage_url, settings.strict)):
        click.echo(f"  {step.name:20} {step.seconds * 1000:7.1f} ms  {step.problem or 'ok'}")
        failed = failed or step.problem is not None
    if failed:
        raise StorageError("The storage cannot be used as it is.")


@command
def reconcile_() -> None:
    """Compare database and storage; finish what was cut off; name what does not match."""
    with application(existing=True):
        for waiting in reconcile.waiting_uploads(db.session, utc_now()):
            queue.ring(assembly.KIND, waiting.upload_id, waiting.epoch)
            click.echo(f"asked for the assembly of {waiting.upload_id}")
        removed = reconcile.tidy_ended(db.session, store)
        found = reconcile.compare(db.session, store, utc_now())
        click.echo(f"{removed} parts of ended uploads and {found.swept} lost objects removed.")
        for key in found.missing:
            click.echo(f"MISSING  {key}: a recording's bytes are not in the storage")
        for key in found.strays:
            click.echo(f"STRAY    {key}: no recording knows this object")
    if found.missing:
        sys.exit(1)


@command
@click.option("--verbose", is_flag=True, help="Name every upload.")
def cleanup_expired_uploads(verbose: bool) -> None:
    """End the uploads that have expired and remove their bytes."""
    with application(existing=True):
        expired = ending.expire(db.session, utc_now())
        for upload_id in expired:
            if verbose:
                click.echo(f"expired {upload_id}")
        reconcile.tidy_ended(db.session, store)
        click.echo(f"Cleaned up {len(expired)} expired uploads")
