"""The form of the retention rules: rows of text fields, as typed, and the rules that they say.

What was typed is never lost: every answer shows the rows again, wrong ones with a sentence at the
field.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

from flask import request
from flask_babel import LazyString, lazy_gettext

from portal.core.errors import InvalidRequest
from portal.core.labels import clean
from portal.core.retention import checking
from portal.core.retention.deciding import Rule
from portal.core.retention.presets import PRESETS

Row = dict[str, str]
FIELDS = ("name", "source", "kind", "tag", "department", "min", "max", "keep", "delete")
FOREVER = "forever"
MB = 1_000_000
Problems = dict[tuple[int, str], LazyString]
"""What is wrong, by the row's place and the form's field."""

SENTENCES: dict[str, LazyString] = {
    "name": lazy_gettext("Give the rule a name of up to 100 characters."),
    "same_name": lazy_gettext("Another rule has this name already."),
    "word": lazy_gettext("Use up to 64 letters, digits and signs, or choose from the list."),
    "days": lazy_gettext("Write whole days, up to 36,500; deletion needs one at least."),
    "sizes": lazy_gettext("The largest size is smaller than the smallest one."),
    "number": lazy_gettext("Write a number, or leave it empty."),
}
OF_RULE = {"min_size": "min", "max_size": "max", "keep_days": "keep", "delete_days": "delete"}
"""The form's names of a rule's fields, where they differ."""


def typed() -> list[Row]:
    """The rows as they were sent. Raises InvalidRequest for what no form of ours sends."""
    columns = {name: request.form.getlist(name) for name in FIELDS}
    forever = set(request.form.getlist(FOREVER))
    if len({len(column) for column in columns.values()}) != 1:
        raise InvalidRequest("This form is damaged; open the page again.")
    rows = [dict(zip(FIELDS, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    if len(rows) > checking.MOST_RULES:
        raise InvalidRequest(f"There may be {checking.MOST_RULES} rules.")
    for place, row in enumerate(rows):
        row[FOREVER] = "on" if str(place) in forever else ""
    return rows


def row_of(rule: Rule) -> Row:
    """A rule as it stands in the form."""
    return {
        "name": rule.name,
        "source": rule.source or "",
        "kind": rule.kind or "",
        "tag": rule.tag or "",
        "department": rule.department or "",
        "min": _mb(rule.min_size),
        "max": _mb(rule.max_size),
        "keep": "" if not rule.keep_days else str(rule.keep_days),
        "delete": "" if rule.delete_days is None else str(rule.delete_days),
        FOREVER: "on" if rule.keep_days is None else "",
    }


def _mb(size: int | None) -> str:
    return "" if size is None else f"{Decimal(size) / MB:f}"


def edited(rows: list[Row], act: str) -> list[Row]:
    """The rows after one of the form's buttons: add, preset:NAME, remove:PLACE or up:PLACE."""
    verb, _, what = act.partition(":")
    place = int(what) if what.isascii() and what.isdigit() and len(what) < 4 else len(rows)
    if verb == "add":
        return [*rows, row_of(Rule(""))]
    if verb == "preset" and what in PRESETS:
        return [*rows, row_of(PRESETS[what])]
    if verb == "remove":
        return [row for number, row in enumerate(rows) if number != place]
    if verb == "up" and 0 < place < len(rows):
        return [*rows[: place - 1], rows[place], rows[place - 1], *rows[place + 1 :]]
    return rows


def rules(rows: list[Row]) -> tuple[list[Rule], Problems]:
    """The rules that the rows say, and what is wrong with them."""
    wrong: Problems = {}
    said = [_rule(row, place, wrong) for place, row in enumerate(rows)]
    for each in checking.problems(said):
        field = OF_RULE.get(each.field, each.field)
        wrong.setdefault((each.position, field), SENTENCES[each.code])
    return said, wrong


def _rule(row: Row, place: int, wrong: Problems) -> Rule:
    numbers: dict[str, int | None] = {}
    for name, unit in (("min", MB), ("max", MB), ("keep", 1), ("delete", 1)):
        numbers[name] = _number(row[name], unit)
        if row[name].strip() and numbers[name] is None:
            wrong[place, name] = SENTENCES["number" if unit == MB else "days"]
    return Rule(
        row["name"].strip(),
        row["source"] or None,
        row["kind"] or None,
        _label(row["tag"]),
        _label(row["department"]),
        numbers["min"],
        numbers["max"],
        None if row[FOREVER] else numbers["keep"] or 0,
        numbers["delete"],
    )


def _label(text: str) -> str | None:
    """As recordings have it; what is no label stays as it is, and is told."""
    return clean(text) or text if text.strip() else None


def _number(text: str, unit: int) -> int | None:
    """So many units as a whole number, None for what is none."""
    if not re.fullmatch(r"[0-9]{1,16}([.,][0-9]{1,6})?", text.strip(), re.ASCII):
        return None
    value = Decimal(text.strip().replace(",", ".")) * unit
    return int(value) if value == value.to_integral_value() else None


def hidden(rows: list[Row]) -> list[tuple[str, str]]:
    """The rows as hidden fields, for a page between the form and its end."""
    found = [(name, row[name]) for row in rows for name in FIELDS]
    return found + [(FOREVER, str(place)) for place, row in enumerate(rows) if row[FOREVER]]


def number(form: Mapping[str, str], name: str) -> int | None:
    """A whole number that somebody has typed, thousands apart or not; None for anything else."""
    text = "".join(each for each in form.get(name, "") if each not in ".,\u00a0\u202f ")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None
