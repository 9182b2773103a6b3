"""Order lines: kept as lines, added up to orders; lines taken back become returns.

How an order is made of its lines. Exact duplicates of a line are lines of their own (a shop that sells the same
article twice in one order writes it twice). Lines with a negative quantity or amount, or whose order number has
the cancellation prefix, are returns: they are added up per order number into ``returns`` and are not kept as
lines. An order counts from its first line with an amount above 0 and its amount is the sum of its lines; where a
file has no amounts every line counts, and an order without any paid line is no purchase and is left out.
Lines of an order that is in the file replace the lines that order had; the lines of a file of corrected rows
are added to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from churn_core.intake.kinds import KINDS
from churn_core.intake.merge import TableCounts, made_order_id, merge_rows, upsert_incoming
from churn_core.schema import TABLES
from churn_core.warehouse import Transaction

CORRECTED_LINES_FROM = 1_000_000
"""Line numbers of corrected rows start here, behind the lines the order has."""

_UNUSABLE = "line IN (SELECT line FROM faults WHERE field = 'order_id')"


@dataclass(frozen=True, kw_only=True)
class LinesFile:
    """A parsed file of order lines."""

    parsed: str
    """SQL for its rows."""
    provided: Sequence[str]
    """Columns of ``order_lines`` that it fills."""
    has_channel: bool
    """Whether it says where orders came from."""
    is_correction: bool
    """Whether it holds corrected rows only, to be added to what is there."""

    @property
    def kept(self) -> list[str]:
        """Columns of a line beside its key."""
        return [name for name in self.provided if name in TABLES["order_lines"].column_names and name != "order_id"]

    @property
    def order_id(self) -> str:
        """SQL for the order number; made from customer and time where there is none."""
        made = made_order_id(with_amount=False)
        return f"coalesce(order_id, {made})" if "order_id" in self.provided else made


@dataclass(frozen=True, kw_only=True)
class LinesMerged:
    """What became of a file of order lines."""

    counts: tuple[TableCounts, ...]
    """Orders, order lines and returns."""
    n_unpaid_orders: int
    """Orders left out because nothing was paid for any line."""


def merge_order_lines(tx: Transaction, lines: LinesFile, import_id: int) -> LinesMerged:
    """Merge a file of order lines into ``order_lines``, ``orders`` and ``returns``."""
    _refuse_shared_orders(tx, lines)
    n_unpaid = _collect_lines(tx, lines)
    n_orders = int(tx.value("SELECT count(DISTINCT order_id) FROM incoming_lines"))
    stored = _store_lines(tx, lines, import_id)
    orders = _store_orders(tx, lines, import_id, n_orders)
    returns = _store_returns(tx, lines, import_id)
    return LinesMerged(counts=(orders, stored, returns), n_unpaid_orders=n_unpaid)


def _refuse_shared_orders(tx: Transaction, lines: LinesFile) -> None:
    """An order number that two customers have belongs to the first; the other's lines become faults."""
    if "order_id" not in lines.provided:
        return
    shared = (
        f"SELECT order_id, arg_min(customer_id, line) AS owner FROM {lines.parsed} WHERE fault IS NULL "
        "AND order_id IS NOT NULL GROUP BY order_id HAVING min(customer_id) <> max(customer_id)"
    )
    tx.execute(
        "INSERT INTO faults SELECT line, 'order_id', 'an earlier line gives this order to customer ' || left(owner, "
        "60) "
        f"FROM {lines.parsed} JOIN ({shared}) USING (order_id) WHERE fault IS NULL AND customer_id <> owner"
    )


def _collect_lines(tx: Transaction, lines: LinesFile) -> int:
    """Fill ``incoming_lines``; the number of orders without a paid line."""
    table = TABLES["order_lines"]
    columns = [f"CAST({name} AS {table.column(name).type}) AS {name}" for name in lines.kept]
    columns += ["channel"] if lines.has_channel else []
    number = f"{CORRECTED_LINES_FROM} + line"
    if not lines.is_correction:
        number = "row_number() OVER (PARTITION BY order_id ORDER BY line)"
    tx.execute(
        f"CREATE TEMP TABLE incoming_lines AS SELECT *, CAST({number} AS INTEGER) AS line_no FROM "
        f"(SELECT line, {lines.order_id} AS order_id, {', '.join(columns)} FROM {lines.parsed} "
        f"WHERE fault IS NULL AND NOT is_return AND NOT {_UNUSABLE})"
    )
    if "amount" not in lines.provided or lines.is_correction:
        return 0
    unpaid = (
        "SELECT order_id FROM incoming_lines GROUP BY order_id HAVING count(amount) = count(*) AND max(amount) <= 0"
    )
    n_unpaid = int(tx.value(f"SELECT count(*) FROM ({unpaid})"))
    if n_unpaid:
        tx.execute(f"DELETE FROM incoming_lines WHERE order_id IN ({unpaid})")
    return n_unpaid


