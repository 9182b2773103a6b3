"""A small shop with a rhythm that can be told by hand: everybody orders every ten days, some have stopped."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import pandas as pd

from churn_core.customers.alert_policy import AlertPolicy, save_alert_policy
from churn_core.intake.derived import refresh_derived
from churn_core.warehouse import Warehouse

END = datetime(2026, 6, 30)
"""The midnight after the last order."""
NOW = datetime(2026, 6, 30, 8)
GAP = 10
EVERYBODY = AlertPolicy(top_share=1.0)


def fill_shop(
    warehouse: Warehouse,
    silent: Mapping[str, int],
    *,
    n_others: int = 30,
    amount: float | None = 10.0,
    end: datetime = END,
) -> None:
    """Customers who ordered ten times, the last time so many days before the end; the others ordered just now."""
    days = {f"other{nr:02d}": 1 + nr % 5 for nr in range(n_others)} | dict(silent)
    add_orders(
        warehouse,
        {customer: [last + GAP * nr for nr in range(10)] for customer, last in days.items()},
        amounts={customer: None if amount is None else amount * (1 + place) for place, customer in enumerate(days)},
        end=end,
    )


def add_orders(
    warehouse: Warehouse,
    days_before: Mapping[str, list[int]],
    *,
    amounts: Mapping[str, float | None] | None = None,
    end: datetime = END,
) -> None:
    """Orders at noon, so many days before the end (1 is the last day)."""
    rows = [
        {
            "customer_id": customer,
            "order_id": f"{customer}/{(end - timedelta(days=days)):%Y%m%d}",
            "order_time": end - timedelta(days=days) + timedelta(hours=12),
            "amount": (amounts or {}).get(customer, 10.0),
        }
        for customer, own in days_before.items()
        for days in own
    ]
    frame = pd.DataFrame(rows)
    frame["order_time"] = frame["order_time"].astype("datetime64[us]")
    with warehouse.transaction() as tx:
        tx.append("orders", frame)
        refresh_derived(tx)
        tx.bump_data_version()


def add_rows(warehouse: Warehouse, table: str, rows: list[dict[str, object]]) -> None:
    """Rows of a table as given."""
    with warehouse.transaction() as tx:
        tx.append(table, pd.DataFrame(rows))
        tx.bump_data_version()


def add_ratings(warehouse: Warehouse, ratings: Mapping[str, tuple[float, int]], *, n_others: int = 40) -> None:
    """Ratings with their days before the end, and many good ones of a customer of their own, long ago."""
    rows: list[dict[str, object]] = [
        {"customer_id": "other00", "feedback_id": f"g{nr}", "feedback_time": END - timedelta(days=60), "rating": 5.0}
        for nr in range(n_others)
    ]
    rows += [
        {"customer_id": who, "feedback_id": who, "feedback_time": END - timedelta(days=days), "rating": rating}
        for who, (rating, days) in ratings.items()
    ]
    add_rows(warehouse, "feedback", rows)


def take_everybody(warehouse: Warehouse, **values: object) -> None:
    """A policy that asks for no stake, with further fields given anew."""
    from dataclasses import replace

    save_alert_policy(warehouse, replace(EVERYBODY, **values))  # type: ignore[arg-type]
