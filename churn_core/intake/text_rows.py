"""The rows of a text file as batches of text columns, read as a stream.

Rows whose number of values does not fit the header are set aside with their line and never shift the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from churn_core.errors import InputError
from churn_core.intake.container import EXPECTED
from churn_core.intake.staging import keys
from churn_core.intake.text_format import ENCODING_WORDS, TextFormat

if TYPE_CHECKING:
    import pyarrow as pa

MAX_MALFORMED = 100_000
"""Most rows that may be set aside for their number of values before the whole file is refused."""

_BLOCK_BYTES = 8 << 20


class TextRows:
    """A pass over a text file; ``malformed`` is complete when the pass has ended."""

    def __init__(self, path: Path, name: str, form: TextFormat) -> None:
        self.malformed: list[tuple[int, str, str]] = []
        """Line, text and cause of each row set aside."""
        self._path = path
        self._name = name
        self._form = form
        self._n_columns = len(form.names)
        self._skipped: list[int] = []

    def batches(self, position: Callable[[int], None]) -> Iterator[tuple[pa.Array, list[pa.Array]]]:
        """Line numbers and text columns of each batch; ``position(bytes)`` is told how far the file is read."""
        import pyarrow as pa

        try:
            with self._path.open("rb") as file:
                line, last = self._form.n_above + 1, ""
                for batch in self._reader(file):
                    lines, line = self._lines(line, batch.num_rows)
                    if batch.num_rows:
                        last = batch.columns[-1][-1].as_py() or ""
                    yield lines, list(batch.columns)
                    position(file.tell())
            self._check_last(last, line)
        except UnicodeDecodeError as error:
            raise InputError(self._encoding_sentence()) from error
        except pa.ArrowInvalid as error:
            raise self._explained(str(error)) from error

    def _reader(self, file: Any) -> Any:
        import pyarrow as pa
        from pyarrow import csv

        names = keys(self._n_columns)
        encoding = self._form.encoding
        return csv.open_csv(
            file,
            read_options=csv.ReadOptions(
                use_threads=False,
                block_size=_BLOCK_BYTES,
                skip_rows_after_names=0,
                skip_rows=self._form.n_above,
                column_names=names,
                encoding="utf8" if encoding in ("utf-8", "utf-8-sig") else encoding,
            ),
            parse_options=csv.ParseOptions(
                delimiter=self._form.separator,
                newlines_in_values=True,
                ignore_empty_lines=False,
                invalid_row_handler=self._set_aside,
            ),
            convert_options=csv.ConvertOptions(
                column_types={name: pa.string() for name in names}, strings_can_be_null=True, null_values=[""]
            ),
        )

    def _set_aside(self, row: Any) -> str:
        self._skipped.append(row.number)
        if row.text.strip():
            self.malformed.append(
                (
                    row.number,
                    row.text,
                    f"{row.actual_columns} value{'s' if row.actual_columns != 1 else ''} where the header has "
                    f"{row.expected_columns} columns",
                )
            )
            if len(self.malformed) > MAX_MALFORMED:
                raise InputError(self._wrong_separator())
        return "skip"

    def _check_last(self, last: str, end: int) -> None:
        """A value that runs over line breaks to the end of the file without a closing quotation mark."""
        torn = self.malformed[-1] if self.malformed else (0, "", "")
        if torn[0] >= end - 1 and "\n" in torn[1] and torn[1].count('"') % 2:
            raise InputError(self._open_quote())
        if "\n" in last:
            with self._path.open("rb") as file:
                file.seek(max(0, self._path.stat().st_size - 64))
                tail = file.read().decode(self._form.encoding, errors="ignore")
            if not tail.rstrip().endswith('"'):
                raise InputError(self._open_quote())

    def _lines(self, line: int, n_rows: int) -> tuple[pa.Array, int]:
        """The next ``n_rows`` line numbers that were not set aside, and the line after them."""
        import numpy as np
        import pyarrow as pa

        taken: list[Any] = []
        n_taken = 0
        while n_taken < n_rows:
            stop = self._skipped[0] if self._skipped else line + n_rows - n_taken
            stop = min(stop, line + n_rows - n_taken)
            taken.append(np.arange(line, stop, dtype=np.int64))
            n_taken += stop - line
            line = stop
            while self._skipped and self._skipped[0] == line:
                self._skipped.pop(0)
                line += 1
        return pa.array(np.concatenate(taken) if taken else np.empty(0, np.int64)), line

    def _explained(self, message: str) -> InputError:
        if "UTF8" in message or "utf-8" in message:
            return InputError(self._encoding_sentence())
        if "Could not skip initial" in message:
            return InputError(f"{self._name} has one line and no rows below it; it should hold column names and rows.")
        if "straddling" in message or "out of sync" in message:
            return InputError(self._open_quote())
        return InputError(f"{self._name} cannot be read as a table of text; {EXPECTED}.")

    def _open_quote(self) -> str:
        return (
            f"{self._name} has a quotation mark that is opened and never closed, or one value of more than "
            f"{_BLOCK_BYTES >> 20} MB; close the quotation mark and try again."
        )

    def _encoding_sentence(self) -> str:
        words = ENCODING_WORDS.get(self._form.encoding, self._form.encoding)
        return f"{self._name} is not written in {words} throughout; choose another encoding."

    def _wrong_separator(self) -> str:
        return (
            f"{self._name} has more than {MAX_MALFORMED:,} rows whose number of values is not the "
            f"{self._n_columns} of the header; check the separator ({self._form.separator!r} was used)."
        )
