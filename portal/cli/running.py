"""Commands that run the portal or bring it to this version."""

from __future__ import annotations

import click

from portal.cli.command import application, command
from portal.config import Settings


@command
def run_() -> None:
    """Run the whole portal on this machine until Ctrl-C or SIGTERM."""
    from portal import running

    running.run(Settings.from_env(), click.echo)


@command
def demo_() -> None:
    """Run the portal with sample recordings, made on the spot and uploaded over HTTP."""
    from portal import demo  # brings numpy and FFmpeg along, which no other command needs

    demo.run(Settings.from_env(), click.echo)


@command
def migrate_() -> None:
    """Bring the database to the version of this program."""
    with application():
        click.echo("The database is up to date.")
