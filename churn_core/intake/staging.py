"""Writing the rows of any format into one Parquet file of text columns.

Readers yield record batches of text; this module takes surrounding white space off and keeps memory bounded. The staged
columns are called c0001, c0002, ... so that no name from a file is ever part of SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

LINE = "line"


def keys(n_columns: int) -> list[str]:
    """Names of the staged columns.

    >>> keys(2)
    ['c0001', 'c0002']
    """
    return [f"c{number:04d}" for number in range(1, n_columns + 1)]


def write_staged(
    path: Path, n_columns: int, batches: Iterable[tuple[pa.Array, Sequence[pa.Array]]], watch: Callable[[int], None]
) -> int:
    """Write line numbers and text columns; the number of rows. ``watch(n_rows)`` may raise to cancel."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    names = [LINE, *keys(n_columns)]
    schema = pa.schema([(LINE, pa.int64()), *((name, pa.string()) for name in names[1:])])
    n_rows = 0
    with pq.ParquetWriter(path, schema, compression="lz4", use_dictionary=n_columns <= 200) as writer:
        for lines, columns in batches:
            n_rows += len(lines)
            trimmed = [pc.utf8_trim_whitespace(column) for column in columns]
            writer.write_batch(pa.RecordBatch.from_arrays([lines, *trimmed], schema=schema), row_group_size=200_000)
            watch(n_rows)
    return n_rows


def batches_of_rows(
    rows: Iterable[tuple[int, Sequence[str | None]]], n_columns: int, *, n_rows: int = 20_000
) -> Iterator[tuple[pa.Array, list[pa.Array]]]:
    """Rows of Python text, each with its line number, as batches of columns; short rows are filled with nothing."""
    import pyarrow as pa

    lines: list[int] = []
    held: list[Sequence[Any]] = []

    def batch() -> tuple[pa.Array, list[pa.Array]]:
        padded = [
            row if len(row) == n_columns else [*row[:n_columns], *[None] * (n_columns - len(row))] for row in held
        ]
        columns = [pa.array(values, pa.string()) for values in zip(*padded, strict=True)]
        return pa.array(lines, pa.int64()), columns

    for line, row in rows:
        lines.append(line)
        held.append(row)
        if len(held) >= n_rows:
            yield batch()
            lines, held = [], []
    if held:
        yield batch()
