"""What the columns of a staged file look like: kind of values, decimal mark, date order.

Decided from values, not names. Kinds come from some 20,000 rows spread over the file, the order of day and
month from every row, because the one 13th of a month may be anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from churn_core.intake.dates import date_sql
from churn_core.intake.source import DATE_ORDERS, ReadOptions, SourceColumn
from churn_core.intake.staging import LINE, keys
from churn_core.intake.values import FIRST_YEAR, number_sql, value_sql
from churn_core.warehouse import Warehouse

N_LOOKED_AT = 20_000
"""Rows looked at, spread over the file, to tell what a column holds."""
_N_PARSED = 2_000
_GROUP = 40

_GAP = "[ \\x{00A0}\\x{202F}\\x{2009}''’]"
_COMMA = f"(\\d+,(\\d{{1,2}}|\\d{{4,}})|\\d+,[-–—]{{1,2}}|\\d{{1,3}}((\\.|{_GAP})\\d{{3}})+,(\\d+|[-–—]{{1,2}}))"
_POINT = f"(\\d*\\.(\\d{{1,2}}|\\d{{4,}})|\\d{{1,3}}((,|{_GAP})\\d{{3}})+\\.\\d+)"
_DAY_MONTH = "^\\d{1,2}[-/.]\\d{1,2}[-/.](\\d{4}|\\d{2})([ T,].*)?$"


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What was found out about a staged file."""

    columns: tuple[SourceColumn, ...]
    n_rows: int
    """Rows with at least one value."""
    decimal: str
    """"." or ","."""
    date_order: str
    """dmy, mdy or ymd."""
    guessed: frozenset[str]
    """date_order and decimal when nothing in the file proves them."""
    notes: tuple[str, ...]
    """What was found out, in sentences."""


