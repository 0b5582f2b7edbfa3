"""The reason that a form asks for: what to mend about it, said before anything is done."""

from __future__ import annotations

from flask import request
from flask_babel import gettext

from portal.core import approvals
from portal.core.errors import InvalidRequest


def problem(missing: str, field: str = "reason") -> str | None:
    """The sentence to show at the field, None if it can be kept. `missing`: said if it is empty."""
    text = request.form.get(field, "")
    if not text.strip():
        return missing
    try:
        approvals.said(text)
    except InvalidRequest:
        return gettext("Write plain text of up to 2,000 characters.")
    return None
