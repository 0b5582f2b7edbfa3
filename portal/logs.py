"""What the programs tell of themselves: one line each on standard error, as text or as JSON, with
the request or the job that it belongs to.

Secrets are not put into lines. Should one come along in an address or in another program's words,
it is blotted out here, last of all.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

NOT_SAID = ""
"""What the lines of no request say of it."""
_NOTHING: Mapping[str, str] = MappingProxyType({})
_carried: ContextVar[Mapping[str, str]] = ContextVar("carried", default=_NOTHING)

_SECRETS = (
    (re.compile(r"\?(?=[\w%.~-]+=)[^\s'\"<>)\]]*"), "?…"),  # the query of an address
    (re.compile(r"(?<=://)[^\s/@'\"]+@"), "…@"),  # the account before its host
    (re.compile(r"(?i)\b(bearer|basic)(\s+)[^\s'\",;]+"), r"\1\2…"),
    (re.compile(r"\b(rp_[\w-]+?_|pass_|portal_session=|eyJ)[\w.=-]+"), r"\1…"),
)


def carry(**names: str) -> None:
    """From now on the lines of this thread say these of themselves (`request_id`, `job`), and
    nothing that they said before."""
    _carried.set({name: value for name, value in names.items() if value})


def request_id() -> str:
    """The number of the request that this thread serves, or whose work it does."""
    return _carried.get().get("request_id", NOT_SAID)


def begin(form: str, program: str, level: int = logging.WARNING) -> None:
    """All lines of this process go to standard error from now on. `form`: plain or json."""
    handler = logging.StreamHandler()
    handler.setFormatter(AsJson(program) if form == "json" else AsText(program))
    logging.basicConfig(level=level, handlers=[handler], force=True)


class AsText(logging.Formatter):
    """Time, level, program, what it is about, and the sentence. Further lines are indented, so that
    none that begins with a time was made up by a client."""

    def __init__(self, program: str) -> None:
        super().__init__()
        self.program = program

    def format(self, record: logging.LogRecord) -> str:
        about = " ".join(_carried.get().values())
        words = [_when(record), record.levelname, self.program, record.name]
        words += [f"[{about}]"] * bool(about)
        first, *further = map(_printable, [*_message(record).split("\n"), *_traceback(record)])
        return "".join([" ".join([*words, first]), *(f"\n    {line}" for line in further)])


class AsJson(logging.Formatter):
    """One JSON object a line; an access has its facts by name, too."""

    def __init__(self, program: str) -> None:
        super().__init__()
        self.program = program

    def format(self, record: logging.LogRecord) -> str:
        said: dict[str, Any] = {
            "time": _when(record),
            "level": record.levelname.lower(),
            "program": self.program,
            "logger": record.name,
            "message": _message(record),
        }
        said |= _carried.get() | getattr(record, "facts", {})
        if traceback := _traceback(record):
            said["traceback"] = "\n".join(traceback)
        return json.dumps(said)


def blotted(text: str) -> str:
    """The text without what may let somebody in: tokens, cookies, queries of addresses."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


def _when(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _message(record: logging.LogRecord) -> str:
    return blotted(record.getMessage())


def _traceback(record: logging.LogRecord) -> list[str]:
    if not record.exc_info or record.exc_info[0] is None:
        return []
    return blotted(logging.Formatter().formatException(record.exc_info)).splitlines()


def _printable(text: str) -> str:
    """What could end a line, or move a terminal's cursor, as an escape."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)
