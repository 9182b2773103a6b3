"""Whether the data ends where its orders end: an order dated far ahead moves "now" and makes everybody look gone.

Asked before training and scoring, which refuse to go on. Leaving such orders out silently would be no better: a shop
that opens again after a long pause looks alike at first, and only its owner knows which of both it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING

from churn_core.errors import InputError

if TYPE_CHECKING:
    from churn_core.warehouse import Warehouse

LEAST_GAP_DAYS = 60
"""Days without any order that part a last few orders from all others."""
GAP_FACTOR = 3.0
"""Times the longest silence before that these days must be."""
MOST_SHARE, MOST_ORDERS = 0.001, 5
"""The last orders count as stray up to this share of all orders, or this number."""
LEAST_DAYS = 10
"""Days with orders that are needed to tell."""


@dataclass(frozen=True, kw_only=True)
class ClockJump:
    """A few orders far behind all others."""

    n_orders: int
    first: date
    """Their earliest day."""
    usual_end: date
    """The last day of all others."""

    @property
    def n_days(self) -> int:
        """Days between both."""
        return (self.first - self.usual_end).days


def clock_jump(warehouse: Warehouse) -> ClockJump | None:
    """The stray last orders, or None when the data ends as it went on."""
    days = warehouse.rows("SELECT CAST(order_time AS DATE) AS day, count(*) FROM orders GROUP BY day ORDER BY day")
    total = sum(n for _, n in days)
    stray, found = 0, None
    for position in range(len(days) - 1, LEAST_DAYS - 1, -1):
        stray += days[position][1]
        if stray > max(MOST_ORDERS, MOST_SHARE * total):
            break
        gap = (days[position][0] - days[position - 1][0]).days
        usual = _longest_silence([day for day, _ in days[position // 10 : position]])
        if gap >= max(LEAST_GAP_DAYS, GAP_FACTOR * usual):
            found = ClockJump(n_orders=stray, first=days[position][0], usual_end=days[position - 1][0])
    return found


def require_steady_clock(warehouse: Warehouse) -> None:
    """InputError when a few orders are dated far behind all others."""
    jump = clock_jump(warehouse)
    if jump is None:
        return
    ids = [
        row[0]
        for row in warehouse.rows(
            "SELECT coalesce(order_id, customer_id) FROM orders WHERE CAST(order_time AS DATE) >= $first "
            "ORDER BY order_time LIMIT 3",
            {"first": jump.first},
        )
    ]
    are = "order is" if jump.n_orders == 1 else "orders are"
    shown = ", ".join(map(repr, ids))
    raise InputError(
        f"{jump.n_orders} {are} dated {jump.first:%-d %b %Y} or later ({shown}), {jump.n_days:,} days after "
        f"all others end on {jump.usual_end:%-d %b %Y}, so every customer would seem to have stopped ordering; "
        "correct the dates and import the file again with the same order ids, or load it without these rows into a "
        "new workspace."
    )


def _longest_silence(days: list[date]) -> int:
    """Most days between two days with orders; the first tenth of the days is left out, where old strays are."""
    return max(((later - earlier).days for earlier, later in pairwise(days)), default=0)
