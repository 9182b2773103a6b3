"""A target list as a workbook: the same cells as in the CSV file, row by row, and the same bytes every time."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from churn_core.customers.selection import Condition
from churn_core.errors import InputError
from churn_core.jobs import Progress, no_progress
from churn_core.warehouse import Warehouse

MOST_ROWS = 1_048_575
"""Customers that a sheet holds below its header."""

WIDTHS = {"offer": 40, "reason_1": 44, "reason_2": 44, "reason_3": 44, "email": 30, "name": 24, "action": 24}
USUAL_WIDTH = 15


def write_workbook(
    warehouse: Warehouse,
    rows: Condition,
    target: Path,
    *,
    columns: list[str],
    n_rows: int,
    made_at: datetime,
    folder: Path,
    progress: Progress = no_progress,
) -> None:
    """Write the rows of a query to one sheet; ``made_at`` stands in the file as its time, whenever it is written.

    ``folder`` takes temporary files; ``n_rows`` are to come, for the progress.
    InputError when a text is longer than a cell can be.
    """
    import xlsxwriter

    book = xlsxwriter.Workbook(str(target), {"constant_memory": True, "tmpdir": str(folder)})
    book.set_properties({"created": made_at})
    bold, day = book.add_format({"bold": True}), book.add_format({"num_format": "yyyy-mm-dd"})
    sheet = book.add_worksheet("Target list")
    sheet.freeze_panes(1, 0)
    for place, name in enumerate(columns):
        sheet.set_column(place, place, WIDTHS.get(name, USUAL_WIDTH))
        sheet.write_string(0, place, name, bold)
    line = 0
    try:
        for batch in warehouse.arrow_batches(rows.sql, rows.parameters, n_rows=20_000):
            progress(line / n_rows, "writing the workbook")
            for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                line += 1
                for place, value in enumerate(values):
                    _write(sheet, line, place, value, day, columns[place])
    finally:
        book.close()


def _write(sheet, line: int, place: int, value: object, day, column: str) -> None:  # type: ignore[no-untyped-def]
    if value is None:
        return
    if isinstance(value, str):
        if sheet.write_string(line, place, value) < 0:
            raise InputError(
                f"row {line:,} holds {len(value):,} characters in {column!r}, more than a cell of a workbook can; "
                "export as CSV instead."
            )
    elif isinstance(value, int | float):
        sheet.write_number(line, place, value)
    else:
        sheet.write_datetime(line, place, value, day)
