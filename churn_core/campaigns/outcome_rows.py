"""The rows of a file of outcomes: which column is the customer, and every value read or refused with its line.

Separate from the matching because nothing here knows a database: it works on the opened file alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from churn_core.campaigns.goals import OUTCOMES
from churn_core.errors import InputError
from churn_core.intake.dates import date_sql
from churn_core.intake.source import Source
from churn_core.intake.values import boolean_sql, id_sql, number_sql

if TYPE_CHECKING:
    import pyarrow as pa

FILE_KINDS = ("rate", "mean")
"""What an outcome of a file can be; a ratio needs orders."""

N_NAME_MOST = 80


@dataclass(frozen=True, kw_only=True)
class OutcomeColumns:
    """Which columns of a file say what."""

    id_column: str
    metrics: Mapping[str, str]
    """Column of an outcome -> rate, mean, or empty to find out."""
    arm_column: str | None = None
    time_column: str | None = None


def metric_name(column: str) -> str:
    """The name an outcome is measured under: that of the registry where it is one, else the column's own.

    >>> metric_name("Spend"), metric_name("Loyalty points")
    ('spend', 'Loyalty points')
    """
    plain = column.strip()
    return plain.casefold() if plain.casefold() in OUTCOMES else plain


def kinds_of(source: Source, metrics: Mapping[str, str]) -> dict[str, str]:
    """Kind of every outcome by its name; InputError for kinds and names that do not fit."""
    if not metrics:
        raise InputError("no outcome is named; name at least one column of the file that holds an outcome.")
    kinds: dict[str, str] = {}
    for column, asked in metrics.items():
        source.column(column)
        name = metric_name(column)
        kind = asked or _found_kind(source, column)
        if kind not in FILE_KINDS:
            raise InputError(f"the kind of {column!r} is {kind!r}; an outcome of a file is a rate or a mean.")
        if name in OUTCOMES and OUTCOMES[name].kind != kind:
            raise InputError(
                f"{name!r} is a {OUTCOMES[name].kind} in every campaign, and column {column!r} was taken as a {kind}; "
                "give the right kind, or another name to the column."
            )
        if not name or len(name) > N_NAME_MOST or name in kinds:
            raise InputError(f"two outcomes, or none, would be called {name!r}; give every column a name of its own.")
        kinds[name] = kind
    return kinds


def id_column_of(source: Source, known_ids: pa.Table) -> str:
    """The column that holds most of the campaign's customer ids; InputError when none holds any."""
    with source.reader.supposed() as tx, tx.view("known_ids", known_ids):
        counts = {
            column.name: int(
                tx.value(
                    f"SELECT count(*) FROM (SELECT {_id(source, column.name)} AS id FROM {source.rows_sql()}) "
                    "WHERE id IN (SELECT customer_id FROM known_ids) "
                    "OR (starts_with(id, '''') AND substr(id, 2) IN (SELECT customer_id FROM known_ids))"
                )
            )
            for column in source.columns
        }
    best = max(counts, key=lambda name: counts[name])
    if not counts[best]:
        raise InputError(
            f"no column of {source.name} holds ids of the campaign's customers; "
            "give the column, or the file that belongs to this campaign."
        )
    return best


def read_rows(source: Source, columns: OutcomeColumns, kinds: Mapping[str, str], *, empty_is_zero: bool) -> pa.Table:
    """line, customer_id, arm, happened_at and a number ``x0, x1, ...`` per outcome; InputError for a wrong value."""
    import pyarrow as pa

    _check_rows(source, columns.id_column)
    values = []
    for number, (column, kind) in enumerate(zip(columns.metrics, kinds.values(), strict=True)):
        _check_values(source, column, kind, empty_is_zero=empty_is_zero)
        values.append(f"coalesce({_value(source, column, kind)}, 0.0) AS x{number}")
    arm = f"coalesce({_text(source, columns.arm_column)}, '')" if columns.arm_column else "NULL"
    at = _time(source, columns.time_column) if columns.time_column else "NULL"
    sql = (
        f"SELECT line, {_id(source, columns.id_column)} AS customer_id, CAST({arm} AS VARCHAR) AS arm, "
        f"CAST({at} AS TIMESTAMP) AS happened_at, {', '.join(values)} FROM {source.rows_sql()}"
    )
    return pa.Table.from_batches(list(source.reader.arrow_batches(sql)))


