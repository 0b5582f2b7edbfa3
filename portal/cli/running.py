"""Commands that run the portal or bring it to this version."""

from __future__ import annotations

import click

from portal.cli.command import application, command
from portal.config import Settings
from portal.storage import recognise_storages


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
@click.option(
    "--adopt-storage",
    "adopt",
    multiple=True,
    metavar="NAME",
    help="Take this storage as it is now for ours: main, staging, or the name of a further one.",
)
def migrate_(adopt: tuple[str, ...]) -> None:
    """Bring the database to the version of this program, and look whether the storages are ours."""
    with application() as settings:
        silent = recognise_storages(settings, adopt)
        for sentence in silent:
            click.echo(f"Not looked at: {sentence}", err=True)
        click.echo("The database is up to date.")
        if not silent:
            click.echo("The storages are ours.")
