"""The commands of `recordings` and their options. A token is none of them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any, NoReturn

from recordings_client.cli import doctor, queueing, recordings, uploading, watching
from recordings_client.cli.exits import MEANINGS, USAGE, Quit

REFUSAL = (
    "A token on the command line can be read by everybody on this machine. Put it into"
    " RECORDINGS_API_TOKEN, the configuration file, or a file for --token-file; and as this one"
    " has been shown, let it be replaced on the portal."
)


class Parser(argparse.ArgumentParser):
    """Abbreviates nothing, and repeats nothing that may be a secret."""

    def __init__(self, **named: Any) -> None:
        super().__init__(**named, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        if "invalid choice" in message:
            message = "There is no such command"
        raise Quit(f"{message}. See {self.prog} --help.", USAGE)


class Refused(argparse.Action):
    """For --token."""

    def __call__(self, *given: object, **named: object) -> NoReturn:
        raise Quit(REFUSAL, USAGE)


def read(words: Sequence[str] | None = None) -> argparse.Namespace:
    """What was asked for; `run` in it is the command. Raises Quit for what does not exist."""
    args, rest = parser().parse_known_args(sys.argv[1:] if words is None else words)
    if rest:
        names = [each.partition("=")[0] for each in rest if each.startswith("-")]
        wrong = f"no option {' or '.join(names)}" if names else "a word too many"
        raise Quit(f"There is {wrong}. See recordings --help.", USAGE)
    return args


def parser() -> Parser:
    codes = "\n".join(f"  {code:3}  {meaning}" for code, meaning in MEANINGS.items())
    made = Parser(
        prog="recordings",
        description="Sends recordings to a recordings portal, and fetches them.",
        epilog=f"exit codes:\n{codes}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _refuse_token(made)
    made.add_argument("--version", action="version", version=version("recordings-client"))
    commands = made.add_subparsers(required=True, metavar="COMMAND", dest="command")
    for add in (_upload, _watch, _status, _retry, _list, _download, _verify, _doctor):
        add(commands)
    return made


def _command(commands: Any, name: str, run: Any, sentence: str) -> Any:
    made = commands.add_parser(name, help=sentence, description=sentence)
    made.set_defaults(run=run)
    made.add_argument("--config", metavar="FILE", help="JSON with a section «api»")
    made.add_argument("--token-file", metavar="FILE", help="a file that holds only the token")
    _refuse_token(made)
    made.add_argument("--json", action="store_true", help="for machines: JSON on stdout")
    made.add_argument("--verbose", action="store_true", help="tell more on stderr")
    return made


def _refuse_token(made: Parser) -> None:
    made.add_argument("--token", "--api-token", nargs="?", action=Refused, help=argparse.SUPPRESS)


def _upload(commands: Any) -> None:
    sentence = "Queue files and send them; without any, go on with what waits."
    made = _command(commands, "upload", uploading.run, sentence)
    made.add_argument("paths", nargs="*", metavar="PATH", help="a file, or a folder of recordings")
    made.add_argument("--metadata", metavar="FILE", help="JSON about the one file; else found")
    made.add_argument("--session-id", metavar="NAME", help="else that of its metadata or name")
    made.add_argument("--set", action="append", metavar="NAME=VALUE", help="a detail of all files")
    made.add_argument("--wait", action="store_true", help="until the recordings are available")
    made.add_argument("--parallel", type=_whole, metavar="N", help="files at once")


def _watch(commands: Any) -> None:
    sentence = "Send what becomes complete in folders, until SIGTERM or Ctrl-C."
    made = _command(commands, "watch", watching.run, sentence)
    made.add_argument("folders", nargs="+", metavar="DIR")
    seconds = {"type": _seconds, "metavar": "SECONDS"}
    made.add_argument(
        "--still", default=30.0, help="complete is what stood still so long", **seconds
    )
    made.add_argument("--look-every", default=5.0, help="between two looks", **seconds)
    tries = "between two tries of what failed for the network, the server or the token"
    made.add_argument("--retry-every", default=300.0, help=tries, **seconds)


def _status(commands: Any) -> None:
    made = _command(commands, "status", queueing.status, "Show what is in the queue.")
    made.add_argument("--all", action="store_true", help="completed ones too")


def _retry(commands: Any) -> None:
    made = _command(commands, "retry", queueing.retry, "Try again what has failed.")
    made.add_argument(
        "tasks", nargs="*", metavar="TASK", help="an id, a file or its name; else all"
    )


def _list(commands: Any) -> None:
    made = _command(commands, "list", recordings.listing, "List recordings; needs the scope read.")
    for name in recordings.FILTERS:
        made.add_argument(f"--{name.replace('_', '-')}", metavar="VALUE")
    made.add_argument("--limit", type=_whole, default=100, metavar="N", help="100 without it")


def _download(commands: Any) -> None:
    sentence = "Fetch recordings and compare them; needs the scope read."
    made = _command(commands, "download", recordings.download, sentence)
    made.add_argument("file_ids", nargs="+", metavar="FILE_ID")
    made.add_argument("--to", default=".", metavar="PATH", help="a folder, or a file's name")


def _verify(commands: Any) -> None:
    sentence = "Compare a file with the SHA-256 of what the portal has."
    made = _command(commands, "verify", recordings.verify, sentence)
    made.add_argument("file", metavar="FILE")
    made.add_argument("--id", metavar="FILE_ID", help="else what the queue says that it became")


def _doctor(commands: Any) -> None:
    sentence = "Look at configuration, portal, clock, token, disk and queue."
    _command(commands, "doctor", doctor.run, sentence)


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) > 0):
        raise argparse.ArgumentTypeError("write a whole number from 1 on")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise argparse.ArgumentTypeError("write a number of seconds")
    return seconds
