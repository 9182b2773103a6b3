"""What all tables say of each customer, in one row: the numbers and dates that rules and tags are asked of.

Separate from features, which are cut at any past day for models: facts are those of now, the midnight after the last
order. They are kept in ``customer_facts`` and found again after imports, so that a rule over a million customers is
answered at once; while the table is older than the data, the same SQL reads the tables themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from churn_core.features.gaps import known_until
from churn_core.schema import quote
from churn_core.timeline import seen_before
from churn_core.warehouse import Transaction, Warehouse, utc_now

TABLE = "customer_facts"
SETTING = "customer_facts"
"""What the table was made from: data version and day."""

NIGHT = "(hour(order_time) >= 22 OR hour(order_time) < 5)"
NIGHT_WORDS = "between 22:00 and 5:00 (by the clock of the file; in UTC where it names a time zone)"
"""Imports take times without a zone as they stand, and convert those with one to UTC."""
IS_TIMED = "CAST(order_time AS TIME) <> TIME '00:00:00'"
"""Whether the time of day is known: files with mere dates leave midnight."""


@dataclass(frozen=True, kw_only=True)
class FactSource:
    """A user table and what is kept of it per customer."""

    table: str
    time: str
    """The column that says when a row became known."""
    facts: dict[str, str]
    """Columns of ``customer_facts`` with their SQL."""

    def select(self, names: frozenset[str] | None = None) -> str:
        """SELECT of the customers of the table with the facts named, all of them by default."""
        chosen = [f"{sql} AS {quote(name)}" for name, sql in self.facts.items() if names is None or name in names]
        columns = ", ".join(["customer_id", *chosen])
        return f"SELECT {columns} FROM {quote(self.table)} WHERE {seen_before(self.time)} GROUP BY customer_id"


SOURCES: tuple[FactSource, ...] = (
    FactSource(
        table="orders",
        time="order_time",
        facts={
            "n_orders": "count(*)",
            "first_order": "min(order_time)",
            "last_order": "max(order_time)",
            "spend_amount": "sum(amount)",
            "n_orders_90": f"count(*) FILTER (WHERE {seen_before('order_time', 90)})",
            "n_orders_365": f"count(*) FILTER (WHERE {seen_before('order_time', 365)})",
            "spend_365": f"coalesce(sum(amount) FILTER (WHERE {seen_before('order_time', 365)}), 0)",
            "discount_amount": "sum(coalesce(discount_amount, 0))",
            "n_discounted_orders": "count(*) FILTER (WHERE discount_amount > 0)",
            "n_timed_orders": f"count(*) FILTER (WHERE {IS_TIMED})",
            "n_night_orders": f"count(*) FILTER (WHERE {IS_TIMED} AND {NIGHT})",
        },
    ),
    FactSource(
        table="returns",
        time="return_time",
        facts={"n_returns": "count(*)", "return_amount": "sum(amount)", "last_return": "max(return_time)"},
    ),
    FactSource(table="order_lines", time="order_time", facts={"n_categories": "nullif(count(DISTINCT category), 0)"}),
    FactSource(table="tickets", time="opened_at", facts={"n_tickets": "count(*)", "last_ticket": "max(opened_at)"}),
    FactSource(
        table="feedback",
        time="feedback_time",
        facts={"n_reviews": "count(*)", "mean_rating": "avg(rating)", "last_review": "max(feedback_time)"},
    ),
    FactSource(
        table="contacts",
        time="contact_time",
        facts={
            "last_message": "max(contact_time) FILTER (WHERE kind IN ('sent', 'delivered'))",
            "last_opened": "max(contact_time) FILTER (WHERE kind IN ('opened', 'clicked'))",
        },
    ),
    FactSource(table="events", time="event_time", facts={"last_visit": "max(event_time)"}),
)

TABLE_OF = {name: source.table for source in SOURCES for name in source.facts}
"""The user table that each fact comes from."""


def facts_as_of(reader: Warehouse | Transaction) -> datetime:
    """The midnight after the last order, up to which facts count; now where there are no orders."""
    return known_until(reader) or utc_now()


def is_fresh(reader: Warehouse | Transaction) -> bool:
    """Whether the kept facts are those of the data as it is now."""
    kept = reader.setting(SETTING) or {}
    return bool(kept) and kept.get("data_version") == reader.data_version


def facts_select(names: frozenset[str] | None = None) -> str:
    """SELECT of one row per customer of any table, with the facts named (all by default), read from the user tables.

    Needs the parameter ``$cutoff``.
    """
    used = [source for source in SOURCES if names is None or names & source.facts.keys()]
    parts = [f"f_{source.table} AS MATERIALIZED ({source.select(names)})" for source in used]
    orders = "f_orders" if any(source.table == "orders" for source in used) else "orders"
    everybody = (
        f"SELECT customer_id FROM customers UNION SELECT customer_id FROM {orders} "
        "UNION SELECT customer_id FROM snapshots"
    )
    parts.append(f"everybody AS ({everybody})")
    chosen = [name for source in used for name in source.facts if names is None or name in names]
    columns = ", ".join(["everybody.customer_id", *(quote(name) for name in chosen)])
    joins = " ".join(
        f"LEFT JOIN f_{source.table} ON f_{source.table}.customer_id = everybody.customer_id" for source in used
    )
    return f"WITH {', '.join(parts)} SELECT {columns} FROM everybody {joins}"


def facts_relation(reader: Warehouse | Transaction, names: frozenset[str]) -> str:
    """What stands behind FROM: the kept table, or the same read anew where that is older than the data."""
    return TABLE if is_fresh(reader) else f"({facts_select(names)})"


def refresh_facts(tx: Transaction) -> int:
    """Find the facts of all customers again; how many customers there are."""
    cutoff = facts_as_of(tx)
    tx.execute(f"DELETE FROM {TABLE}")
    n_customers = tx.execute(f"INSERT INTO {TABLE} BY NAME {facts_select()}", {"cutoff": cutoff})
    tx.save_setting(SETTING, {"data_version": tx.data_version, "as_of": cutoff.isoformat()})
    return n_customers
