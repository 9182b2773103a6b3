"""Loading a file into the workspace: all or nothing, and the same file twice changes nothing.

Rows are parsed into a file in the workspace's folder first, without touching a table; then one transaction
merges them. Whatever stops the import before its end leaves the tables as they were.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from churn_core.errors import InputError
from churn_core.intake.check import FileCheck, check_rows
from churn_core.intake.derived import refresh_derived
from churn_core.intake.kinds import CUSTOMER_EXTRAS, KINDS, kind_of
from churn_core.intake.mapping_model import Mapping
from churn_core.intake.merge import TableCounts, merge_rows, start
from churn_core.intake.merge_lines import LinesFile, merge_order_lines
from churn_core.intake.parse import ParseQuery, parse_query
from churn_core.intake.rejected import rejected_causes, rejected_rows, store_rejected, write_rejected
from churn_core.intake.source import Source
from churn_core.jobs import Progress, no_progress
from churn_core.warehouse import Transaction, Warehouse, utc_now

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "ImportResult",
    "TableCounts",
    "import_file",
    "preview",
    "refresh_derived",
    "rejected_causes",
    "rejected_rows",
    "write_rejected",
]

_SCRATCH = "import-"


@dataclass(frozen=True, kw_only=True)
class ImportResult:
    """What an import did."""

    import_id: int
    """Number of the import; of the earlier one when the file had been loaded before."""
    tables: tuple[TableCounts, ...]
    """What became of the rows of each table written."""
    n_rows: int
    """Rows read."""
    n_added: int
    """Orders, returns, events, ... that are new; order lines are counted through their orders."""
    n_updated: int
    """Those that replaced an older version."""
    n_unchanged: int
    """Those that were there already."""
    n_rejected: int
    """Rows kept aside."""
    data_version: int
    """Data version after the import."""
    message: str
    """All of it in words."""
    is_repeat: bool = False
    """Whether the file had been loaded before in the same way, so that nothing was done."""


def preview(source: Source, mapping: Mapping, n_rows: int = 10) -> pd.DataFrame:
    """The first rows as they will be understood: a column per field, and ``problem`` for rows to be set aside."""
    mapping.check(source)
    query = parse_query(source, mapping.settled(source), n_first=n_rows)
    is_order = mapping.kind in ("orders", "order_lines")
    dropped = "line, fault, return_of" + ("" if is_order else ", is_return")
    return source.reader.frame(
        f"SELECT line, * EXCLUDE ({dropped}), nullif(split_part(coalesce(fault, ''), chr(31), 2), '') AS problem "
        f"FROM ({query.sql}) ORDER BY line",
        query.parameters,
    )


def import_file(
    warehouse: Warehouse, source: Source, mapping: Mapping, *, progress: Progress = no_progress
) -> ImportResult:
    """Load a file. Raises InputError, with nothing changed, when it cannot be loaded."""
    mapping = mapping.settled(source)
    mapping.check(source)
    earlier = _loaded_before(warehouse, source, mapping)
    if earlier is not None:
        return earlier
    progress(0.02, "reading dates and amounts")
    with _parsed(warehouse, source, mapping) as (query, parsed, staged):
        progress(0.45, "checking the file as a whole")
        names = tuple(dict.fromkeys((*mapping.fields, *mapping.constants)))
        checked = check_rows(warehouse, source, mapping, parsed, names)
        progress(0.5, "bringing the rows into the tables")
        with warehouse.transaction() as tx:
            return _Load(tx, source, mapping, query, parsed, staged, checked, progress).run()


class _Load:
    """The one transaction of an import."""

    def __init__(
        self, tx: Transaction, source: Source, mapping: Mapping, query: ParseQuery, parsed: str, staged: Path,
        checked: FileCheck, progress: Progress,
    ) -> None:  # fmt: skip
        self._tx = tx
        self._source = source
        self._mapping = mapping
        self._query = query
        self._parsed = parsed
        self._staged = staged
        self._checked = checked
        self._progress = progress
        self._import_id = tx.next_number("imports", "import_id")
        self._notes: list[str] = []

    def run(self) -> ImportResult:
        """Merge, keep what was rejected, record the import."""
        tx = self._tx
        start(tx, self._parsed)
        counts = [*self._merge(), *self._customers()]
        self._progress(0.85, "keeping rejected rows")
        n_rejected = store_rejected(tx, self._source, self._mapping, self._staged, self._import_id)
        if any(part.table == "orders" and part.n_added + part.n_updated for part in counts):
            self._progress(0.9, "refreshing the gaps between orders")
            self._refresh(counts)
            self._note_repeat_buying()
        self._progress(0.97, "finishing")
        if self._checked.currency and not tx.setting("currency", ""):
            tx.save_setting("currency", self._checked.currency)
        return self._record(counts, n_rejected)

    def _merge(self) -> list[TableCounts]:
        kind = kind_of(self._mapping.kind)
        provided = self._query.provided
        if kind.name == "order_lines":
            lines = LinesFile(
                parsed=self._parsed,
                provided=provided,
                has_channel="channel" in self._mapping.fields,
                is_correction=self._source.is_correction,
            )
            merged = merge_order_lines(self._tx, lines, self._import_id)
            if merged.n_unpaid_orders:
                self._notes.append(_unpaid_sentence(merged.n_unpaid_orders))
            return list(merged.counts)
        if kind.name == "orders":
            orders = merge_rows(self._tx, kind, self._parsed, provided, self._import_id, where="NOT is_return")
            return [orders, self._returns_of_orders()]
        if kind.name == "snapshots":
            self._note_label()
            return [self._snapshots()]
        return [merge_rows(self._tx, kind, self._positive(), provided, self._import_id)]

    def _note_label(self) -> None:
        """What the label was taken to mean, and what becomes of customers without one."""
        label = self._mapping.fields["churned"]
        values = " or ".join(repr(value) for value in self._mapping.label_positive)
        self._notes.append(f"It was read as a labelled table: {values} in {label!r} means that the customer left.")
        n_open = int(self._tx.value(f"SELECT count(*) FROM {self._parsed} WHERE fault IS NULL AND churned IS NULL"))
        if n_open:
            customers = "customer has" if n_open == 1 else "customers have"
            self._notes.append(
                f"{n_open:,} {customers} no label in {label!r}: nothing is learned from them, and they are scored like "
                "all others."
            )

    def _returns_of_orders(self) -> TableCounts:
        given = {"customer_id": "customer_id", "order_time": "return_time"}
        columns = [f"{name} AS {alias}" for name, alias in given.items()]
        names = ["customer_id", "return_time"]
        if "order_id" in self._query.provided:
            columns += ["order_id AS return_id", "return_of AS order_id"]
            names += ["return_id", "order_id"]
        if "amount" in self._query.provided:
            columns.append("abs(amount) AS amount")
            names.append("amount")
        rows = f"(SELECT line, fault, {', '.join(columns)} FROM {self._parsed} WHERE is_return)"
        return merge_rows(self._tx, KINDS["returns"], rows, names, self._import_id)

    def _positive(self) -> str:
        """Amounts of returns are positive however the file writes them."""
        if self._mapping.kind == "returns" and "amount" in self._query.provided:
            return f"(SELECT * REPLACE (abs(amount) AS amount) FROM {self._parsed})"
        return self._parsed

    def _snapshots(self) -> TableCounts:
        rows = f"(SELECT *, line AS row_no FROM {self._parsed})"
        return merge_rows(self._tx, KINDS["snapshots"], rows, [*self._query.provided, "row_no"], self._import_id)

    def _customers(self) -> list[TableCounts]:
        """Who the customer is, where an order file says so; what is known already stays."""
        extras = [name for name in CUSTOMER_EXTRAS if f"customer_{name}" in self._mapping.fields]
        if not extras or self._mapping.kind not in ("orders", "order_lines"):
            return []
        picked = ", ".join(f"arg_max(customer_{name}, order_time) AS {name}" for name in extras)
        self._tx.execute("DROP TABLE IF EXISTS temp.incoming")
        self._tx.execute(
            f"CREATE TEMP TABLE incoming AS SELECT customer_id, {picked} FROM {self._parsed} "
            "WHERE fault IS NULL GROUP BY customer_id"
        )
        fills = ", ".join(f"{name} = coalesce(t.{name}, i.{name})" for name in extras)
        lacks = " OR ".join(f"(t.{name} IS NULL AND i.{name} IS NOT NULL)" for name in extras)
        parameters = {"import_id": self._import_id}
        n_all = int(self._tx.value("SELECT count(*) FROM incoming"))
        n_updated = self._tx.execute(
            f"UPDATE customers AS t SET {fills}, import_id = $import_id FROM incoming AS i "
            f"WHERE t.customer_id = i.customer_id AND ({lacks})",
            parameters,
        )
        n_added = self._tx.execute(
            "INSERT INTO customers BY NAME SELECT *, $import_id AS import_id FROM incoming AS i "
            "WHERE NOT EXISTS (SELECT 1 FROM customers AS t WHERE t.customer_id = i.customer_id)",
            parameters,
        )
        return [
            TableCounts(
                table="customers", n_added=n_added, n_updated=n_updated, n_unchanged=n_all - n_added - n_updated
            )
        ]

    def _refresh(self, counts: list[TableCounts]) -> None:
        (orders,) = [part for part in counts if part.table == "orders"]
        if orders.n_added < self._tx.n_rows("orders") or orders.n_updated:
            refresh_derived(self._tx)

    def _note_repeat_buying(self) -> None:
        if not self._tx.value("SELECT count(*) FROM orders WHERE gap_days IS NOT NULL"):
            self._notes.append(
                "No customer has ordered on a second day, so there is no repeat buying to learn from yet; "
                "add more history if there is any."
            )

    def _record(self, counts: list[TableCounts], n_rejected: int) -> ImportResult:
        tx, source = self._tx, self._source
        written = [part for part in counts if part.n_added + part.n_updated + part.n_unchanged]
        main = [
            part
            for part in written
            if part.table not in ("order_lines", "customers") or self._mapping.kind == part.table == "customers"
        ]
        changes = sum(part.n_added + part.n_updated for part in written)
        version = tx.bump_data_version() if changes else tx.data_version
        result = ImportResult(
            import_id=self._import_id,
            tables=tuple(written),
            n_rows=source.n_rows,
            n_added=sum(part.n_added for part in main),
            n_updated=sum(part.n_updated for part in main),
            n_unchanged=sum(part.n_unchanged for part in main),
            n_rejected=n_rejected,
            data_version=version,
            message=_message(source.name, written, source.n_rows, n_rejected, self._notes),
        )
        row: dict[str, Any] = {
            "import_id": result.import_id,
            "imported_at": utc_now(),
            "file_name": source.name,
            "sha256": source.sha256,
            "mapping": self._mapping.as_json(),
            "shape_key": source.shape_key,
            "tables": [part.table for part in written],
            "n_rows": result.n_rows,
            "n_added": result.n_added,
            "n_updated": result.n_updated,
            "n_unchanged": result.n_unchanged,
            "n_rejected": result.n_rejected,
            "data_version": version,
        }
        tx.execute(f"INSERT INTO imports ({', '.join(row)}) VALUES ({', '.join(f'${name}' for name in row)})", row)
        tx.audit("import", {"import_id": result.import_id, "file": source.name, "message": result.message})
        return result


def _loaded_before(warehouse: Warehouse, source: Source, mapping: Mapping) -> ImportResult | None:
    rows = warehouse.records(
        "SELECT import_id, imported_at, n_rows, n_rejected FROM imports "
        "WHERE sha256 = $sha256 AND CAST(mapping AS VARCHAR) = $mapping ORDER BY import_id DESC LIMIT 1",
        {"sha256": source.sha256, "mapping": mapping.as_json()},
    )
    if not rows:
        return None
    row = rows[0]
    return ImportResult(
        import_id=row["import_id"],
        tables=(),
        n_rows=row["n_rows"],
        n_added=0,
        n_updated=0,
        n_unchanged=row["n_rows"] - row["n_rejected"],
        n_rejected=0,
        data_version=warehouse.data_version,
        message=(
            f"{source.name} was loaded in the same way on {row['imported_at']:%-d %b %Y} (import {row['import_id']}); "
            "nothing was changed."
        ),
        is_repeat=True,
    )


@contextmanager
def _parsed(warehouse: Warehouse, source: Source, mapping: Mapping) -> Iterator[tuple[ParseQuery, str, Path]]:
    """Parse a file into the workspace's folder; gives SQL for the parsed rows. Cleans up behind itself."""
    if warehouse.folder is None:
        raise InputError("this workspace has no folder for files; open it with one.")
    for left_over in warehouse.folder.glob(f"{_SCRATCH}*.parquet"):
        left_over.unlink(missing_ok=True)
    token = uuid.uuid4().hex[:12]
    staged = warehouse.file(f"{_SCRATCH}{token}-staged.parquet")
    target = warehouse.file(f"{_SCRATCH}{token}-parsed.parquet")
    try:
        try:
            os.link(source.staged, staged)
        except OSError:
            shutil.copyfile(source.staged, staged)
        query = parse_query(source, mapping, staged=staged)
        warehouse.write_file(query.sql, query.parameters, target, options="FORMAT parquet, COMPRESSION lz4")
        literal = str(target).replace("'", "''")
        yield query, f"read_parquet('{literal}')", staged
    finally:
        staged.unlink(missing_ok=True)
        target.unlink(missing_ok=True)


