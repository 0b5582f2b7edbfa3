"""Commands about the audit log: is it what was written, seal it, whose signature is on it?"""

from __future__ import annotations

import sys

import click

from portal.cli.command import application, group_command, main, operator
from portal.core.audit import checking, seals, verifying
from portal.core.transaction import writing
from portal.db import db
from portal.storage import seal_key, seals_outside


@main.group()
def audit() -> None:
    """The audit log: verify it, seal it, show the key of its seals."""


@group_command(audit)
def verify() -> None:
    """Recompute the chain and compare it with its end and with all seals."""
    with application(existing=True):
        verdict = verifying.verify(db.session, seals_outside, seal_key.public, _show)
        with writing(db.session):
            checking.note(db.session, verdict, operator())
    sealed = f"sealed to #{verdict.sealed.seq} at {verdict.sealed.at}" if verdict.sealed else ""
    click.echo(f"{verdict.checked} events checked; {sealed or 'no seal yet'}.")
    for problem in verdict.problems:
        click.echo(f"WRONG  {checking.sentence(problem)}")
    if verdict.problems:
        sys.exit(1)


def _show(checked: int, total: int) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{checked} of {total}", nl=checked == total, err=True)


@group_command(audit)
def seal() -> None:
    """Sign the end of the chain now, and keep that outside of the database, too."""
    with application(existing=True):
        made, new = seals.seal(db.session, seals_outside, seal_key, operator())
    what = "Sealed" if new else "Nothing has happened since the last seal;"
    click.echo(f"{what} #{made.seq} {made.hash} at {made.at}")


@group_command(audit)
def key() -> None:
    """Print the public key that seals and exports can be checked with."""
    with application(existing=True):
        click.echo(seal_key.public)
