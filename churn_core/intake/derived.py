"""Columns of ``orders`` that follow from the other rows of the table.

They look only back, so features may use them at any cutoff.
"""

from __future__ import annotations

from churn_core.warehouse import Transaction

DERIVED_SQL = """
    CASE WHEN lag(CAST(order_time AS DATE)) OVER earlier <> CAST(order_time AS DATE)
         THEN CAST(order_time AS DATE) - lag(CAST(order_time AS DATE)) OVER earlier END AS gap_days,
    lag(CAST(order_time AS DATE)) OVER earlier IS DISTINCT FROM CAST(order_time AS DATE) AS is_new_day
"""
EARLIER_SQL = "WINDOW earlier AS (PARTITION BY customer_id ORDER BY order_time, order_id)"


def refresh_derived(tx: Transaction) -> int:
    """Bring ``orders.gap_days`` and ``orders.is_new_day`` up to date; the number of rows that changed."""
    return tx.execute(
        f"""
        UPDATE orders SET gap_days = fresh.gap_days, is_new_day = fresh.is_new_day
        FROM (SELECT rowid AS row_id, {DERIVED_SQL} FROM orders {EARLIER_SQL}) AS fresh
        WHERE orders.rowid = fresh.row_id
          AND (orders.gap_days IS DISTINCT FROM fresh.gap_days OR orders.is_new_day IS DISTINCT FROM fresh.is_new_day)
        """
    )
