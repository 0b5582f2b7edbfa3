"""Commands about single recordings: are they what they were, and must they stay?"""

from __future__ import annotations

import sys

import click

from portal.cli.command import application, command, operator
from portal.core import fixity, holding, reconcile, releasing
from portal.core.models import Recording, is_id
from portal.db import db
from portal.storage import stores


@command
@click.argument("ids", nargs=-1, metavar="[ID]...")
def verify(ids: tuple[str, ...]) -> None:
    """Read recordings back and compare their SHA-256: those named, or all."""
    with application(existing=True):
        chosen = [Recording.id.in_([each for each in ids if is_id(each)])] if ids else []
        found = reconcile.recordings(db.session, *chosen)
        results = [_verify_one(recording) for recording in found]
    if len(results) < len(set(ids)):
        raise click.ClickException("Some of these ids are no recordings.")
    wrong = [result for result in results if result != "ok"]
    click.echo(f"{len(results)} checked, {len(wrong)} wrong.")
    if wrong:
        sys.exit(1)


def _verify_one(recording: Recording) -> str:
    result = fixity.verify(db.session, stores, recording)
    click.echo(f"{recording.id}  {result:8}  {recording.sha256}  {recording.filename}")
    return result


@command
@click.argument("recording_id")
@click.option("--reason", required=True, help="Why; whoever releases it will ask.")
def hold(recording_id: str, reason: str) -> None:
    """Put a recording under legal hold: nothing deletes it until it is released."""
    with application(existing=True):
        holding.hold(db.session, operator(), _known(recording_id), reason)
        click.echo(f"Held {recording_id}.")


@command
@click.argument("recording_id")
def release(recording_id: str) -> None:
    """End every legal hold of a recording."""
    with application(existing=True):
        count = releasing.end_holds(db.session, operator(), _known(recording_id))
        click.echo(f"Released {recording_id}: {count} legal hold(s) ended.")


def _known(recording_id: str) -> str:
    if not is_id(recording_id):
        raise ValueError("This is no id of a recording; its page shows it as its number.")
    return recording_id
