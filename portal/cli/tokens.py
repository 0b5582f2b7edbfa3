"""Commands about bearer tokens."""

from __future__ import annotations

import click

from portal.cli.command import application, command, operator
from portal.cli.people import with_scope
from portal.core import scopes, tokens
from portal.core.audit import SYSTEM
from portal.core.errors import NotFound
from portal.core.models import is_id
from portal.core.scopes import ALL
from portal.db import db


@command
@click.option("--user", "email", required=True, help="Whose token it is.")
@click.option("--scope", "chosen", type=click.Choice(tokens.SCOPES), multiple=True, required=True)
@click.option("--lead", "leads", multiple=True, help="A lead whose calls it may touch; * is all.")
@with_scope
def create_token(
    email: str, chosen: tuple[str, ...], leads: tuple[str, ...], **named: tuple[str, ...]
) -> None:
    """Make a bearer token and print it, alone, on standard output. It is never shown again."""
    scope = scopes.words(**named) or [ALL]
    with application(existing=True):
        made = tokens.create_token(db.session, email, list(chosen), None, list(leads), scope)
        click.echo(made)
        owner = tokens.caller_by_token(db.session, made, SYSTEM)
    if "upload" in chosen and "upload" not in owner.rights:
        click.echo(f"The role {owner.role} may not upload; nor may this token.", err=True)


@command
@click.argument("token_id")
def revoke_token(token_id: str) -> None:
    """End a token, by the id between its two “_”."""
    if not is_id(token_id):
        raise NotFound("This is no id of a token; it stands between the token's two “_”.")
    with application(existing=True):
        tokens.revoke(db.session, operator(), token_id)
        click.echo(f"Revoked {token_id}.")