def without_apostrophes(rows: pa.Table, known_ids: pa.Table) -> pa.Table:
    """The rows with ids as they were drawn: an exported list has an apostrophe before an id like ``=7`` or ``@ann``.

    Only an id that is not known with its apostrophe and is known without it is changed.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    ids = rows["customer_id"].combine_chunks()
    bare, known = pc.utf8_slice_codeunits(ids, 1), known_ids["customer_id"].combine_chunks()
    is_marked = pc.and_(pc.starts_with(ids, "'"), pc.and_(pc.invert(pc.is_in(ids, known)), pc.is_in(bare, known)))
    if not pc.any(is_marked).as_py():
        return rows
    place = rows.schema.get_field_index("customer_id")
    return rows.set_column(place, "customer_id", pa.chunked_array([pc.if_else(is_marked, bare, ids)]))


def _found_kind(source: Source, column: str) -> str:
    """The registry's kind of that name; else rate where all values are yes or no, else mean."""
    known = OUTCOMES.get(metric_name(column))
    if known is not None:
        return known.kind
    text = _text(source, column)
    others = source.reader.value(
        f"SELECT count(*) FROM {source.rows_sql()} WHERE {text} <> '' AND {boolean_sql(text)} IS NULL"
    )
    return "mean" if others else "rate"


def _check_rows(source: Source, id_column: str) -> None:
    if source.malformed:
        line, _, cause = source.malformed[0]
        raise InputError(
            f"{len(source.malformed):,} rows of {source.name} do not fit its header, first in line {line} ({cause}); "
            "correct them, because everybody counts."
        )
    n_empty, line = source.reader.rows(
        f"SELECT count(*), min(line) FROM {source.rows_sql()} WHERE {_id(source, id_column)} IS NULL"
    )[0]
    if n_empty:
        raise InputError(
            f"{n_empty:,} rows have no customer id in column {id_column!r}, first in line {line}; "
            "fill it in or take the rows out."
        )


def _check_values(source: Source, column: str, kind: str, *, empty_is_zero: bool) -> None:
    text = _text(source, column)
    wrong = f"{text} <> '' AND {_value(source, column, kind)} IS NULL"
    n_empty, n_wrong, line, example = source.reader.rows(
        f"SELECT count(*) FILTER ({text} IS NULL OR {text} = ''), count(*) FILTER ({wrong}), "
        f"min(line) FILTER ({wrong}), arg_min({text}, line) FILTER ({wrong}) FROM {source.rows_sql()}"
    )[0]
    if n_wrong:
        wanted = "yes or no" if kind == "rate" else "a number"
        raise InputError(
            f"column {column!r} holds {example!r} in line {line} where {wanted} was expected "
            f"({n_wrong:,} such rows); correct it, or give the other kind."
        )
    if n_empty and not empty_is_zero:
        raise InputError(
            f"column {column!r} is empty in {n_empty:,} rows; write 0 where nothing happened, "
            "or choose that a missing outcome counts as 0."
        )


def _time(source: Source, column: str) -> str:
    """SQL of the time of an outcome, after a check that every one that is given can be read."""
    text = _text(source, column)
    read = date_sql(f"nullif({text}, '')", source.date_order)
    n_wrong, line, example = source.reader.rows(
        f"SELECT count(*), min(line), arg_min({text}, line) FROM {source.rows_sql()} "
        f"WHERE {text} <> '' AND {read} IS NULL"
    )[0]
    if n_wrong:
        raise InputError(
            f"column {column!r} holds {example!r} in line {line} where a date was expected ({n_wrong:,} such rows); "
            "correct it, or say how dates are written."
        )
    return read


def _value(source: Source, column: str, kind: str) -> str:
    text = _text(source, column)
    if kind == "rate":
        return f"CAST({boolean_sql(text)} AS DOUBLE)"
    number = number_sql(text, source.decimal)
    return f"CASE WHEN isfinite({number}) THEN {number} END"


def _text(source: Source, column: str) -> str:
    return f"trim({source.column(column).key})"


def _id(source: Source, name: str) -> str:
    """SQL of the customer id as text; ids that a program wrote as 42.0 lose the fraction where all look like that."""
    column = source.column(name)
    text = id_sql(f"trim({column.key})")
    is_float = column.kind == "number" and all(sample.endswith(".0") for sample in column.samples)
    return f"regexp_replace({text}, '\\.0+$', '')" if is_float else text