def profile(
    reader: Warehouse, staged: Path, names: Sequence[str], separator: str | None, options: ReadOptions
) -> Profile:
    """Look at every column of a staged file."""
    literal = str(staged).replace("'", "''")
    rows = f"read_parquet('{literal}')"
    columns = keys(len(names))
    filled = _filled(reader, rows, columns)
    n_rows = (
        int(reader.value(f"SELECT count(*) FROM {rows} WHERE {not_blank(columns)}"))
        if 0 not in filled.empty
        else filled.n_rows
    )
    step = max(1, filled.n_rows // N_LOOKED_AT)
    with reader.transaction() as tx:
        tx.execute("DROP TABLE IF EXISTS looked_at")
        tx.execute(f"CREATE TABLE looked_at AS SELECT * FROM {rows} WHERE {LINE} % {step} = 0 OR {LINE} < 500")
    decimal, is_proven, decimal_notes = _decimal(reader, columns, separator, options)
    order, is_order_proven, order_notes = _date_order(
        reader, rows, dict(zip(columns, names, strict=True)), decimal, options
    )
    found = _columns(reader, columns, names, filled.empty, decimal, order)
    with reader.transaction() as tx:
        tx.execute("DROP TABLE looked_at")
    proofs = {"decimal": is_proven, "date_order": is_order_proven}
    return Profile(
        columns=tuple(found),
        n_rows=n_rows,
        decimal=decimal,
        date_order=order,
        guessed=frozenset(name for name, is_sure in proofs.items() if not is_sure),
        notes=(*decimal_notes, *order_notes),
    )


@dataclass(frozen=True)
class _Filled:
    n_rows: int
    empty: list[int]


def _filled(reader: Warehouse, rows: str, columns: Sequence[str]) -> _Filled:
    empty: list[int] = []
    n_rows = 0
    for start in range(0, len(columns), _GROUP):
        parts = ", ".join(f"count(nullif({column}, ''))" for column in columns[start : start + _GROUP])
        ((n_rows, *counts),) = reader.rows(f"SELECT count(*), {parts} FROM {rows}")
        empty += [n_rows - count for count in counts]
    return _Filled(n_rows, empty)


def not_blank(columns: Sequence[str]) -> str:
    """SQL condition: at least one of the staged columns holds something."""
    return " OR ".join(f"{column} <> ''" for column in columns)


def _columns(
    reader: Warehouse, columns: Sequence[str], names: Sequence[str], empty: Sequence[int], decimal: str, order: str
) -> list[SourceColumn]:
    first = reader.rows(f"SELECT {', '.join(columns)} FROM looked_at ORDER BY {LINE} LIMIT 300")
    found = []
    for start in range(0, len(columns), _GROUP):
        group = columns[start : start + _GROUP]
        (looks,) = reader.rows(f"SELECT {', '.join(_looks(column) for column in group)} FROM looked_at")
        for index, column in enumerate(group):
            n, n_whole, n_coded, n_with_digits, n_distinct = looks[5 * index : 5 * index + 5]
            kind = _kind(reader, column, n, n_whole, n_coded, n_with_digits, decimal, order)
            samples = dict.fromkeys(row[start + index].strip() for row in first if (row[start + index] or "").strip())
            found.append(
                SourceColumn(
                    name=names[start + index],
                    key=column,
                    kind=kind,
                    n_empty=empty[start + index],
                    n_distinct=n_distinct,
                    n_looked_at=n,
                    samples=tuple(samples)[:6],
                )
            )
    return found


def _looks(column: str) -> str:
    value = value_sql(column)
    return (
        f"count({value}), "
        f"count(*) FILTER (WHERE regexp_matches({value}, '^[-+]?\\d{{1,18}}$')), "
        f"count(*) FILTER (WHERE regexp_matches({value}, '^0\\d+$|^\\+\\d{{6,}}$')), "
        f"count(*) FILTER (WHERE length({column}) <= 40 AND regexp_matches({column}, '\\d')), "
        f"count(DISTINCT {value})"
    )


def _kind(
    reader: Warehouse, column: str, n: int, n_whole: int, n_coded: int, n_with_digits: int, decimal: str, order: str
) -> str:
    if n == 0:
        return "empty"
    if n_coded:
        return "text"
    if n_whole == n:
        return "integer"
    if n_with_digits < 0.5 * n:
        return "text"
    values = (
        f"(SELECT {value_sql(column)} AS v, length({column}) <= 40 AS is_short FROM looked_at "
        f"WHERE {column} <> '' ORDER BY {LINE} % 7, {LINE} LIMIT {_N_PARSED})"
    )
    dated = (
        "regexp_matches(v, '^\\d{4}[-/.年]\\d|\\d[-/. ]\\d\\d?[-/. ]\\d|\\pL{3}.*\\d{4}|\\d[-/. ]+\\pL{3,}[-/. ]+\\d')"
    )
    ((n_parsed, n_dated, n_number),) = reader.rows(
        f"SELECT count(v), count(*) FILTER (WHERE is_short AND {dated}), "
        f"count(*) FILTER (WHERE is_short AND {number_sql('v', decimal)} IS NOT NULL) FROM {values}"
    )
    if n_dated >= 0.5 * n_parsed:
        read = f"SELECT count({date_sql('v', order)}) FROM (SELECT v FROM {values} WHERE is_short AND {dated})"
        if reader.value(read) >= 0.5 * n_parsed:
            return "date"
    return "number" if n_number >= 0.9 * n_parsed else "text"


def _decimal(
    reader: Warehouse, columns: Sequence[str], separator: str | None, options: ReadOptions
) -> tuple[str, bool, tuple[str, ...]]:
    if options.decimal:
        return options.decimal, True, ()
    n_comma = n_point = n_either = 0
    signed, unit = "^[^\\d]{0,5}", "[^\\d,.]{0,8}$"
    for start in range(0, len(columns), _GROUP):
        group = columns[start : start + _GROUP]
        parts: list[str] = []
        for column in group:
            comma = f"regexp_matches({column}, '{signed}{_COMMA}{unit}')"
            point = f"regexp_matches({column}, '{signed}{_POINT}{unit}')"
            either = f"regexp_matches({column}, '{signed}\\d{{1,3}}[.,]\\d{{3}}{unit}')"
            parts += [f"count(*) FILTER (WHERE length({column}) <= 40 AND {test})" for test in (comma, point, either)]
        (counts,) = reader.rows(f"SELECT {', '.join(parts)} FROM looked_at")
        n_comma += sum(counts[0::3])
        n_point += sum(counts[1::3])
        n_either += sum(counts[2::3])
    is_typed = separator is None
    if n_comma > n_point and not (is_typed and n_point):
        return ",", True, ("numbers are read with a decimal comma, as in 1.234,50.",)
    if n_comma == n_point == 0 and n_either:
        guess = "," if separator == ";" else "."
        return (
            guess,
            False,
            (f"numbers such as 1.234 or 1,234 can be read two ways; the decimal mark was taken to be {guess!r}.",),
        )
    return ".", n_point > 0, ()


def _date_order(
    reader: Warehouse, rows: str, columns: dict[str, str], decimal: str, options: ReadOptions
) -> tuple[str, bool, tuple[str, ...]]:
    shares = ", ".join(
        f"count(*) FILTER (WHERE regexp_matches({key}, '{_DAY_MONTH}')), count(nullif({key}, ''))" for key in columns
    )
    (counts,) = reader.rows(f"SELECT {shares} FROM looked_at")
    dated = [key for index, key in enumerate(columns) if counts[2 * index] >= 0.5 * max(1, counts[2 * index + 1])]
    if not dated:
        return options.date_order or "ymd", False, ()
    if options.date_order:
        return options.date_order, True, (f"dates are read {DATE_ORDERS[options.date_order]}, as chosen.",)
    key = dated[0]
    if _is_year_first(reader, key):
        return "ymd", True, (f"dates of {columns[key]!r} are read year first, with two digits for the year.",)
    tidy = f"replace(replace({key}, '/', '-'), '.', '-')"
    first = f"TRY_CAST(split_part({tidy}, '-', 1) AS SMALLINT)"
    second = f"TRY_CAST(split_part({tidy}, '-', 2) AS SMALLINT)"
    (sums,) = reader.rows(
        f"SELECT count(*) FILTER (WHERE {first} BETWEEN 13 AND 31 AND {second} <= 12), "
        f"count(*) FILTER (WHERE {second} BETWEEN 13 AND 31 AND {first} <= 12), "
        f"count(*) FILTER (WHERE {key} LIKE '%.%.%') FROM {rows}"
    )
    n_day_first, n_month_first, n_dotted = sums
    if n_day_first or n_month_first:
        order = "dmy" if n_day_first >= n_month_first else "mdy"
        n_proof, n_against = max(n_day_first, n_month_first), min(n_day_first, n_month_first)
        note = (
            f"dates are read {DATE_ORDERS[order]}: {n_proof:,} {'date' if n_proof == 1 else 'dates'} of "
            f"{columns[key]!r} cannot be read the other way."
        )
        if n_against:
            note += (
                f" {n_against:,} {'is' if n_against == 1 else 'are'} written the other way round and will be set aside."
            )
        return order, True, (note,)
    return _guessed_order(reader, key, columns[key], dotted=n_dotted > 0 or decimal == ",")


def _is_year_first(reader: Warehouse, key: str) -> bool:
    """Whether dates like 24-05-17 begin with the year.

    Only where all years have two digits. Read the wrong way the days 1 to 31 become years, so the right order is
    the one that reads as many and spans less time.
    """
    short = f"regexp_matches({key}, '^\\d{{2}}[-/.]\\d{{2}}[-/.]\\d{{2}}([ T,].*)?$')"
    spans = {}
    for order in ("ymd", "dmy", "mdy"):
        read = date_sql(key, order)
        ((n_short, n_read, days),) = reader.rows(
            f"SELECT count({key}), count(t), coalesce(date_diff('day', min(t), max(t)), 0) "
            f"FROM (SELECT {key}, CASE WHEN d >= TIMESTAMP '{FIRST_YEAR}-01-01' THEN d END AS t "
            f"FROM (SELECT {key}, {read} AS d FROM looked_at WHERE {short}))"
        )
        spans[order] = (n_read, -days)
    ((n_other,),) = reader.rows(f"SELECT count(*) FILTER (NOT {short}) FROM looked_at WHERE {key} <> ''")
    best = max(spans, key=lambda order: spans[order])
    return n_short > n_other and best == "ymd" and spans["ymd"] > max(spans["dmy"], spans["mdy"])


def _guessed_order(reader: Warehouse, key: str, name: str, *, dotted: bool) -> tuple[str, bool, tuple[str, ...]]:
    """No day above 12 anywhere: files are mostly sorted by date, so the order with fewer steps back is the likelier."""
    steps = {}
    for order in ("dmy", "mdy"):
        read = date_sql(f"{key}", order)
        steps[order] = int(
            reader.value(
                f"SELECT count(*) FROM (SELECT {read} AS t, lag({read}) OVER (ORDER BY {LINE}) AS p FROM looked_at) "
                "WHERE t < p"
            )
        )
    order = "mdy" if steps["mdy"] < steps["dmy"] and not dotted else "dmy"
    note = (
        f"dates of {name!r} can be read day first or month first; they are read {DATE_ORDERS[order]}. "
        "Change it if that is wrong."
    )
    return order, False, (note,)
