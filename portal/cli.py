"""The command `portal`: running the portal, and what an operator does at a shell."""

from __future__ import annotations

import logging
import os
import pwd
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import click
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from portal import migrate, queue
from portal.app import create_app
from portal.config import BadSetting, Settings
from portal.core import accounts, assembly, deletion, ending, fixity, reconcile, tokens
from portal.core.accounts import ROLE_MAY
from portal.core.audit import SYSTEM, Actor
from portal.core.errors import Refusal
from portal.core.models import Recording, is_id
from portal.core.transaction import utc_now
from portal.db import db, first_line
from portal.storage import store
from storage_backends import StorageError, open_store
from storage_backends.trial import try_out


@click.group()
@click.version_option(package_name="recordings-portal")
def main() -> None:
    """The recordings portal."""
    os.umask(0o077)  # whatever is made in the data folder is its owner's alone
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")


def command(function: Callable[..., None]) -> click.Command:
    """A command whose refusals are one sentence on stderr and exit status 1."""

    @wraps(function)
    def run(*args: Any, **options: Any) -> None:
        try:
            function(*args, **options)
        except (BadSetting, Refusal, StorageError, ValueError) as problem:
            raise click.ClickException(str(problem)) from problem
        except SQLAlchemyError as problem:
            raise click.ClickException(f"The database failed: {first_line(problem)}") from problem

    return main.command(function.__name__.rstrip("_").replace("_", "-"))(run)


@contextmanager
def application(existing: bool = False) -> Iterator[Settings]:
    """The application's context, on a database that is at this version.

    With `existing`, raises BadSetting instead of making an empty portal where there is none.
    """
    settings = _existing() if existing else Settings.from_env()
    with create_app(settings).app_context():
        migrate.upgrade(db.engine)
        yield settings


def _existing() -> Settings:
    """The settings of a portal that is there. Raises BadSetting."""
    settings = Settings.from_env()
    url = make_url(settings.database_url)
    sqlite = url.get_backend_name() == "sqlite"
    if not settings.data_dir.is_dir() or (sqlite and not Path(url.database or "").exists()):
        raise BadSetting(f"There is no portal in {settings.data_dir}; set PORTAL_DATA_DIR.")
    return settings


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


@command
@click.argument("email")
@click.option("--role", type=click.Choice(list(ROLE_MAY)), required=True)
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
def create_user(email: str, role: str, password_stdin: bool) -> None:
    """Create an account."""
    password = _read_password(password_stdin)
    with application():
        user = accounts.create_user(db.session, email, role, password)
        click.echo(f"Created {user.email} ({user.role}).")


@command
@click.argument("email")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
def set_password(email: str, password_stdin: bool) -> None:
    """Give an account a new password; its open sessions end."""
    password = _read_password(password_stdin)
    with application(existing=True):
        accounts.set_password(db.session, email, password)
        click.echo("The password is changed.")


def _read_password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))


@command
@click.option("--user", "email", required=True, help="Whose token it is.")
@click.option("--scope", "scopes", type=click.Choice(tokens.SCOPES), multiple=True, required=True)
@click.option("--lead", "leads", multiple=True, help="A lead whose calls it may touch; * is all.")
def create_token(email: str, scopes: tuple[str, ...], leads: tuple[str, ...]) -> None:
    """Make a bearer token and print it, alone, on standard output. It is never shown again."""
    with application(existing=True):
        token = tokens.create_token(db.session, email, list(scopes), leads=list(leads))
        click.echo(token)
        owner = tokens.caller_by_token(db.session, token, SYSTEM)
    if "upload" in scopes and "upload" not in owner.rights:
        click.echo(f"The role {owner.role} may not upload; nor may this token.", err=True)


@command
def check_storage() -> None:
    """Try the configured storage, step by step, and say what does not work."""
    settings = _existing()
    click.echo(f"Storage: {settings.storage_url}")
    failed = False
    for step in try_out(open_store(settings.storage_url, settings.strict)):
        click.echo(f"  {step.name:20} {step.seconds * 1000:7.1f} ms  {step.problem or 'ok'}")
        failed = failed or step.problem is not None
    if failed:
        raise StorageError("The storage cannot be used as it is.")


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
    result = fixity.verify(db.session, store, recording)
    click.echo(f"{recording.id}  {result:8}  {recording.sha256}  {recording.filename}")
    return result


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


@command
@click.argument("recording_id")
@click.option("--reason", required=True, help="Why; whoever releases it will ask.")
def hold(recording_id: str, reason: str) -> None:
    """Put a recording under legal hold: nothing deletes it until it is released."""
    with application(existing=True):
        deletion.hold(db.session, _operator(), _known(recording_id), reason)
        click.echo(f"Held {recording_id}.")


@command
@click.argument("recording_id")
def release(recording_id: str) -> None:
    """End every legal hold of a recording."""
    with application(existing=True):
        count = deletion.end_holds(db.session, _operator(), _known(recording_id))
        click.echo(f"Released {recording_id}: {count} legal hold(s) ended.")


def _operator() -> Actor:
    """Whoever sits at the shell, as far as the operating system knows."""
    number = os.getuid()
    try:
        name = pwd.getpwuid(number).pw_name
    except KeyError:  # in a container, say
        name = f"uid {number}"
    return Actor("shell", None, f"{name} (shell)")


def _known(recording_id: str) -> str:
    if not is_id(recording_id):
        raise ValueError("This is no id of a recording; its page shows it as its number.")
    return recording_id
