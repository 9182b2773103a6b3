"""Orders and revenue per calendar week, without the weeks that are known in part only.

Separate from the forecast: what a week is, and which weeks count, is decided here and nowhere else. Revenue is after
returns where these are known, like all other money that is foreseen.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from churn_core.customers.demand_backtest import LEAST_WEEKS
from churn_core.errors import NotEnoughData
from churn_core.features.clock import require_steady_clock
from churn_core.features.gaps import known_until
from churn_core.features.net_spend import has_returns, returned_per_week

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from churn_core.warehouse import Warehouse

WEEK = timedelta(days=7)
MOST_WEEKS = 260
"""Weeks looked back at most: five years."""


@dataclass(frozen=True, kw_only=True)
class Weeks:
    """The complete weeks of an order history, oldest first, weeks without orders included."""

    starts: tuple[date, ...]
    """The Monday each begins with."""
    orders: NDArray[np.float64]
    """Orders in each week."""
    revenue: NDArray[np.float64] | None
    """What was paid in each week less what was sent back in it, not below 0, in the shop's currency; None where no
    amount above zero is known."""
    is_net: bool
    """Whether returns with amounts are known and taken off."""
    orders_per_day: float
    """Orders per customer and day with an order; above 1 where some order twice a day."""
    n_empty: int
    """Weeks without an order."""

    @property
    def next_start(self) -> date:
        """The Monday of the first week that is foreseen."""
        return self.starts[-1] + WEEK


def complete_weeks(warehouse: Warehouse) -> Weeks:
    """The weeks from Monday to Sunday that the orders cover whole; the first and the last are left out otherwise.

    NotEnoughData without orders or below twelve weeks; InputError where a few orders are dated far behind all others.
    """
    end = known_until(warehouse)
    if end is None:
        raise NotEnoughData(
            "there are no orders, so no week can be foreseen; import an order history with dates to see it."
        )
    require_steady_clock(warehouse)
    rows = warehouse.rows(
        "SELECT CAST(date_trunc('week', order_time) AS DATE) AS week, min(CAST(order_time AS DATE)), count(*), "
        "count(*) FILTER (is_new_day), CAST(sum(amount) AS DOUBLE) FROM orders GROUP BY week ORDER BY week"
    )
    first = rows[0][0] if rows[0][1] == rows[0][0] else rows[0][0] + WEEK
    last = end.date() - timedelta(days=end.weekday()) - WEEK
    n_weeks = max(0, (last - first).days // 7 + 1)
    if n_weeks < LEAST_WEEKS:
        raise NotEnoughData(
            f"the orders cover {n_weeks} complete week{'' if n_weeks == 1 else 's'} (Monday to Sunday); at least "
            f"{LEAST_WEEKS} are needed to foresee the next ones: import earlier orders, or come back later."
        )
    first = max(first, last - (MOST_WEEKS - 1) * WEEK)
    starts = tuple(first + number * WEEK for number in range((last - first).days // 7 + 1))
    known = {row[0]: row for row in rows}
    is_net = has_returns(warehouse)
    returned = returned_per_week(warehouse) if is_net else {}
    orders = np.array([float(known[start][2]) if start in known else 0.0 for start in starts])
    paid = [float(known[start][4] or 0.0) if start in known else 0.0 for start in starts]
    sent_back = [returned.get(start, 0.0) for start in starts]
    revenue = np.maximum(np.array(paid) - np.array(sent_back), 0.0)
    n_days = sum(int(known[start][3]) for start in starts if start in known)
    return Weeks(
        starts=starts,
        orders=orders,
        revenue=revenue if revenue.sum() > 0 else None,
        is_net=is_net,
        orders_per_day=float(orders.sum() / n_days) if n_days else 1.0,
        n_empty=int((orders == 0).sum()),
    )
