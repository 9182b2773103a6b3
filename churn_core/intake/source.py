"""An opened file: what was found out about it, and its rows as text.

A file of any format is staged once as Parquet with text columns ``c0001, c0002, ...`` (names of the file's own
columns never reach SQL) beside a ``line`` number, so that files larger than memory can be looked at and parsed
in SQL. Kept apart from the readers of single formats, which only have to produce those rows.
"""

from __future__ import annotations

import hashlib
import io
import shutil
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from churn_core.errors import InputError, unknown_name
from churn_core.warehouse import Warehouse

if TYPE_CHECKING:
    import pyarrow as pa

STAGED_FILE = "staged.parquet"

DATE_ORDERS = {"dmy": "day first", "mdy": "month first", "ymd": "year first"}

CORRECTION_COLUMNS = ("rejected_line", "rejected_column", "rejected_cause")
"""Columns that a file of rejected rows carries beside the original ones; never mapped."""


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """How to read a file; None means find out."""

    encoding: str | None = None
    """Character encoding, a Python codec name such as "utf-8", "gb18030", "cp1252" or "utf-16"."""
    separator: str | None = None
    """Character between values."""
    sheet: str | None = None
    """Sheet of a workbook."""
    header_line: int | None = None
    """Line that holds the column names, counted from 1."""
    decimal: str | None = None
    """"." or ","."""
    date_order: str | None = None
    """"dmy", "mdy" or "ymd": how dates like 03/04/2011 are read."""

    def __post_init__(self) -> None:
        if self.encoding is not None:
            _check_encoding(self.encoding)
        if self.decimal not in (None, ".", ","):
            raise InputError(f"the decimal mark is {self.decimal!r}; choose '.' or ','.")
        if self.date_order is not None and self.date_order not in DATE_ORDERS:
            raise InputError(f"the date order is {self.date_order!r}; choose 'dmy', 'mdy' or 'ymd'.")
        if self.header_line is not None and (not isinstance(self.header_line, int) or self.header_line < 1):
            raise InputError(f"the header line is {self.header_line!r}; it must be a number, and lines count from 1.")
        if self.separator is not None and (not isinstance(self.separator, str) or len(self.separator) != 1):
            raise InputError(f"the separator is {self.separator!r}; it must be one character.")


def _check_encoding(encoding: object) -> None:
    try:
        io.TextIOWrapper(io.BytesIO(), encoding=str(encoding))
    except (LookupError, UnicodeError, ValueError) as error:
        raise InputError(
            f"the encoding {encoding!r} is not known; use one such as utf-8, gb18030, latin-1, cp1252 or utf-16."
        ) from error


@dataclass(frozen=True, kw_only=True)
class SourceColumn:
    """One column of an opened file."""

    name: str
    """Name as in the file's header."""
    key: str
    """Name of the staged column: c0001, c0002, ..."""
    kind: str
    """What the values look like: empty, date, integer, number or text."""
    n_empty: int
    """Rows without a value."""
    n_distinct: int
    """Distinct values, approximately, among the rows looked at."""
    n_looked_at: int
    """Rows with a value among those looked at to tell the kind; distinct values are counted in these."""
    samples: tuple[str, ...]
    """A few different values as they stand in the file."""

    @property
    def is_unique(self) -> bool:
        """Whether (nearly) every row looked at has its own value."""
        return self.n_looked_at > 0 and self.n_distinct >= 0.97 * self.n_looked_at


@dataclass(frozen=True, kw_only=True, eq=False)
class Source:
    """An opened file. Close it (or let it go) to delete the staged copy."""

    name: str
    """Name of the file as uploaded."""
    path: Path
    """Where it was read."""
    sha256: str
    """Digest of the file's bytes."""
    format: str
    """csv, xlsx, parquet or jsonl."""
    packing: str | None
    """zip or gzip when it came in one."""
    encoding: str | None
    """Character encoding of a text file."""
    separator: str | None
    """Separator of a text file."""
    decimal: str
    """Decimal mark: "." or ","."""
    date_order: str
    """dmy, mdy or ymd."""
    sheet: str | None
    """Sheet that was read."""
    sheets: tuple[str, ...]
    """All sheets of a workbook."""
    header_line: int
    """Line of the column names; 0 where the format has no header line."""
    columns: tuple[SourceColumn, ...]
    """Columns in the order of the file."""
    n_rows: int
    """Rows that hold something, unusable ones included."""
    malformed: tuple[tuple[int, str, str], ...]
    """Line, text and cause of rows whose number of values does not fit the header."""
    guessed: frozenset[str]
    """date_order and decimal when nothing in the file proves them."""
    notes: tuple[str, ...]
    """What was found out, a sentence each."""
    options: ReadOptions
    """What the caller chose; None in it was found out."""
    reader: Warehouse = field(repr=False)
    """A database in memory that can read the staged file."""
    staged: Path = field(repr=False)
    """The staged rows as Parquet."""

    def __post_init__(self) -> None:
        weakref.finalize(self, _discard, self.reader, self.staged.parent)

    @property
    def is_correction(self) -> bool:
        """Whether it is a file of rejected rows that comes back."""
        return set(CORRECTION_COLUMNS) <= {column.name for column in self.columns}

    @property
    def shape_key(self) -> str:
        """Digest of the column names, by which a mapping is remembered for the next file of that shape."""
        names = [column.name.casefold() for column in self.columns if column.name not in CORRECTION_COLUMNS]
        return hashlib.sha256("\x1f".join(names).encode()).hexdigest()[:32]

    def column(self, name: str) -> SourceColumn:
        """The column of that name; NotFound with a suggestion when there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise unknown_name("column", name, [column.name for column in self.columns])

    def rows_sql(self, staged: Path | None = None) -> str:
        """SQL for the staged rows; ``staged`` names another place where the same file can be read."""
        literal = str(staged or self.staged).replace("'", "''")
        return f"read_parquet('{literal}')"

    def line_sql(self, table: str = "") -> str:
        """SQL for the line of a row; in a file of corrected rows the line of the original, when these are unique.

        ``table`` is the alias of the staged rows, with a dot.
        """
        if not self.is_correction:
            return f"{table}line"
        key = self.column(CORRECTION_COLUMNS[0]).key
        ((n_lines, n_rows),) = self.reader.rows(
            f"SELECT count(DISTINCT TRY_CAST({key} AS BIGINT)), count(*) FROM {self.rows_sql()}"
        )
        return f"TRY_CAST({table}{key} AS BIGINT)" if n_lines == n_rows else f"{table}line"

    def batches(self, *, n_rows: int = 50_000) -> Iterator[pa.RecordBatch]:
        """All rows as text, with the file's own column names and ``line`` first."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        names = ["line", *(column.name for column in self.columns)]
        with pq.ParquetFile(self.staged) as file:
            for batch in file.iter_batches(batch_size=n_rows):
                yield pa.RecordBatch.from_arrays(batch.columns, names=names)

    def counted(self, column: str, *, n_most: int = 20) -> list[tuple[str, int]]:
        """The most frequent values of a column with their counts."""
        key = self.column(column).key
        rows: list[tuple[Any, ...]] = self.reader.rows(
            f"SELECT {key} AS value, count(*) AS n FROM {self.rows_sql()} "
            f"WHERE {key} <> '' GROUP BY 1 ORDER BY n DESC, value LIMIT $n_most",
            {"n_most": n_most},
        )
        return [(str(value), int(n)) for value, n in rows]


def _discard(reader: Warehouse, folder: Path) -> None:
    reader.close()
    shutil.rmtree(folder, ignore_errors=True)
