"""Workspaces made of order days, for tests about cohorts and rhythm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from churn_core.intake.derived import refresh_derived
from churn_core.warehouse import Warehouse


def fill(
    warehouse: Warehouse, days: Mapping[str, Sequence[str]], *, amount: float | None = 10.0, channel: str | None = None
) -> None:
    """Orders at noon of the given days, as an import leaves them."""
    rows = [
        {"customer_id": customer, "order_id": f"{customer}/{nr}", "order_time": pd.Timestamp(f"{day} 12:00")}
        for customer, own in days.items()
        for nr, day in enumerate(own)
    ]
    frame = pd.DataFrame(rows).assign(amount=amount, channel=channel)
    frame["order_time"] = frame["order_time"].astype("datetime64[us]")
    with warehouse.transaction() as tx:
        tx.append("orders", frame)
        refresh_derived(tx)
        tx.bump_data_version()


def order_days(warehouse: Warehouse) -> pd.DataFrame:
    """customer_id and day of every order day, in order."""
    frame = warehouse.frame("SELECT DISTINCT customer_id, CAST(order_time AS DATE) AS day FROM orders ORDER BY 1, 2")
    return frame.assign(day=pd.to_datetime(frame["day"]))
