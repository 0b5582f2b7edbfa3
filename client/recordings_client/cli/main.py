"""The console script `recordings`: from words to an exit code."""

from __future__ import annotations

import logging
import os
import signal
import sqlite3
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

from recordings_client.cli import exits
from recordings_client.cli.arguments import read
from recordings_client.cli.exits import Quit, Terminated
from recordings_client.cli.screen import Screen, ToStderr
from recordings_client.errors import ApiError


def main(words: Sequence[str] | None = None) -> int:
    given = sys.argv[1:] if words is None else words
    screen = Screen("--json" in given)
    signal.signal(signal.SIGTERM, _terminate)
    try:
        args = read(given)
        _log(args.verbose)
        return int(args.run(args, screen))
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exits.LOCAL
    except KeyboardInterrupt as end:
        return exits.TERMINATED if isinstance(end, Terminated) else exits.INTERRUPTED
    except (Quit, ApiError, OSError, sqlite3.Error) as error:
        return screen.fail(*_last_word(error))


def _last_word(error: Quit | ApiError | OSError | sqlite3.Error) -> tuple[str, int]:
    """A sentence, and the exit code."""
    if isinstance(error, Quit):
        return error.sentence, error.code
    if isinstance(error, ApiError):
        return error.message, exits.of_kind(type(error).__name__)
    if isinstance(error, sqlite3.Error):
        return f"The queue cannot be used: {error}. «recordings doctor» looks at it.", exits.LOCAL
    return f"{error.filename or 'This machine'}: {error.strerror or error}", exits.LOCAL


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    raise Terminated


def _log(verbose: bool) -> None:
    """The client's own words, of which commands tell most in theirs."""
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        handlers=[ToStderr()],
        format="%(message)s",
    )
    if not verbose:
        logging.getLogger("recordings_client.walk").setLevel(logging.ERROR)
        logging.getLogger("recordings_client.upload_client").setLevel(logging.ERROR)


if __name__ == "__main__":
    sys.exit(main())
