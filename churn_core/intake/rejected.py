"""Rows that could not be used: kept with line, column and cause, given back as a file that can be corrected.

The file has the columns of the original and three more that say why; they are ignored when it comes back.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from churn_core.errors import NotFound
from churn_core.intake.mapping_model import Mapping
from churn_core.intake.source import CORRECTION_COLUMNS, Source
from churn_core.warehouse import Transaction, Warehouse

if TYPE_CHECKING:
    import pandas as pd

_RISKY = re.compile(r"'*[=+\-@\t\r]")
_NUMBER = re.compile(r"[-+]?\d+([.,]\d+)*")


def store_rejected(tx: Transaction, source: Source, mapping: Mapping, staged: Path, import_id: int) -> int:
    """Write the rows of the temporary table ``faults`` and the malformed ones; their number."""
    parameters: dict[str, object] = {"import_id": import_id}
    pairs = []
    for column in source.columns:
        if column.name not in CORRECTION_COLUMNS:
            parameters[f"name_{column.key}"] = column.name
            pairs.append(f"$name_{column.key}, s.{column.key}")
    fields = list(mapping.fields.items())
    names = " ".join(f"WHEN $field_{index} THEN $column_{index}" for index in range(len(fields)))
    for index, (field, column_name) in enumerate(fields):
        parameters[f"field_{index}"] = field
        parameters[f"column_{index}"] = column_name
    n_stored = tx.execute(
        f"INSERT INTO rejected_rows BY NAME SELECT $import_id AS import_id, f.line AS line_no, "
        f"CASE f.field {names} ELSE f.field END AS column_name, f.cause AS cause, json_object({', '.join(pairs)}) AS "
        "raw "
        f"FROM faults AS f JOIN {source.rows_sql(staged)} AS s ON {source.line_sql('s.')} = f.line",
        parameters,
    )
    return n_stored + _store_malformed(tx, source, import_id)


def _store_malformed(tx: Transaction, source: Source, import_id: int) -> int:
    if not source.malformed:
        return 0
    import pandas as pd

    names = [column.name for column in source.columns if column.name not in CORRECTION_COLUMNS]
    rows = [
        {
            "import_id": import_id,
            "line_no": line,
            "column_name": "",
            "cause": cause,
            "raw": json.dumps(_split(text, names, source.separator), ensure_ascii=False),
        }
        for line, text, cause in source.malformed
    ]
    return tx.append("rejected_rows", pd.DataFrame(rows))


def _split(text: str, names: list[str], separator: str | None) -> dict[str, str]:
    """A malformed line spread over the columns as far as it goes; what is too much stays in the last one."""
    if separator is None:
        return {**dict.fromkeys(names, ""), names[0]: text}
    values = next(csv.reader([text], delimiter=separator), [])
    if len(values) > len(names):
        values = [*values[: len(names) - 1], separator.join(values[len(names) - 1 :])]
    return {**dict.fromkeys(names, ""), **dict(zip(names, values, strict=False))}


def rejected_rows(warehouse: Warehouse, import_id: int) -> pd.DataFrame:
    """The rejected rows of an import: line_no, column_name, cause, raw (JSON of the row as it stood)."""
    return warehouse.frame(
        "SELECT line_no, column_name, cause, raw FROM rejected_rows WHERE import_id = $import_id ORDER BY line_no",
        {"import_id": import_id},
    )


def rejected_causes(warehouse: Warehouse, import_id: int) -> pd.DataFrame:
    """How often each cause occurs in an import: column_name, cause (values left out), n_rows, first_line."""
    return warehouse.frame(
        "SELECT column_name, regexp_replace(cause, '''.*''', 'a value') AS cause, count(*) AS n_rows, min(line_no) "
        "AS first_line "
        "FROM rejected_rows WHERE import_id = $import_id GROUP BY ALL ORDER BY n_rows DESC, column_name, cause",
        {"import_id": import_id},
    )


def write_rejected(warehouse: Warehouse, import_id: int, path: Path) -> int:
    """Write the rejected rows of an import as CSV that can be corrected and imported again; the number of rows.

    NotFound when the import has no rejected rows.
    """
    names: list[str] = []
    for raw in _raw_rows(warehouse, import_id, "raw"):
        names = list(json.loads(raw[0]))
        break
    if not names:
        raise NotFound(f"import {import_id} has no rejected rows.")
    n_rows = 0
    with Path(path).open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([safe_cell(name) for name in (*names, *CORRECTION_COLUMNS)])
        for raw, line, column, cause in _raw_rows(warehouse, import_id, "raw, line_no, column_name, cause"):
            values = json.loads(raw)
            cells = [values.get(name) or "" for name in names]
            writer.writerow([safe_cell(str(cell)) for cell in (*cells, line, column, cause)])
            n_rows += 1
    return n_rows


def safe_cell(text: str) -> str:
    """A text that a spreadsheet program shows instead of running it as a formula; numbers stay numbers.

    >>> safe_cell("=1+1"), safe_cell("-5.00"), safe_cell("'=x")
    ("'=1+1", '-5.00', "''=x")
    """
    return f"'{text}" if _RISKY.match(text) and not _NUMBER.fullmatch(text) else text


def _raw_rows(warehouse: Warehouse, import_id: int, columns: str) -> Iterator[tuple[Any, ...]]:
    sql = f"SELECT {columns} FROM rejected_rows WHERE import_id = $import_id ORDER BY line_no"
    for batch in warehouse.arrow_batches(sql, {"import_id": import_id}, n_rows=20_000):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)
