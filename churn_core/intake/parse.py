"""From staged text to typed rows, one SQL statement per file.

Every row comes out with its fields as they will be stored and, where it cannot be used, with the cause and the
field at fault. Preview and import use the same statement, so what is shown is what is loaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from churn_core.errors import InputError
from churn_core.intake.dates import date_sql, fast_formats
from churn_core.intake.event_words import kind_word_sql
from churn_core.intake.kinds import Field, Kind, kind_of
from churn_core.intake.mapping_model import ROW_NUMBER, Mapping
from churn_core.intake.profile import not_blank
from churn_core.intake.source import CORRECTION_COLUMNS, Source, SourceColumn
from churn_core.intake.staging import LINE
from churn_core.intake.values import (
    FIRST_YEAR,
    MAX_AMOUNT,
    boolean_sql,
    id_sql,
    label_sql,
    number_sql,
    value_sql,
)
from churn_core.warehouse import utc_now

FAULT_MARK = "\x1f"
"""Between the field at fault and the cause in the column ``fault``."""


@dataclass(frozen=True, kw_only=True)
class ParseQuery:
    """SQL that reads a staged file with a mapping."""

    sql: str
    """Gives ``line``, ``fault``, ``is_return``, ``return_of`` and one column per field that the file fills."""
    parameters: dict[str, object]
    provided: tuple[str, ...]
    """Columns of the kind's table that the file fills, made ones such as a line total included."""


def parse_query(
    source: Source, mapping: Mapping, *, staged: Path | None = None, n_first: int | None = None
) -> ParseQuery:
    """The statement that reads a file; ``n_first`` restricts it to the first rows of the file."""
    kind = kind_of(mapping.kind)
    fields = [field for field in kind.fields if field.name in mapping.fields or mapping.constants.get(field.name)]
    parameters: dict[str, object] = {
        "latest": utc_now() + timedelta(days=1),
        "prefix": mapping.cancellation_prefix,
        "positive": [value.strip() for value in mapping.label_positive],
        "max_amount": MAX_AMOUNT,
    }
    texts = [f"{_text(source, mapping, field, parameters)} AS t_{field.name}" for field in fields]
    attributes = _attributes(source, mapping, kind, parameters)
    limit = f"ORDER BY {LINE} LIMIT {int(n_first)}" if n_first else ""
    read = (
        f"SELECT {', '.join([f'{source.line_sql()} AS {LINE}', *texts, *attributes])} FROM {source.rows_sql(staged)} "
        f"WHERE {not_blank([column.key for column in source.columns])} {limit}"
    )
    typed = [f"{_typed(source, kind, field, mapping)} AS {field.name}" for field in fields]
    more = ["attributes"] if attributes else []
    parsed = f"SELECT line, {', '.join([*typed, *more, *(f't_{field.name}' for field in fields)])} FROM ({read})"
    provided = [field.name for field in fields if not field.table and field.name != "currency"]
    names = [field.name for field in fields]
    columns = ["*"]
    if kind.name == "order_lines" and {"quantity", "unit_price"} <= set(names):
        total = "CAST(round(quantity * unit_price, 2) AS DOUBLE)"
        if "amount" in names:
            columns = [f"* REPLACE (coalesce(amount, {total}) AS amount)"]
        else:
            columns.append(f"{total} AS amount")
            provided.append("amount")
        names.append("amount")
    computed = f"SELECT {', '.join(columns)} FROM ({parsed})"
    sql = (
        f"SELECT * EXCLUDE ({', '.join(f't_{field.name}' for field in fields)}), {_fault(kind, fields)} AS fault, "
        f"{_is_return(kind, set(names))} AS is_return, {_return_of(kind, set(names))} AS return_of FROM ({computed})"
    )
    if attributes:
        provided.append("attributes")
    return ParseQuery(sql=sql, parameters=parameters, provided=tuple(dict.fromkeys(provided)))


def _raw(source: Source, column: SourceColumn) -> str:
    """A staged column; in a file of rejected rows the mark that made a cell safe for spreadsheets is taken off."""
    if source.is_correction:
        is_marked = f"regexp_matches({column.key}, '^''+[=+\\-@\\t\\r]')"
        return f"(CASE WHEN {is_marked} THEN substring({column.key}, 2) ELSE {column.key} END)"
    return column.key


def _text(source: Source, mapping: Mapping, field: Field, parameters: dict[str, object]) -> str:
    if field.name not in mapping.fields:
        if mapping.constants[field.name] == ROW_NUMBER:
            if mapping.kind != "snapshots" or field.name != "customer_id":
                raise InputError(
                    "only a table with one row per customer and a churn label can do without customer ids."
                )
            return f"'row ' || {LINE}"
        parameters[f"constant_{field.name}"] = mapping.constants[field.name]
        return f"$constant_{field.name}"
    column = _raw(source, source.column(mapping.fields[field.name]))
    if field.type == "id" and _is_float_id(source, mapping.fields[field.name]):
        return id_sql(f"regexp_replace({column}, '\\.0+$', '')")
    if field.type == "id" or field.name in ("name", "customer_name"):
        return id_sql(column)
    if field.name == "churned":
        return label_sql(column)
    return value_sql(column, keep_nan=field.name in ("amount", "quantity", "unit_price"))


def _is_float_id(source: Source, name: str) -> bool:
    """Whether all ids of a column were written as numbers with ".0", as programs do that know no missing integers."""
    column = source.column(name)
    if column.kind != "number" or not all(sample.endswith(".0") for sample in column.samples):
        return False
    has_other = f"SELECT count(*) FROM {source.rows_sql()} WHERE NOT regexp_matches({column.key}, '^\\d+\\.0+$')"
    return source.reader.value(f"{has_other} AND {id_sql(column.key)} IS NOT NULL") == 0


