"""Every setting of the client: its name, its default, one sentence; and where settings come from.

They stand in the section `api` of a JSON file, as the recorder's `config.json` has it; variables
of the environment named RECORDINGS_ and the setting in capitals (RECORDINGS_BASE_URL) win.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from recordings_client import token_box
from recordings_client.errors import ValidationError
from recordings_client.hours import Hours
from recordings_client.option_types import (
    Limit,
    Reader,
    address,
    boolean,
    folder,
    limits,
    secret,
    whole,
    windows,
)

log = logging.getLogger(__name__)
PREFIX = "RECORDINGS_"
SECTION = "api"


def default_state_dir() -> Path:
    """Where this account's queue is kept, unless `state_dir` says something else."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    else:
        base = Path(os.environ.get("XDG_STATE_HOME", Path.home() / ".local" / "state"))
    return base / "recordings-client"


def option(default: Any, reader: Reader, sentence: str, *, shown: bool = True) -> Any:
    """A setting as a field of the dataclass."""
    about = {"reader": reader, "sentence": sentence}
    if callable(default):
        return field(default_factory=default, metadata=about, repr=shown)
    return field(default=default, metadata=about, repr=shown)


@dataclass(frozen=True)
class ClientSettings:
    """All that a user can set. Build it with `load`, which checks; the token is in no repr."""

    enabled: bool = option(False, boolean, "Whether recordings are sent at all.")
    base_url: str = option("", address, "The portal's address, which ends with /api.")
    api_token: str = option("", secret, "The portal's token.", shown=False)
    auto_upload: bool = option(False, boolean, "Send each recording as soon as it is finished.")
    upload_timeout: int = option(
        60, whole(1, 86_400, "seconds"), "Give a connection up when nothing moves for so long."
    )
    max_retries: int = option(
        3, whole(0, 1000, "tries"), "How often to try again without progress, before it failed."
    )
    max_concurrent_uploads: int = option(
        2, whole(1, 32, "uploads"), "How many files are sent at once."
    )
    delete_after_upload: bool = option(
        False, boolean, "Delete a file once the portal has it, available and with its SHA-256."
    )
    upload_older_recordings: bool = option(
        True, boolean, "Whether recordings from before are looked for and sent."
    )
    max_file_age_days: int = option(
        30, whole(1, 36_500, "days"), "How old such recordings may be, and how long we remember."
    )
    chunk_size_mb: int = option(
        256, whole(1, 1024, "MiB"), "Bytes of one request; what arrived of a cut one counts too."
    )
    bandwidth_limits: tuple[Limit, ...] = option(
        (),
        limits,
        "How fast to send in which hours, all files together; the first that fits counts.",
    )
    upload_windows: tuple[Hours, ...] = option(
        (), windows, "When to send at all; always, if there are none."
    )
    direct_uploads: bool = option(
        True, boolean, "Put bytes straight into the storage, where the portal offers it."
    )
    state_dir: Path = option(default_state_dir, folder, "The folder of the queue.")

    @classmethod
    def load(
        cls,
        source: Path | str | Mapping[str, Any] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> ClientSettings:
        """Read a JSON file or its content, and the environment. Raises ValidationError, whose
        message names every wrong value."""
        if isinstance(source, str | Path):
            said = _section(_read(Path(source)), str(source))
            made = cls._checked(said, os.environ if environ is None else environ)
            _protect(Path(source), said, made)
            return made
        said = _section(dict(source or {}), "the settings")
        return cls._checked(said, os.environ if environ is None else environ)

    @classmethod
    def _checked(cls, said: dict[str, Any], environ: Mapping[str, str]) -> ClientSettings:
        readers = {each.name: each.metadata["reader"] for each in fields(cls)}
        values: dict[str, Any] = {}
        wrong: dict[str, str] = {}
        for place, name, value in _told(said, environ, list(readers)):
            try:
                values[name] = readers[name](value)
            except ValueError as error:
                wrong[name] = f"{place}: write {error}, not {_shown(name, value)}."
        made = cls(**values)
        if wrong := made._missing() | wrong:
            raise ValidationError(" ".join(wrong.values()))
        token = token_box.reveal(made.api_token, made.state_dir)
        return cls(**values | {"api_token": token})

    def _missing(self) -> dict[str, str]:
        """What cannot be left out, and a sentence about it."""
        needed = {"base_url": self.base_url, "api_token": self.api_token} if self.enabled else {}
        missing = [name for name, value in needed.items() if not value]
        return {name: f"{SECTION}.{name}: write it, or switch enabled off." for name in missing}


def _shown(name: str, value: object) -> str:
    """A wrong value as a message repeats it: no token, and no password of an address."""
    return "what it holds" if name == "api_token" or "@" in str(value) else repr(value)


def settings_of(source: object) -> ClientSettings:
    """The settings in whatever a recorder has: ours, the content of its JSON file, or an object
    with attributes such as API_BASE_URL. Raises ValidationError."""
    if isinstance(source, ClientSettings):
        return source
    if isinstance(source, str | Path | Mapping):
        return ClientSettings.load(source)
    said = {}
    for each in fields(ClientSettings):
        attribute = "API_" + each.name.removeprefix("api_").upper()
        if hasattr(source, attribute):
            said[each.name] = getattr(source, attribute)
    return ClientSettings.load({SECTION: said})


def _told(
    said: dict[str, Any], environ: Mapping[str, str], names: list[str]
) -> Iterator[tuple[str, str, Any]]:
    """Where each value stands, its setting's name, and the value; what comes later wins."""
    for name, value in said.items():
        if name in names:
            yield f"{SECTION}.{name}", name, value
        else:
            log.warning("There is no setting %s.%s; it is not used.", SECTION, name)
    for name in names:
        variable = PREFIX + name.upper()
        if variable in environ:
            yield variable, name, environ[variable]


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_bytes())  # in UTF-8 or UTF-16, as Windows writes it
    except OSError as error:
        raise ValidationError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise ValidationError(f"{path} is no JSON: {error}.") from error
    if not isinstance(document, dict):
        raise ValidationError(f"{path} must hold a JSON object with a section «{SECTION}».")
    return document


def _section(document: dict[str, Any], place: str) -> dict[str, Any]:
    section = document.get(SECTION, {})
    if not isinstance(section, dict):
        raise ValidationError(f"The section «{SECTION}» of {place} must be a JSON object.")
    return section


def _protect(path: Path, said: dict[str, Any], made: ClientSettings) -> None:
    """Put the encrypted form of a token into the file, in place of the plain one."""
    plain = said.get("api_token")
    if not plain or token_box.is_sealed(plain):
        return
    if not token_box.is_ours(path):
        log.warning("The token stays readable in %s until its owner begins to send.", path)
        return
    sealed = token_box.seal(plain, made.state_dir)
    document = _read(path)
    document[SECTION]["api_token"] = sealed
    try:
        token_box.replace_file(path, json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    except OSError as error:
        log.warning("The token stays readable in %s: %s.", path, error.strerror)
