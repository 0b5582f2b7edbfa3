"""What every command of `portal` shares: the group, refusals as one sentence, the application."""

from __future__ import annotations

import logging
import os
import pwd
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import click
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from portal import migrate
from portal.app import create_app
from portal.config import BadSetting, Settings
from portal.core.audit import Actor
from portal.core.errors import Refusal
from portal.db import db, first_line
from storage_backends import StorageError


@click.group()
@click.version_option(package_name="recordings-portal")
def main() -> None:
    """The recordings portal."""
    os.umask(0o077)  # whatever is made in the data folder is its owner's alone
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")


def command(function: Callable[..., None]) -> click.Command:
    """A command of `portal` itself."""
    return group_command(main)(function)


def group_command(group: click.Group) -> Callable[[Callable[..., None]], click.Command]:
    """A command of this group whose refusals are one sentence on stderr and exit status 1."""

    def add(function: Callable[..., None]) -> click.Command:
        @wraps(function)
        def run(*args: Any, **options: Any) -> None:
            try:
                function(*args, **options)
            except (BadSetting, Refusal, StorageError, ValueError) as problem:
                raise click.ClickException(str(problem)) from problem
            except SQLAlchemyError as problem:
                said = first_line(problem)
                raise click.ClickException(f"The database failed: {said}") from problem

        return group.command(function.__name__.rstrip("_").replace("_", "-"))(run)

    return add


@contextmanager
def application(existing: bool = False) -> Iterator[Settings]:
    """The application's context, on a database that is at this version.

    With `existing`, raises BadSetting instead of making an empty portal where there is none.
    """
    settings = existing_settings() if existing else Settings.from_env()
    with create_app(settings).app_context():
        migrate.upgrade(db.engine)
        yield settings


def existing_settings() -> Settings:
    """The settings of a portal that is there. Raises BadSetting."""
    settings = Settings.from_env()
    url = make_url(settings.database_url)
    sqlite = url.get_backend_name() == "sqlite"
    if not settings.data_dir.is_dir() or (sqlite and not Path(url.database or "").exists()):
        raise BadSetting(f"There is no portal in {settings.data_dir}; set PORTAL_DATA_DIR.")
    return settings


def operator() -> Actor:
    """Whoever sits at the shell, as far as the operating system knows."""
    number = os.getuid()
    try:
        name = pwd.getpwuid(number).pw_name
    except KeyError:  # in a container, say
        name = f"uid {number}"
    return Actor("shell", None, f"{name} (shell)")
