"""Which line of a table holds the column names, and whether the names can be used.

The same question for text files and for workbooks: titles, remarks and empty lines may come first.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

from churn_core.errors import InputError

MAX_COLUMNS = 1_000
"""Most columns a file may have."""
MAX_NAME = 500
"""Most characters of a column's name; longer ones are text that got into the header."""

N_LINES = 50
"""Lines looked at to find the header."""

_VALUE = re.compile(r"[-+(]?[$€£¥]?\s*\d[\d.,/:\s-]*%?\)?(T?\d{2}:\d{2}.*)?")


def find_header(rows: Sequence[Sequence[str]]) -> int:
    """Index of the row that holds the column names: the first that is as wide as most rows and nearly full.

    >>> find_header([["Report"], [], ["id", "day"], ["1", "2"], ["2", "3"]])
    2
    """
    widths = Counter(_width(row) for row in rows if _width(row))
    if not widths:
        return 0
    most = max(widths.values())
    usual = max(width for width, n in widths.items() if n >= max(1, most // 2))
    for index, row in enumerate(rows[:N_LINES]):
        n_filled = sum(1 for value in row if value.strip())
        if n_filled >= max(min(2, usual), math.ceil(0.6 * usual)):
            return index
    return 0


def check_names(names: Sequence[str], file_name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The column names to use, and notes about them; InputError when they cannot be used."""
    if not names:
        raise InputError(f"{file_name} has no columns; it should hold column names and rows.")
    if len(names) > MAX_COLUMNS:
        raise InputError(
            f"{file_name} has {len(names):,} columns, more than the {MAX_COLUMNS:,} that can be read; "
            "remove the columns that are not needed, or check that rows and columns are not swapped."
        )
    clean = [re.sub(r"\s+", " ", name.replace("\ufeff", "")).strip() for name in names]
    filled = [name for name in clean if name]
    if filled and sum(1 for name in filled if _VALUE.fullmatch(name)) > len(filled) / 2:
        raise InputError(
            f"{file_name} has no line of column names: the first line holds values ({', '.join(filled[:3])}); "
            "add a first line with names such as customer_id, order_time, amount."
        )
    longest = max(filled, key=len, default="")
    if len(longest) > MAX_NAME:
        raise InputError(
            f"{file_name} has a column name of {len(longest):,} characters, {longest[:40]!r} and so on; "
            "check that its first line holds column names and that no quotation mark is left open."
        )
    repeated = [name for name, n in Counter(filled).items() if n > 1]
    if repeated:
        raise InputError(
            f"{file_name} has the column name {repeated[0]!r} {clean.count(repeated[0])} times; "
            "give every column its own name."
        )
    notes = []
    used = set(filled)
    for index, name in enumerate(clean):
        if not name:
            made = f"column_{index + 1}"
            while made in used:
                made += "_"
            used.add(made)
            clean[index] = made
            notes.append(f"column {index + 1} has no name; it is called {made!r}.")
    return tuple(clean), tuple(notes)


def _width(row: Sequence[str]) -> int:
    width = len(row)
    while width and not row[width - 1].strip():
        width -= 1
    return width
