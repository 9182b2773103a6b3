"""Columns of ``orders`` that follow from its other rows: the rhythm of each customer.

Refreshed after every change of orders, inside the same transaction. They never look ahead: a row's value
depends on the customer's earlier orders only, so features may use them.
"""

from __future__ import annotations

from churn_core.schema import ORDERS, quote
from churn_core.warehouse import Transaction

_DERIVED = ("gap_days", "is_new_day")


def refresh_derived(tx: Transaction) -> None:
    """Set ``orders.gap_days`` and ``orders.is_new_day`` for all rows.

    A day counts once: its first order (by time, then id) is the new day and carries the gap to the customer's
    previous order day; further orders of the day, and the first day of all, carry no gap.
    """
    kept = ", ".join(quote(name) for name in ORDERS.column_names if name not in _DERIVED)
    tx.execute(
        f"CREATE OR REPLACE TEMP TABLE orders_with_rhythm AS "
        f"SELECT {kept}, "
        "CASE WHEN is_new_day THEN nullif(date_diff('day', CAST(previous_time AS DATE), CAST(order_time AS DATE)), 0) "
        "END::INTEGER AS gap_days, is_new_day FROM ("
        f"SELECT {kept}, previous_time, "
        "previous_time IS NULL OR CAST(previous_time AS DATE) < CAST(order_time AS DATE) AS is_new_day FROM ("
        "SELECT *, lag(order_time) OVER (PARTITION BY customer_id ORDER BY order_time, order_id) AS previous_time "
        "FROM orders))"
    )
    tx.execute("DELETE FROM orders")
    tx.execute("INSERT INTO orders BY NAME SELECT * FROM orders_with_rhythm ORDER BY customer_id, order_time")
    tx.execute("DROP TABLE orders_with_rhythm")
