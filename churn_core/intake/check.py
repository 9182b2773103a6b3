"""Whether a parsed file can be loaded at all: everything that refuses a file as a whole, one sentence each."""

from __future__ import annotations

from dataclasses import dataclass

from churn_core.errors import InputError
from churn_core.intake.kinds import kind_of
from churn_core.intake.mapping_model import Mapping
from churn_core.intake.source import Source
from churn_core.intake.values import (
    CURRENCY_SIGN,
    check_single_currency,
    currency_name,
    label_problem,
    single_currency,
)
from churn_core.warehouse import Warehouse

_NEEDS_CUSTOMERS = ("orders", "order_lines", "snapshots")


@dataclass(frozen=True, kw_only=True)
class FileCheck:
    """What a file holds once parsed."""

    n_rows: int
    """Rows parsed."""
    n_usable: int
    """Rows without a fault."""
    currency: str | None
    """ISO code of the currency that the file names; None when it names none, or none that is known."""


def check_rows(
    warehouse: Warehouse, source: Source, mapping: Mapping, parsed: str, names: tuple[str, ...]
) -> FileCheck:
    """Look at the parsed rows as a whole; InputError when the file cannot be loaded."""
    kind = kind_of(mapping.kind)
    ((n_rows, n_usable, low, high),) = warehouse.rows(
        f"SELECT count(*), count(*) FILTER (WHERE fault IS NULL), min(customer_id) FILTER (WHERE fault IS NULL), "
        f"max(customer_id) FILTER (WHERE fault IS NULL) FROM {parsed}"
    )
    if n_usable == 0:
        raise InputError(_nothing_usable(warehouse, source, mapping, parsed, n_rows))
    if kind.name in _NEEDS_CUSTOMERS and low == high and not _has_other_customers(warehouse, kind.table, low):
        raise InputError(
            f"{source.name} holds one customer only ({low!r}); risk is learned by comparing customers, so choose a "
            "file "
            f"with many, or another column than {mapping.fields.get('customer_id')!r} for the customer id."
        )
    if kind.name == "snapshots":
        _check_label(warehouse, source, mapping, parsed)
    return FileCheck(n_rows=n_rows, n_usable=n_usable, currency=_currency(warehouse, source, mapping, parsed, names))


def _nothing_usable(warehouse: Warehouse, source: Source, mapping: Mapping, parsed: str, n_rows: int) -> str:
    rows = warehouse.rows(
        "SELECT split_part(fault, chr(31), 1) AS field, arg_min(split_part(fault, chr(31), 2), line) AS cause, "
        "count(*) AS n, "
        f"count(*) FILTER (WHERE fault LIKE '%lies in the future') AS n_future FROM {parsed} GROUP BY 1 ORDER BY n "
        "DESC LIMIT 1"
    )
    if not rows:
        return f"{source.name} has column names but no rows below them; add the rows and choose it again."
    field, cause, n, n_future = rows[0]
    column = mapping.fields.get(field, field)
    kind = kind_of(mapping.kind)
    if field == kind.time and n_future == n == n_rows:
        return (
            f"all dates in column {column!r} of {source.name} lie in the future, first {cause.split(chr(39))[1]!r}; "
            "check the column and the order of day and month."
        )
    if field == kind.time:
        return (
            f"{source.name} has no usable date in column {column!r} (first: {cause}); choose the column with the "
            "dates, "
            "written for example as 2025-05-17."
        )
    return f"no row of {source.name} can be used; the most frequent cause is in column {column!r}: {cause}."


def _has_other_customers(warehouse: Warehouse, table: str, customer_id: str) -> bool:
    name = "orders" if table == "order_lines" else table
    sql = f"SELECT 1 FROM {name} WHERE customer_id <> $customer_id LIMIT 1"
    return bool(warehouse.rows(sql, {"customer_id": customer_id}))


def _check_label(warehouse: Warehouse, source: Source, mapping: Mapping, parsed: str) -> None:
    column = mapping.fields.get("churned", "")
    if not mapping.label_positive:
        raise InputError(label_problem(column, [value for value, _ in source.counted(column, n_most=5)]))
    ((n_left, n_known),) = warehouse.rows(
        f"SELECT count(*) FILTER (WHERE churned), count(churned) FROM {parsed} WHERE fault IS NULL"
    )
    if n_known == 0 and warehouse.rows("SELECT 1 FROM snapshots WHERE churned IS NOT NULL LIMIT 1"):
        return
    if n_left in (0, n_known):
        words = "nobody" if n_left == 0 else "everybody"
        found = ", ".join(repr(value) for value, _ in source.counted(column, n_most=5))
        raise InputError(
            f"by column {column!r} {words} left, so there is nothing to compare; it holds {found} and "
            f"{', '.join(repr(value) for value in mapping.label_positive)} was taken to mean that the customer left."
        )


def _currency(
    warehouse: Warehouse, source: Source, mapping: Mapping, parsed: str, names: tuple[str, ...]
) -> str | None:
    """The one currency that the file names, in a column of its own or as signs in amounts."""
    found = None
    if "currency" in names:
        counts = warehouse.rows(
            f"SELECT currency, count(*) FROM {parsed} WHERE fault IS NULL AND currency IS NOT NULL GROUP BY 1"
        )
        found = check_single_currency(counts, mapping.fields.get("currency", "currency"), source.name)
    for field in kind_of(mapping.kind).fields:
        if (
            field.type == "money"
            and field.name in mapping.fields
            and source.column(mapping.fields[field.name]).kind != "integer"
        ):
            signs = _signs(source, mapping.fields[field.name])
            found = found or check_single_currency(signs, mapping.fields[field.name], source.name)
    texts = [text for column in source.columns for text in (column.name, *column.samples)]
    found = single_currency(found, texts)
    known = warehouse.setting("currency", "")
    if found and known and currency_name(known) != found and warehouse.value("SELECT count(*) FROM orders"):
        raise InputError(
            f"{source.name} is in {found} but this workspace holds amounts in {known}; "
            "load it into a workspace of its own, or convert the amounts."
        )
    return found


def _signs(source: Source, column: str) -> list[tuple[str, int]]:
    key = source.column(column).key
    sign = f"regexp_extract({key}, '{CURRENCY_SIGN}', 1)"
    rows = source.reader.rows(
        f"SELECT {sign} AS sign, count(*) AS n FROM {source.rows_sql()} "
        f"WHERE TRY_CAST({key} AS DOUBLE) IS NULL AND {sign} <> '' AND regexp_matches({key}, '\\d') "
        "GROUP BY 1 ORDER BY n DESC LIMIT 20"
    )
    return [(str(found), int(n)) for found, n in rows]
