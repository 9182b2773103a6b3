"""How far the cells of a workbook reach, and whether its formulas hold results, found out before it is opened.

The reader of workbooks lays a sheet out whole, from its first to its last filled cell. One stray cell in the last
corner of a sheet would take more memory than any machine has, and the program would end; so this looks first. Formulas
are read by the result that a spreadsheet program saved with them; programs that only write formulas save none.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from pathlib import Path
from typing import IO

from churn_core.errors import InputError

MOST_CELLS = 60_000_000
"""Cells from the first to the last filled one, filled or not: a million rows of sixty columns."""

_FILLED = re.compile(rb'<(?:\w+:)?c\b[^>]*?\br="([A-Z]{1,3})(\d{1,7})"[^>]*?(?<!/)>')
_NO_RESULT = re.compile(rb"</(?:\w+:)?f>\s*(?:<(?:\w+:)?v>\s*</(?:\w+:)?v>|<(?:\w+:)?v\s*/>)?\s*</(?:\w+:)?c>")
_CHUNK = 4 << 20
_LONGEST_TAG = 1 << 12


def look_through(path: Path, name: str) -> int:
    """About how many formulas have no result; InputError when filled cells spread wider than can be laid out."""
    n_empty = 0
    try:
        with zipfile.ZipFile(path) as book:
            for member in book.namelist():
                if member.startswith("xl/worksheets/") and member.endswith(".xml"):
                    with book.open(member) as sheet:
                        n_empty += _look(sheet, name)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        raise InputError(
            f"{name} is a damaged workbook; open it in a spreadsheet program and save it again."
        ) from error
    return n_empty


def _look(sheet: IO[bytes], name: str) -> int:
    first_row, last_row, columns, n_empty = 1 << 30, 0, set[bytes](), 0
    kept = b""
    while chunk := sheet.read(_CHUNK):
        text = kept + chunk
        found = _FILLED.findall(text)
        if found:
            columns.update({letters for letters, _ in found})
            rows = {int(row) for _, row in found}
            first_row, last_row = min(first_row, *rows), max(last_row, *rows)
        n_empty += len(_NO_RESULT.findall(chunk))
        # A tag may be cut in two; finding a cell twice changes nothing.
        kept = text[-_LONGEST_TAG:]
    if not columns:
        return n_empty
    numbers = {_number(letters): letters for letters in columns}
    n_cells = (last_row - first_row + 1) * (max(numbers) - min(numbers) + 1)
    if n_cells > MOST_CELLS:
        corner = f"{numbers[max(numbers)].decode()}{last_row}"
        raise InputError(
            f"a sheet of {name} reaches as far as cell {corner}, which makes {n_cells:,} cells, more than can be read; "
            "delete what stands far from the table, or save the table as CSV."
        )
    return n_empty


def _number(letters: bytes) -> int:
    """The number of a column by its letters.

    >>> _number(b"A"), _number(b"AA"), _number(b"XFD")
    (1, 27, 16384)
    """
    number = 0
    for letter in letters:
        number = 26 * number + letter - 64
    return number
