"""What happened with one customer: orders and everything around them, newest first, in one list.

Separate from the profile because it reads seven tables alike; each is one entry of ``_SOURCES``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from churn_core.warehouse import Warehouse

N_ENTRIES_MOST = 400
"""Entries of one kind of source at most; the oldest are left off and counted."""


@dataclass(frozen=True, kw_only=True)
class TimelineEntry:
    """One thing that happened."""

    at: datetime
    """When (UTC)."""
    source: str
    """order, return, visit, feedback, ticket or message."""
    what: str
    """In a few words; text of customers is shortened."""
    amount: float | None
    """Money that moved, in the shop's currency; a return is positive."""


@dataclass(frozen=True, kw_only=True)
class Purchases:
    """The order history in numbers."""

    n_orders: int
    spend_amount: float | None
    """Sum of all orders, in the shop's currency; None when orders have no amounts."""
    first_order: datetime
    last_order: datetime
    mean_gap_days: float | None
    """Mean days between order days, the gap that silence is measured by; None with a single one."""
    n_returns: int
    returned_amount: float | None
    """Paid back, in the shop's currency."""


_SOURCES = {
    "order": (
        "orders",
        "order_time",
        "concat_ws(', ', 'order ' || order_id, "
        "CASE WHEN n_items IS NOT NULL THEN printf('%g items', n_items) END, channel)",
        "amount",
    ),
    "return": ("returns", "return_time", "concat_ws(' ', 'return', return_id)", "amount"),
    "visit": ("events", "event_time", "concat_ws(': ', kind, coalesce(category, product_id))", "NULL"),
    "feedback": (
        "feedback",
        "feedback_time",
        "concat_ws(': ', CASE WHEN rating IS NOT NULL THEN printf('rated %g', rating) END, left(text, 160))",
        "NULL",
    ),
    "ticket": (
        "tickets",
        "opened_at",
        "concat_ws(': ', topic, CASE WHEN first_reply_at IS NULL THEN 'no answer yet' ELSE "
        "'answered after ' || date_diff('hour', opened_at, first_reply_at) || ' h' END, left(text, 160))",
        "NULL",
    ),
    "message": ("contacts", "contact_time", "concat_ws(': ', concat_ws(' ', channel, kind), campaign)", "NULL"),
}
"""Source -> table, time, words and amount as SQL text."""


def timeline(warehouse: Warehouse, customer_id: str) -> tuple[tuple[TimelineEntry, ...], int]:
    """What happened with a customer, newest first, and how many older entries were left off."""
    parts = [
        f"(SELECT {time} AS happened_at, '{source}' AS source, {words} AS what, CAST({amount} AS DOUBLE) AS amount, "
        f"count(*) OVER () AS n_all FROM {table} WHERE customer_id = $customer_id AND {time} IS NOT NULL "
        f"ORDER BY {time} DESC LIMIT {N_ENTRIES_MOST})"
        for source, (table, time, words, amount) in _SOURCES.items()
    ]
    rows = warehouse.records(
        f"SELECT * FROM ({' UNION ALL '.join(parts)}) ORDER BY happened_at DESC, source, what",
        {"customer_id": customer_id},
    )
    n_all = sum({row["source"]: row["n_all"] for row in rows}.values())
    entries = tuple(
        TimelineEntry(
            at=row["happened_at"], source=row["source"], what=row["what"] or row["source"], amount=row["amount"]
        )
        for row in rows
    )
    return entries, n_all - len(entries)


def purchases(warehouse: Warehouse, customer_id: str) -> Purchases | None:
    """The order history of a customer in numbers; None when there are no orders."""
    rows = warehouse.records(
        "SELECT count(*) AS n_orders, CAST(sum(amount) AS DOUBLE) AS spend_amount, min(order_time) AS first_order, "
        "max(order_time) AS last_order, avg(gap_days) AS mean_gap_days FROM orders "
        "WHERE customer_id = $customer_id",
        {"customer_id": customer_id},
    )
    if not rows[0]["n_orders"]:
        return None
    back = warehouse.records(
        "SELECT count(*) AS n_returns, CAST(sum(amount) AS DOUBLE) AS returned_amount FROM returns "
        "WHERE customer_id = $customer_id",
        {"customer_id": customer_id},
    )
    return Purchases(**rows[0], **back[0])
