"""Lines of CSV whose cells no spreadsheet computes."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a cell begins with that spreadsheets would compute."""


def csv_line(cells: Iterable[str]) -> str:
    """One line. What would be taken for a formula gets an apostrophe before it."""
    line = io.StringIO()
    csv.writer(line).writerow(f"'{each}" if each.startswith(FORMULA) else each for each in cells)
    return line.getvalue()