def _store_lines(tx: Transaction, lines: LinesFile, import_id: int) -> TableCounts:
    """Write the lines of new and changed orders; ``incoming_lines`` keeps only those."""
    n_all = n_changed = int(tx.value("SELECT count(*) FROM incoming_lines"))
    n_updated = 0
    if tx.value("SELECT count(*) FROM order_lines"):
        _find_touched(tx, lines)
        match = "order_id IN (SELECT order_id FROM touched)"
        if lines.is_correction:
            match = "(order_id, line_no) IN (SELECT (order_id, line_no) FROM touched)"
        n_updated = int(tx.value("SELECT count(*) FROM touched WHERE is_in_file AND was_there"))
        n_changed = int(tx.value("SELECT count(*) FROM touched WHERE is_in_file"))
        tx.execute(f"DELETE FROM order_lines WHERE {match}")
        tx.execute(f"DELETE FROM incoming_lines WHERE NOT ({match})")
    names = ", ".join(["order_id", "line_no", *lines.kept])
    tx.execute(
        f"INSERT INTO order_lines BY NAME SELECT {names}, $import_id AS import_id FROM incoming_lines",
        {"import_id": import_id},
    )
    return TableCounts(
        table="order_lines", n_added=n_changed - n_updated, n_updated=n_updated, n_unchanged=n_all - n_changed
    )


def _find_touched(tx: Transaction, lines: LinesFile) -> None:
    """Lines that are new, differ, or are gone from an order of the file."""
    differs = " OR ".join(f"t.{name} IS DISTINCT FROM i.{name}" for name in lines.kept)
    there = "(SELECT * FROM order_lines WHERE order_id IN (SELECT order_id FROM incoming_lines))"
    join = "LEFT JOIN" if lines.is_correction else "FULL JOIN"
    tx.execute(
        "CREATE OR REPLACE TEMP TABLE touched AS SELECT coalesce(i.order_id, t.order_id) AS order_id, "
        "coalesce(i.line_no, t.line_no) AS line_no, i.order_id IS NOT NULL AS is_in_file, "
        f"t.order_id IS NOT NULL AS was_there FROM incoming_lines AS i {join} {there} AS t "
        f"ON t.order_id = i.order_id AND t.line_no = i.line_no "
        f"WHERE i.order_id IS NULL OR t.order_id IS NULL OR {differs}"
    )


def _store_orders(tx: Transaction, lines: LinesFile, import_id: int, n_orders: int) -> TableCounts:
    """Add up the orders whose lines are new or changed; the others of the file are unchanged."""
    sums = {"customer_id": "min(customer_id)", "n_lines": "CAST(count(*) AS INTEGER)", "order_time": "min(order_time)"}
    if "amount" in lines.provided:
        sums["order_time"] = "coalesce(min(order_time) FILTER (WHERE amount > 0), min(order_time))"
        sums["amount"] = "CAST(sum(amount) AS DECIMAL(18,2))"
    if "quantity" in lines.provided:
        sums["n_items"] = "sum(quantity)"
    if "discount_amount" in lines.provided:
        sums["discount_amount"] = "CAST(sum(discount_amount) AS DECIMAL(18,2))"
    rows = "incoming_lines"
    if lines.is_correction:
        rows = "(SELECT * FROM order_lines WHERE order_id IN (SELECT order_id FROM incoming_lines))"
    elif lines.has_channel:
        sums["channel"] = "arg_min(channel, line)"
    tx.execute("DROP TABLE IF EXISTS temp.incoming")
    tx.execute(
        f"CREATE TEMP TABLE incoming AS SELECT order_id, {', '.join(f'{sql} AS {name}' for name, sql in sums.items())} "
        f"FROM {rows} GROUP BY order_id"
    )
    counts = upsert_incoming(tx, TABLES["orders"], ["order_id", *sums], import_id)
    return TableCounts(
        table="orders",
        n_added=counts.n_added,
        n_updated=counts.n_updated,
        n_unchanged=n_orders - counts.n_added - counts.n_updated,
    )


def _store_returns(tx: Transaction, lines: LinesFile, import_id: int) -> TableCounts:
    sums = {"customer_id": "min(customer_id)", "return_time": "min(order_time)"}
    if "order_id" in lines.provided:
        sums["order_id"] = "min(return_of)"
    if "amount" in lines.provided:
        sums["amount"] = "abs(sum(CAST(amount AS DECIMAL(18,2))))"
    made = (
        f"(SELECT min(line) AS line, NULL AS fault, {lines.order_id} AS return_id, "
        f"{', '.join(f'{sql} AS {name}' for name, sql in sums.items())} FROM {lines.parsed} "
        f"WHERE fault IS NULL AND is_return AND NOT {_UNUSABLE} GROUP BY ALL)"
    )
    if lines.is_correction and "amount" in lines.provided:
        known = "SELECT return_id, amount AS known_amount FROM returns"
        made = (
            "(SELECT * EXCLUDE (known_amount) REPLACE (amount + coalesce(known_amount, 0) AS amount) "
            f"FROM {made} LEFT JOIN ({known}) USING (return_id))"
        )
    return merge_rows(tx, KINDS["returns"], made, ["return_id", *sums], import_id)
