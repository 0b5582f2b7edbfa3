"""Commands about accounts: who there is, what they may, and what they reach."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import click

from portal.cli.command import application, command, operator
from portal.core import accounts, scopes
from portal.core.accounts import scope_of
from portal.core.models import User
from portal.core.roles import ROLE_MAY
from portal.db import db


def with_scope(function: Callable[..., None]) -> Callable[..., None]:
    """The options that name recordings: each may come several times, and each adds to the rest."""
    for option, what in (
        ("department", "A department whose recordings are reached."),
        ("tag", "A tag whose recordings are reached."),
        ("source", "A source whose recordings are reached, such as calls; * is everything."),
    ):
        add: Any = click.option(f"--{option}", f"{option}s", multiple=True, help=what)
        function = add(function)
    return function


@command
@click.argument("email")
@click.option("--role", type=click.Choice(list(ROLE_MAY)), required=True)
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@with_scope
def create_user(email: str, role: str, password_stdin: bool, **named: tuple[str, ...]) -> None:
    """Create an account."""
    scope, password = scopes.words(**named), _read_password(password_stdin)
    with application():
        user = accounts.create_user(db.session, email, role, password, scope)
        click.echo(f"Created {user.email} ({user.role}).")
        _tell_nothing(user)


def _tell_nothing(user: User) -> None:
    if scope_of(user).nothing:
        click.echo("The account reaches no recordings yet: see `portal set-scope`.", err=True)


@command
@click.argument("email")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
def set_password(email: str, password_stdin: bool) -> None:
    """Give an account a new password; its open sessions end."""
    password = _read_password(password_stdin)
    with application(existing=True):
        accounts.set_password(db.session, email, password, operator())
        click.echo("The password is changed.")


def _read_password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))


@command
@click.argument("email")
@click.argument("role", type=click.Choice(list(ROLE_MAY)))
def set_role(email: str, role: str) -> None:
    """Give an account another role; its open sessions end."""
    with application(existing=True):
        user = accounts.set_role(db.session, operator(), email, role)
        click.echo(f"{user.email} is {user.role} now.")
        _tell_nothing(user)


@command
@click.argument("email")
@with_scope
def set_scope(email: str, **named: tuple[str, ...]) -> None:
    """Say anew which recordings an account reaches; without any option, none."""
    with application(existing=True):
        user = accounts.set_scope(db.session, operator(), email, scopes.words(**named))
        click.echo(f"{user.email} reaches: {', '.join(user.scope) or 'nothing'}.")


@command
@click.argument("email")
def disable_user(email: str) -> None:
    """Shut an account: nobody signs in with it, its sessions and tokens end at once."""
    with application(existing=True):
        user = accounts.disable(db.session, operator(), email)
        click.echo(f"{user.email} is disabled.")


@command
@click.argument("email")
def enable_user(email: str) -> None:
    """Open a disabled account again; its tokens work as before."""
    with application(existing=True):
        user = accounts.enable(db.session, operator(), email)
        click.echo(f"{user.email} is enabled.")


@command
@click.argument("email")
def end_sessions(email: str) -> None:
    """Sign an account out in every browser."""
    with application(existing=True):
        count = accounts.end_sessions(db.session, operator(), email)
        click.echo(f"{count} session(s) ended.")