_WORDS = {
    "orders": ("order", "orders"),
    "order_lines": ("order line", "order lines"),
    "returns": ("return", "returns"),
    "events": ("event", "events"),
    "feedback": ("review", "reviews"),
    "tickets": ("ticket", "tickets"),
    "contacts": ("contact", "contacts"),
    "customers": ("customer", "customers"),
    "snapshots": ("customer", "customers"),
}


def _unpaid_sentence(n_orders: int) -> str:
    if n_orders == 1:
        return "1 order without a paid line was left out."
    return f"{n_orders:,} orders without a paid line were left out."


def _message(name: str, counts: list[TableCounts], n_rows: int, n_rejected: int, notes: list[str]) -> str:
    parts = []
    for verb, attribute in (("added", "n_added"), ("updated", "n_updated"), ("unchanged", "n_unchanged")):
        found = [(part.table, getattr(part, attribute)) for part in counts if getattr(part, attribute)]
        if found:
            parts.append(", ".join(f"{n:,} {_WORDS[table][n != 1]}" for table, n in found) + f" {verb}")
    sentence = f"{name}: {'; '.join(parts) or 'nothing new'}, from {n_rows:,} row{'s' if n_rows != 1 else ''}."
    if n_rejected:
        sentence += f" {n_rejected:,} row{'s were' if n_rejected != 1 else ' was'} set aside with the cause."
    return " ".join([sentence, *notes])
