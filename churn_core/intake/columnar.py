"""The rows of a Parquet file as text, written as they would stand in a CSV file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from churn_core.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa


class ParquetRows:
    """An opened Parquet file."""

    def __init__(self, path: Path, name: str) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            self._file = pq.ParquetFile(path)
        except (pa.ArrowException, OSError) as error:
            raise InputError(f"{name} is a damaged Parquet file; write it again.") from error
        self._name = name
        self.names = tuple(self._file.schema_arrow.names)
        """Column names."""
        self.n_rows = self._file.metadata.num_rows
        """Rows by the file's own account."""

    def batches(self) -> Iterator[tuple[pa.Array, list[pa.Array]]]:
        """Line numbers (the first row is line 1) and text columns of each batch."""
        import numpy as np
        import pyarrow as pa

        line = 1
        try:
            for batch in self._file.iter_batches(batch_size=100_000):
                lines = pa.array(np.arange(line, line + batch.num_rows, dtype=np.int64))
                line += batch.num_rows
                yield lines, [_text(column) for column in batch.columns]
        except (pa.ArrowException, OSError) as error:
            raise InputError(f"{self._name} is a damaged Parquet file; write it again.") from error
        finally:
            self._file.close()


def _text(column: Any) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    if pa.types.is_nested(kind):
        return pa.array(
            [None if v is None else json.dumps(v, default=str, ensure_ascii=False) for v in column.to_pylist()]
        )
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        values = [None if v is None else v.decode("utf-8", errors="replace") for v in column.to_pylist()]
        return pa.array(values, pa.string())
    if pa.types.is_timestamp(kind):
        if kind.tz is not None:
            column = column.cast(pa.timestamp(kind.unit, tz="UTC")).cast(pa.timestamp(kind.unit))
        unit = "us" if kind.unit == "ns" else kind.unit
        texts = column.cast(pa.timestamp(unit), safe=False).cast(pa.string())
        return pc.replace_substring_regex(texts, r"\.0+$", "")
    if pa.types.is_floating(kind):
        return pc.cast(column.cast(pa.float64()), pa.string())
    return column.cast(pa.string())
