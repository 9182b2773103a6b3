"""Bringing parsed rows into the tables: what is new is added, what differs is updated, the rest stays.

Everything happens inside the caller's transaction, on temporary tables, so that an import that is stopped in
the middle leaves nothing behind. Rows found unusable on the way are added to the temporary table ``faults``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from churn_core.intake.derived import DERIVED_SQL, EARLIER_SQL
from churn_core.intake.kinds import Kind
from churn_core.schema import TABLES, Table, quote
from churn_core.warehouse import Transaction

_MERGED_ATTRIBUTES = (
    "CASE WHEN t.attributes IS NULL OR json_keys(t.attributes) = json_keys(i.attributes) THEN i.attributes "
    "ELSE json_merge_patch(t.attributes, i.attributes) END"
)
"""Attributes of a customer from several files are kept side by side."""


@dataclass(frozen=True, kw_only=True)
class TableCounts:
    """What became of the rows of one table."""

    table: str
    n_added: int = 0
    """Rows that are new."""
    n_updated: int = 0
    """Rows that replaced an older version."""
    n_unchanged: int = 0
    """Rows that were there already."""


def start(tx: Transaction, parsed: str) -> None:
    """Make the temporary tables of an import; ``parsed`` is SQL for the parsed rows."""
    for name in ("faults", "incoming", "incoming_lines", "incoming_returns", "touched"):
        tx.execute(f"DROP TABLE IF EXISTS temp.{name}")
    tx.execute(
        "CREATE TEMP TABLE faults AS SELECT line, split_part(fault, chr(31), 1) AS field, "
        f"split_part(fault, chr(31), 2) AS cause FROM {parsed} WHERE fault IS NOT NULL"
    )


def merge_rows(
    tx: Transaction, kind: Kind, parsed: str, provided: Sequence[str], import_id: int, *, where: str = "true"
) -> TableCounts:
    """Merge parsed rows into the table of a kind; ``provided`` are the columns that the file fills."""
    table = TABLES[kind.table]
    key = table.key[0]
    given = [name for name in provided if name in table.column_names]
    selected = [f"CAST({name} AS {table.column(name).type}) AS {name}" for name in given]
    if key not in given:
        selected.append(f"{_made_id(kind, given)} AS {key}")
    tx.execute("DROP TABLE IF EXISTS temp.incoming")
    tx.execute(
        f"CREATE TEMP TABLE incoming AS SELECT line, {', '.join(selected)} FROM {parsed} "
        f"WHERE fault IS NULL AND {where}"
    )
    if key not in given:
        return _upsert(tx, table, [*given, key], import_id, 0)
    if key != "customer_id":
        _make_missing_ids(tx, kind, key, given)
    n_repeated = _drop_repeated(tx, key, [name for name in given if name not in (key, "row_no")])
    return _upsert(tx, table, given, import_id, n_repeated)


def upsert_incoming(tx: Transaction, table: Table, given: Sequence[str], import_id: int) -> TableCounts:
    """Merge the temporary table ``incoming`` (one row per key) into a table."""
    return _upsert(tx, table, given, import_id, 0)


def _upsert(tx: Transaction, table: Table, given: Sequence[str], import_id: int, n_repeated: int) -> TableCounts:
    key = table.key[0]
    n_all = int(tx.value("SELECT count(*) FROM incoming"))
    values = [name for name in given if name not in table.key]
    names = ", ".join(given)
    was_empty = tx.value(f"SELECT count(*) FROM {quote(table.name)}") == 0
    n_updated = 0
    if not was_empty and values:
        fresh = {name: f"i.{name}" for name in values}
        if table.name == "customers" and "attributes" in values:
            fresh["attributes"] = _MERGED_ATTRIBUTES
        differs = " OR ".join(f"t.{name} IS DISTINCT FROM {value}" for name, value in fresh.items())
        sets = ", ".join(f"{name} = {value}" for name, value in fresh.items())
        n_updated = tx.execute(
            f"UPDATE {quote(table.name)} AS t SET {sets}, import_id = $import_id FROM incoming AS i "
            f"WHERE t.{key} = i.{key} AND ({differs})",
            {"import_id": import_id},
        )
    if was_empty and table.name == "orders":
        source = f"SELECT {names}, {DERIVED_SQL} FROM incoming {EARLIER_SQL} ORDER BY customer_id, order_time"
    elif was_empty:
        source = f"SELECT {names} FROM incoming"
    else:
        there = f"SELECT 1 FROM {quote(table.name)} AS t WHERE t.{key} = i.{key}"
        source = f"SELECT {names} FROM incoming AS i WHERE NOT EXISTS ({there})"
    n_added = tx.execute(
        f"INSERT INTO {quote(table.name)} BY NAME SELECT *, $import_id AS import_id FROM ({source})",
        {"import_id": import_id},
    )
    return TableCounts(
        table=table.name, n_added=n_added, n_updated=n_updated, n_unchanged=n_all - n_added - n_updated + n_repeated
    )


def made_order_id(*, with_amount: bool) -> str:
    """SQL for an order number made from customer, time and amount."""
    day = "CASE WHEN CAST(order_time AS TIME) = TIME '00:00:00' THEN strftime(order_time, '%Y-%m-%d')"
    when = f"{day} ELSE CAST(order_time AS VARCHAR) END"
    parts = f"customer_id || '@' || {when}"
    return f"{parts} || coalesce(' ' || CAST(CAST(amount AS DECIMAL(18,2)) AS VARCHAR), '')" if with_amount else parts


def _made_id(kind: Kind, given: Sequence[str]) -> str:
    """The id of a row without one: from its content, and its count among rows of the same content."""
    parts = [name for name in kind.identity if name in given]
    if kind.name == "orders":
        content = made_order_id(with_amount="amount" in given)
        occurrence = f"row_number() OVER (PARTITION BY {', '.join(parts)} ORDER BY line)"
        return f"{content} || CASE WHEN {occurrence} > 1 THEN ' (' || {occurrence} || ')' ELSE '' END"
    if "amount" in parts:
        parts[parts.index("amount")] = "CAST(amount AS DECIMAL(18,2))"
    content = " || chr(31) || ".join(f"coalesce(CAST({part} AS VARCHAR), '')" for part in parts)
    occurrence = f"row_number() OVER (PARTITION BY {', '.join(parts)} ORDER BY line)"
    return f"left(md5({content}), 20) || '-' || {occurrence}"


def _make_missing_ids(tx: Transaction, kind: Kind, key: str, given: Sequence[str]) -> None:
    if tx.value(f"SELECT count(*) FROM incoming WHERE {key} IS NULL"):
        tx.execute(
            f"UPDATE incoming SET {key} = made.id FROM (SELECT line, {_made_id(kind, given)} AS id FROM incoming "
            f"WHERE {key} IS NULL) AS made WHERE incoming.line = made.line AND incoming.{key} IS NULL"
        )


def _drop_repeated(tx: Transaction, key: str, values: Sequence[str]) -> int:
    """Keep the first row of an id: the same row again counts as unchanged, another one becomes a fault."""
    repeated = f"SELECT {key} FROM incoming GROUP BY {key} HAVING count(*) > 1"
    if not tx.value(f"SELECT count(*) FROM ({repeated})"):
        return 0
    differs = " OR ".join(f"later.{name} IS DISTINCT FROM kept.{name}" for name in values) or "false"
    tx.execute(
        f"CREATE OR REPLACE TEMP TABLE touched AS SELECT later.line, ({differs}) AS differs, kept.line AS kept_line "
        "FROM incoming AS later "
        f"JOIN (SELECT * FROM incoming WHERE {key} IN ({repeated}) QUALIFY row_number() OVER (PARTITION BY {key} "
        "ORDER BY line) = 1) "
        f"AS kept USING ({key}) WHERE later.line <> kept.line"
    )
    tx.execute(
        "INSERT INTO faults SELECT line, $field, 'the same ' || $word || ' stands on line ' || kept_line || ' with "
        "other values' "
        "FROM touched WHERE differs",
        {"field": key, "word": key.replace("_", " ")},
    )
    tx.execute("DELETE FROM incoming WHERE line IN (SELECT line FROM touched)")
    return int(tx.value("SELECT count(*) FROM touched WHERE NOT differs"))
