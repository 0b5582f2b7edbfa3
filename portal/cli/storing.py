"""Commands about storages: do they work, which are there, and what goes where."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from portal.cli.command import application, command, existing_settings, operator
from portal.config import Settings
from portal.core import storage_changes, storages
from portal.core.models import Storage, StorageRule
from portal.core.storages import MAIN, STAGING
from portal.db import db
from portal.storage import stores
from storage_backends import StorageError, Store, open_store
from storage_backends.trial import try_out


@command
@click.argument("names", nargs=-1, metavar="[NAME]...")
def check_storage(names: tuple[str, ...]) -> None:
    """Try storages, step by step, and say what does not work: those named, or main and staging."""
    settings = existing_settings()
    if names:
        with application(existing=True):
            good = [_works(name, stores.of(db.session, name)) for name in names]
    else:  # works without a database, too
        good = [_works(name, store) for name, store in _fixed(settings)]
    if not all(good):
        raise StorageError("The storage cannot be used as it is.")


def _fixed(settings: Settings) -> list[tuple[str, Store]]:
    return [
        (f"{name}, {url}", open_store(url, settings.strict, make=False))
        for name, url in ((MAIN, settings.storage_url), (STAGING, settings.staging_url))
    ]


def _works(name: str, store: Store) -> bool:
    click.echo(f"Storage: {name}")
    problems = []
    for step in try_out(store):
        click.echo(f"  {step.name:20} {step.seconds * 1000:7.1f} ms  {step.problem or 'ok'}")
        problems += [step.problem] if step.problem else []
    return not problems


@command
def storages_() -> None:
    """Name the storages, and the rules that send recordings to them."""
    with application(existing=True):
        for name in stores.ids(db.session):
            row = db.session.get(Storage, name)
            click.echo(f"{name:20} {row.url if row else 'not used yet'}")
        for rule in storages.rules(db.session):
            click.echo(f"rule {rule.position}: {_described(rule)} → {rule.storage_id}")


def _described(rule: StorageRule) -> str:
    said = [f"source {rule.source}"] if rule.source else []
    said += [f"kind {rule.kind}"] if rule.kind else []
    said += [f"{rule.at_least} bytes or more"] if rule.at_least else []
    return ", ".join(said) or "everything"


@command
@click.argument("name")
@click.argument("url")
@click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="Such as region=…")
@click.option("--secrets-stdin", is_flag=True, help="Read further options from standard input.")
@click.option("--adopt", is_flag=True, help="Take it over from another portal's database.")
def add_storage(
    name: str, url: str, options: tuple[str, ...], secrets_stdin: bool, adopt: bool
) -> None:
    """Add a further storage, or give the one of this name other options.

    Options are named as in docs/storage.md. Secrets belong on standard input, one NAME=VALUE a
    line, where no history and no list of processes shows them.
    """
    said = _pairs(options)
    if any(storages.is_secret(url, each) for each in said):
        raise ValueError("Secrets come on standard input: use --secrets-stdin.")
    said |= _pairs(sys.stdin.read().splitlines() if secrets_stdin else ())
    with application(existing=True):
        storage_changes.add(db.session, stores, operator(), name, url, said, adopt)
        click.echo(f"Added {name}. Try it: portal check-storage {name}")


def _pairs(lines: Sequence[str]) -> dict[str, str]:
    pairs = [line.partition("=") for line in lines if line.strip()]
    if any(not (equals and value) for _, equals, value in pairs):
        raise ValueError("Write options as NAME=VALUE.")
    return {name.strip(): value.strip() for name, _, value in pairs}


@command
@click.argument("name")
def remove_storage(name: str) -> None:
    """Forget a further storage that holds nothing."""
    with application(existing=True):
        storage_changes.remove(db.session, stores, operator(), name)
        click.echo(f"Forgot {name}; nothing in it was touched.")


@command
@click.argument("name")
@click.option("--source", help="Only recordings that came by this contract.")
@click.option("--kind", type=click.Choice(["audio", "video"]), help="Only these.")
@click.option("--at-least", type=click.IntRange(0), help="Only so many bytes or more.")
def add_storage_rule(name: str, source: str | None, kind: str | None, at_least: int | None) -> None:
    """Send new recordings to a storage; of several rules that fit, the first decides."""
    with application(existing=True):
        rule = storage_changes.add_rule(db.session, operator(), name, source, kind, at_least)
        click.echo(f"Rule {rule.position}: {_described(rule)} → {name}")


@command
@click.argument("position", type=int)
def drop_storage_rule(position: int) -> None:
    """Drop a rule; recordings stay where they are."""
    with application(existing=True):
        storage_changes.drop_rule(db.session, operator(), position)
        click.echo(f"Dropped rule {position}.")
