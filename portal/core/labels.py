"""How tags and departments are written, so that the same word is always the same text."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from portal.core.models import LONGEST_LABEL

DEPARTMENT_KEYS = ("department", "departamento")


def clean(text: str) -> str | None:
    """The label in small letters, with single blanks; None if there is none to be made of it."""
    composed = unicodedata.normalize("NFKC", text)
    cleaned = " ".join(unicodedata.normalize("NFKC", composed.casefold()).split())
    fits = 0 < len(cleaned) <= LONGEST_LABEL and cleaned.isprintable()
    return cleaned if fits else None


def department_of(details: Mapping[str, str]) -> str | None:
    """The department that a client named: `department` in its metadata, else `departamento`."""
    named = (details[key] for key in DEPARTMENT_KEYS if key in details)
    return next((clean(each) for each in named), None)
