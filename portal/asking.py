"""The reason that a request carries for being served a recording."""

from collections.abc import Mapping
from types import MappingProxyType

from flask import current_app

from portal.core.errors import InvalidRequest
from portal.core.reasons import Asked, Reason
from portal.parsing import plain

FIELDS = {
    "reason": "Why, where the source is sensitive: complaint, incident, sampling, legal or other.",
    "reason_text": "The same in words or as a case number, at most 500 characters.",
}
_NOTHING: Mapping[str, str] = MappingProxyType({})


def asked(fields: Mapping[str, str] = _NOTHING) -> Asked:
    """Of a form or a query. Raises InvalidRequest."""
    code, text = fields.get("reason"), fields.get("reason_text", "").strip()
    if not plain(text.replace("\n", " ").replace("\r", "")):
        raise InvalidRequest("The reason may have plain characters only.")
    sources: tuple[str, ...] = current_app.config["SETTINGS"].ask_reason
    return Asked(sources, Reason(code, text) if code else None)
