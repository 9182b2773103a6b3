"""The rows of a workbook as text: which sheet, where its header is, values as a person would type them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from churn_core.errors import InputError, unknown_name
from churn_core.intake.header import N_LINES, find_header
from churn_core.intake.sheet_extent import look_through
from churn_core.intake.source import ReadOptions


@dataclass(frozen=True, kw_only=True)
class SheetRows:
    """One sheet of a workbook."""

    sheet: str
    """Its name."""
    sheets: tuple[str, ...]
    """All sheets of the workbook."""
    header_line: int
    """Line of the column names, counted from 1."""
    names: tuple[str, ...]
    """The cells of that line."""
    notes: tuple[str, ...]
    """Why this sheet."""
    _rows: Any

    def rows(self) -> Iterator[tuple[int, Sequence[str | None]]]:
        """Line number and values of each row below the header."""
        n_columns = len(self.names)
        for line, row in _numbered(self._rows):
            if line > self.header_line:
                yield line, [as_text(value) for value in row[:n_columns]]


def open_sheet(path: Path, name: str, options: ReadOptions) -> SheetRows:
    """Open a workbook at the sheet with the most data; InputError when it cannot be read."""
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError

    n_empty = look_through(path, name)
    try:
        book = CalamineWorkbook.from_path(path)
        sheets = tuple(book.sheet_names)
        chosen, notes = _chosen(book, sheets, name, options)
        sheet = book.get_sheet_by_name(chosen)
    except PasswordError as error:
        raise InputError(
            f"{name} is protected by a password; save it without a password and choose it again."
        ) from error
    except (CalamineError, OSError, ValueError) as error:
        raise InputError(
            f"{name} is a damaged workbook; open it in a spreadsheet program and save it again."
        ) from error
    if n_empty:
        words = "1 formula is" if n_empty == 1 else f"{n_empty:,} formulas are"
        advice = "open the workbook in a spreadsheet program and save it there to have results"
        notes += (f"{words} without a saved result and read as empty; {advice}.",)
    first = [row for _, row in islice(_numbered(sheet), 20 * N_LINES)]
    texts = [[as_text(value) or "" for value in row] for row in first]
    if not any(cell for row in texts for cell in row):
        raise InputError(f"the sheet {chosen!r} of {name} is empty; choose a sheet with column names and rows.")
    if options.header_line and options.header_line > len(texts):
        raise InputError(f"the sheet {chosen!r} of {name} has no line {options.header_line}.")
    index = options.header_line - 1 if options.header_line else find_header(texts)
    names = texts[index]
    while names and not names[-1]:
        names = names[:-1]
    return SheetRows(
        sheet=chosen, sheets=sheets, header_line=index + 1, names=tuple(names or [""]), notes=notes, _rows=sheet
    )


def as_text(value: Any) -> str | None:
    """A cell as a person would type it: whole numbers without ".0", times as ISO.

    >>> as_text(50001.0), as_text(120.86000000000001), as_text(True), as_text("")
    ('50001', '120.86', 'True', None)
    """
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else format(value, ".15g")
    if isinstance(value, (dt.datetime, dt.date, dt.time)):
        return value.isoformat(sep=" ") if isinstance(value, dt.datetime) else value.isoformat()
    return str(value)


def _chosen(book: Any, sheets: tuple[str, ...], name: str, options: ReadOptions) -> tuple[str, tuple[str, ...]]:
    if not sheets:
        raise InputError(f"{name} has no sheets; it should hold a table.")
    if options.sheet is not None:
        if options.sheet not in sheets:
            raise InputError(str(unknown_name("sheet", options.sheet, sheets)))
        return options.sheet, ()
    sizes = {}
    for title in sheets:
        sheet = book.get_sheet_by_name(title)
        sizes[title] = (sheet.height or 0) * (sheet.width or 0)
    chosen = max(sheets, key=lambda title: sizes[title])
    if len(sheets) == 1:
        return chosen, ()
    others = ", ".join(repr(title) for title in sheets if title != chosen)
    rest = f"the other is {others}" if len(sheets) == 2 else f"the others are {others}"
    return chosen, (f"the sheet {chosen!r} was taken, which holds the most; {rest}.",)


def _numbered(sheet: Any) -> Iterator[tuple[int, Sequence[Any]]]:
    """Rows with the line number that the spreadsheet program shows."""
    return enumerate(sheet.iter_rows(), start=1)
