"""Which settings a command has: of a file, of the environment, and the token of a file.

The command line is itself the wish to send, so `enabled` is not asked here.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path

from recordings_client.cli.exits import TOKEN, USAGE, Quit
from recordings_client.errors import ValidationError
from recordings_client.options import ClientSettings
from recordings_client.upload_client import RecordingUploadClient

log = logging.getLogger(__name__)
VARIABLE = "RECORDINGS_CONFIG"
OTHERS = 0o077


def usual_file() -> Path:
    """The configuration file of this account, whether it is there or not."""
    if sys.platform == "win32":
        base = Path(os.environ.get("APPDATA", Path.home() / "AppData" / "Roaming"))
    else:
        base = Path(os.environ.get("XDG_CONFIG_HOME", Path.home() / ".config"))
    return base / "recordings-client" / "config.json"


def file_of(args: argparse.Namespace) -> Path | None:
    """The configuration file that counts; None where there is none."""
    named = args.config or os.environ.get(VARIABLE)
    if named:
        return Path(named)
    return usual_file() if usual_file().exists() else None


def settings_for(args: argparse.Namespace) -> ClientSettings:
    """Raises Quit for wrong values, AuthenticationError for a token that cannot be opened."""
    environ = dict(os.environ)
    if args.token_file:
        environ["RECORDINGS_API_TOKEN"] = token_in(Path(args.token_file))
    try:
        return ClientSettings.load(file_of(args), environ)
    except ValidationError as error:
        raise Quit(error.message, USAGE) from error


def token_in(path: Path) -> str:
    """What stands in this file. Raises Quit if that is nothing."""
    try:
        token = path.read_text("utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Quit(f"The token cannot be read from {path}: {_why(error)}.", TOKEN) from error
    if not token:
        raise Quit(f"{path} is empty; write the token into it.", TOKEN)
    if sys.platform != "win32" and path.stat().st_mode & OTHERS:
        log.warning("Other accounts can read the token in %s; use chmod 600.", path)
    return token


def _why(error: OSError | UnicodeDecodeError) -> str:
    return (error.strerror or "") if isinstance(error, OSError) else "it is no text"


def client_of(settings: ClientSettings) -> RecordingUploadClient:
    """Raises Quit if it is not said where to, or with which token."""
    if not settings.base_url:
        places = f"RECORDINGS_BASE_URL or api.base_url in {usual_file()}"
        raise Quit(f"Say where the portal is: {places}, such as https://host/api.", USAGE)
    if not settings.api_token:
        places = f"RECORDINGS_API_TOKEN, in api.api_token in {usual_file()}"
        raise Quit(f"There is no token: put it into {places}, or into a --token-file.", TOKEN)
    return RecordingUploadClient(
        settings.base_url, settings.api_token, settings.upload_timeout, settings.max_retries
    )