def _typed(source: Source, kind: Kind, field: Field, mapping: Mapping) -> str:
    text = f"t_{field.name}"
    if field.name == "churned":
        return f"CASE WHEN {text} IS NOT NULL THEN list_contains($positive, {text}) END"
    if field.name == "kind":
        return kind_word_sql(kind.name, text)
    if field.name == "currency":
        return f"upper({text})"
    if field.type == "time":
        order = mapping.options.date_order or source.date_order
        return date_sql(text, order, first=_first_formats(source, mapping, field.name))
    if field.type in ("money", "number"):
        return number_sql(text, mapping.options.decimal or source.decimal)
    if field.type == "boolean":
        return boolean_sql(text)
    return text


def _first_formats(source: Source, mapping: Mapping, field: str) -> Sequence[str]:
    """The format that reads every sample of a field's column, to be tried first."""
    column = mapping.fields.get(field)
    if column is None:
        return ()
    samples = source.column(column).samples
    for form in fast_formats(mapping.options.date_order or source.date_order):
        sql = (
            "SELECT count(*) FROM unnest($samples) AS s(text) WHERE try_strptime(text, $form) >= TIMESTAMP '1900-01-01'"
        )
        if samples and source.reader.value(sql, {"samples": list(samples), "form": form}) == len(samples):
            return (form,)
    return ()


def _attributes(source: Source, mapping: Mapping, kind: Kind, parameters: dict[str, object]) -> list[str]:
    if kind.name not in ("customers", "snapshots"):
        return []
    taken = {column for field, column in mapping.fields.items() if field != "value_amount"} | set(CORRECTION_COLUMNS)
    pairs = []
    for column in source.columns:
        if column.name not in taken:
            parameters[f"name_{column.key}"] = column.name
            pairs.append(f"$name_{column.key}, {_attribute(source, mapping, column)}")
    return [f"json_object({', '.join(pairs)}) AS attributes"]


def _attribute(source: Source, mapping: Mapping, column: SourceColumn) -> str:
    value = value_sql(_raw(source, column))
    if column.kind == "integer":
        return f"coalesce(to_json(TRY_CAST({value} AS BIGINT)), to_json({value}))"
    if column.kind == "number":
        number = number_sql(value, mapping.options.decimal or source.decimal)
        return f"CASE WHEN isfinite({number}) THEN to_json({number}) WHEN {number} IS NULL THEN to_json({value}) END"
    return f"to_json({value})"


def _fault(kind: Kind, fields: Sequence[Field]) -> str:
    """The first thing wrong with a row as ``field<mark>cause``; NULL when nothing is."""
    cases = []
    for field in fields:
        text = f"t_{field.name}"
        if (field.required or field.name == "customer_id") and field.name != "churned":
            cases.append((f"{text} IS NULL", field, f"'the {_word(field)} is missing'"))
        if field.type == "time":
            cases.append(
                (f"{field.name} IS NULL AND {text} IS NOT NULL", field, _quoted(text, "is not a date that can be read"))
            )
            cases.append(
                (f"{field.name} < TIMESTAMP '{FIRST_YEAR}-01-01'", field, _quoted(text, f"lies before {FIRST_YEAR}"))
            )
            cases.append((f"{field.name} > $latest", field, _quoted(text, "lies in the future")))
        elif field.type in ("money", "number"):
            cases.append((f"{field.name} IS NULL AND {text} IS NOT NULL", field, _quoted(text, "is not a number")))
            impossible = f"NOT isfinite({field.name}) OR abs({field.name}) > $max_amount"
            cases.append((impossible, field, _quoted(text, "is not a possible amount")))
        elif field.type == "boolean" and field.name != "churned":
            cases.append(
                (f"{field.name} IS NULL AND {text} IS NOT NULL", field, _quoted(text, "is neither yes nor no"))
            )
    if kind.name == "order_lines" and {"quantity", "unit_price"} <= {field.name for field in fields}:
        by_name = {field.name: field for field in fields}
        cases.append(
            (
                "NOT isfinite(amount) OR abs(amount) > $max_amount",
                by_name["quantity"],
                "'quantity times price is not a possible amount'",
            )
        )
    whens = " ".join(f"WHEN {condition} THEN '{field.name}' || chr(31) || {cause}" for condition, field, cause in cases)
    return f"CASE {whens} END" if whens else "NULL"


def _quoted(text: str, words: str) -> str:
    return f"'''' || left({text}, 60) || ''' {words}'"


def _word(field: Field) -> str:
    if field.name == "churned":
        return "churn label"
    return "date" if field.type == "time" else field.name.replace("_", " ")


def _is_return(kind: Kind, names: set[str]) -> str:
    if kind.name not in ("orders", "order_lines"):
        return "false"
    tests = []
    if "order_id" in names:
        tests.append("($prefix <> '' AND starts_with(order_id, $prefix))")
    tests += [f"coalesce({name} < 0, false)" for name in ("quantity", "amount") if name in names]
    return " OR ".join(tests) or "false"


def _return_of(kind: Kind, names: set[str]) -> str:
    """The order a return belongs to; unknown where the number is the cancellation's own."""
    if kind.name not in ("orders", "order_lines") or "order_id" not in names:
        return "CAST(NULL AS VARCHAR)"
    return "CASE WHEN $prefix = '' OR NOT starts_with(order_id, $prefix) THEN order_id END"
