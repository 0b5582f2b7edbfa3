"""How the values of the configuration are read, from JSON as well as from text of the environment.

Each reader returns the value or raises ValueError with what is expected instead, as the end of the
sentence «write …».
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from recordings_client.hours import Hours, days_of

KIB = 1024
WINDOWS = 'a list such as [{"from": "19:00", "to": "07:00", "days": "mon-fri"}]'
DAY_LIMIT = '{"from": "08:00", "to": "18:00", "days": "mon-fri", "kib_per_second": 512}'
LIMITS = f"a list such as [{DAY_LIMIT}]"
HOURS, RATE = {"from", "to", "days"}, "kib_per_second"

Reader = Callable[[Any], Any]


@dataclass(frozen=True)
class Limit:
    """So many bytes a second at most, in these hours."""

    hours: Hours
    bytes_per_second: int


def boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = value.strip().lower() if isinstance(value, str) else ""
    if word in ("true", "on", "yes", "1"):
        return True
    if word in ("false", "off", "no", "0"):
        return False
    raise ValueError("true or false")


def whole(least: int, most: int, unit: str) -> Reader:
    def read(value: Any) -> int:
        number = int(value) if isinstance(value, str) and _is_number(value) else value
        if type(number) is not int or not least <= number <= most:
            raise ValueError(f"a whole number of {unit} from {least} to {most}")
        return number

    return read


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 12


def address(value: Any) -> str:
    expected = "an address such as https://recordings.example.org/api, without a password in it"
    if not isinstance(value, str) or not (value == "" or _is_address(value)):
        raise ValueError(expected)
    return value.rstrip("/")


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        host, port = (parts.hostname or "").encode("idna"), parts.port
    except ValueError:
        return False
    unfit = parts.username or parts.password or parts.query or parts.fragment or " " in text
    return bool(parts.scheme in ("http", "https") and host and port != 0 and not unfit)


def secret(value: Any) -> str:
    fit = isinstance(value, str) and value.isascii() and value.isprintable() and " " not in value
    if not fit:
        raise ValueError("the token as the portal gave it")
    return str(value)


def folder(value: Any) -> Path:
    if not isinstance(value, str | Path):
        raise ValueError("the path of a folder")
    return Path(value).expanduser()


def windows(value: Any) -> tuple[Hours, ...]:
    return tuple(_hours(each, WINDOWS) for each in _listed(value, WINDOWS))


def limits(value: Any) -> tuple[Limit, ...]:
    return tuple(_limit(each) for each in _listed(value, LIMITS))


def _limit(value: dict[str, Any]) -> Limit:
    hours = {name: each for name, each in value.items() if name != RATE}
    try:
        rate = whole(1, 10**9, "KiB")(value.get(RATE))
    except ValueError:
        raise ValueError(LIMITS) from None
    return Limit(_hours(hours, LIMITS), rate * KIB)


def _listed(value: Any, expected: str) -> list[dict[str, Any]]:
    if isinstance(value, str):
        try:
            value = json.loads(value or "[]")
        except ValueError:
            raise ValueError(expected) from None
    if not isinstance(value, list | tuple) or not all(isinstance(each, dict) for each in value):
        raise ValueError(expected)
    return list(value)


def _hours(value: dict[str, Any], expected: str) -> Hours:
    """Without `from` and `to`, the whole day; without `days`, every day."""
    try:
        if not value.keys() <= HOURS:
            raise ValueError(expected)
        start, end = _clock(value.get("from", "00:00")), _clock(value.get("to", "00:00"))
        return Hours(start, end, days_of(value.get("days", "mon-sun")))
    except (ValueError, TypeError, AttributeError):
        raise ValueError(expected) from None


def _clock(text: str) -> time:
    """Of this machine: raises ValueError for a time of some zone."""
    found = time.fromisoformat(text)
    if found.tzinfo is not None:
        raise ValueError(text)
    return found
