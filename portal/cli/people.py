"""Commands about accounts and their tokens."""

from __future__ import annotations

import sys

import click

from portal.cli.command import application, command
from portal.core import accounts, tokens
from portal.core.accounts import ROLE_MAY
from portal.core.audit import SYSTEM
from portal.db import db


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
