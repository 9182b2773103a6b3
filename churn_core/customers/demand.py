"""Demand: orders and revenue per week ahead, with intervals, and what is left of it without the customers at risk.

The way to foresee is chosen on the shop's own past weeks (``demand_backtest``); here the chosen one speaks about the
coming weeks, and what it counts on from customers of the high tier is taken off.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from churn_core.customers.demand_backtest import LEVELS, Choice, choose, foreseen
from churn_core.customers.demand_stake import Counted, Valued, counted_on, valued_with
from churn_core.customers.demand_weeks import WEEK, Weeks, complete_weeks
from churn_core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from churn_core.warehouse import Warehouse

WEEKS = 12
"""Weeks ahead when nothing else is asked."""
FEWEST_WEEKS, MOST_WEEKS = 4, 26
MEASURES = {"revenue": "Revenue", "orders": "Orders"}


@dataclass(frozen=True, kw_only=True)
class WeekAhead:
    """One week that is foreseen."""

    start: date
    """Its Monday."""
    expected: float
    low_80: float
    high_80: float
    low_95: float
    high_95: float
    without: float | None
    """Expected if every customer of the high tier left at once; None where that is not known."""


@dataclass(frozen=True, kw_only=True)
class Total:
    """The sum over the first weeks that are foreseen."""

    n_weeks: int
    expected: float
    low_80: float
    high_80: float
    low_95: float
    high_95: float
    at_stake: float | None
    """What of it is counted on from customers of the high tier; None where that is not known."""
    before: float | None
    """What the same weeks brought a year ago; None where that is not known."""


@dataclass(frozen=True, kw_only=True)
class Foreseen:
    """One measure: what it was each week, and what it is expected to be."""

    measure: str
    """revenue or orders."""
    past: tuple[float, ...]
    """Each complete week so far, oldest first."""
    ahead: tuple[WeekAhead, ...]
    totals: tuple[Total, ...]
    """Of the first four weeks and of all."""
    choice: Choice
    """How it is foreseen, and how every method did at past weeks."""
    share_at_stake: float | None
    """Share of all weeks ahead that is counted on from customers of the high tier, in [0, 1]; None where not known."""


@dataclass(frozen=True, kw_only=True)
class Demand:
    """Orders and revenue of the weeks ahead."""

    n_weeks: int
    starts: tuple[date, ...]
    """Mondays of the complete weeks so far."""
    n_empty: int
    """Weeks so far without an order, counted as zero."""
    orders: Foreseen
    revenue: Foreseen | None
    """After returns where these are known; None where no amounts are known."""
    is_net: bool
    """Whether revenue is after returns, because some with amounts are known."""
    why_no_revenue: str
    """One sentence; empty where revenue is foreseen."""
    counted: Counted | None
    """What is counted on from customers of the high tier; None where that is not known."""
    why_no_stake: str
    """One sentence; empty where it is known."""
    valued: Valued | None = None
    """What is expected of everybody who ever bought; None where customers were not valued with these data."""

    @property
    def of_known_customers(self) -> float | None:
        """What those who ever bought are expected to spend in these weeks if it comes evenly; None where not known."""
        if self.valued is None or self.revenue is None:
            return None
        return self.valued.spend * 7 * self.n_weeks / self.valued.horizon_days

    @property
    def came_before(self) -> float | None:
        """Revenue of as many weeks before, of the whole shop; None where not known."""
        if self.revenue is None or len(self.revenue.past) < self.n_weeks:
            return None
        return sum(self.revenue.past[-self.n_weeks :])

    def of(self, measure: str) -> Foreseen | None:
        """One of MEASURES."""
        return self.revenue if measure == "revenue" else self.orders


def forecast_demand(warehouse: Warehouse, n_weeks: int = WEEKS) -> Demand:
    """Foresee orders and revenue for so many weeks after the last complete one.

    InputError for weeks out of bounds; NotEnoughData below twelve complete weeks of orders.
    """
    if not FEWEST_WEEKS <= n_weeks <= MOST_WEEKS:
        raise InputError(f"{n_weeks} weeks ahead were asked for; choose between {FEWEST_WEEKS} and {MOST_WEEKS} weeks.")
    weeks = complete_weeks(warehouse)
    found = counted_on(warehouse)
    counted = found if isinstance(found, Counted) else None
    per_day = (counted.orders_per_day, counted.revenue_per_day) if counted else (None, None)
    orders_per_day = None if per_day[0] is None else per_day[0] * weeks.orders_per_day
    return Demand(
        n_weeks=n_weeks,
        starts=weeks.starts,
        n_empty=weeks.n_empty,
        orders=foresee("orders", weeks, weeks.orders, n_weeks, at_stake_per_day=orders_per_day),
        revenue=None
        if weeks.revenue is None
        else foresee("revenue", weeks, weeks.revenue, n_weeks, at_stake_per_day=per_day[1]),
        is_net=weeks.is_net,
        why_no_revenue=""
        if weeks.revenue is not None
        else "The orders have no amounts above zero, so orders are foreseen and no revenue; import amounts with them.",
        counted=counted,
        why_no_stake=found if isinstance(found, str) else "",
        valued=valued_with(warehouse),
    )


def foresee(
    measure: str, weeks: Weeks, past: NDArray[np.float64], n_weeks: int, *, at_stake_per_day: float | None = None
) -> Foreseen:
    """Choose a method on the past weeks and let it say the coming ones."""
    choice = choose(past, n_weeks)
    ahead = foreseen(past, n_weeks, choice.method)
    assert ahead is not None
    whole = float(ahead.centre.sum())
    share = None
    if at_stake_per_day is not None:
        share = min(1.0, max(0.0, 7.0 * n_weeks * at_stake_per_day) / whole) if whole > 0 else 0.0
    bounds = {level: ahead.interval(level, widening=choice.widening) for level in LEVELS}
    made = []
    for number in range(n_weeks):
        expected = float(ahead.centre[number])
        low_80, high_80, low_95, high_95 = _around(
            expected, [float(bounds[level][side][number]) for level in LEVELS for side in (0, 1)]
        )
        made.append(
            WeekAhead(
                start=weeks.next_start + number * WEEK, expected=expected, low_80=low_80, high_80=high_80,
                low_95=low_95, high_95=high_95, without=None if share is None else expected * (1.0 - share),
            )
        )  # fmt: skip
    totals = []
    for first in dict.fromkeys((FEWEST_WEEKS, n_weeks)):
        expected = float(ahead.centre[:first].sum())
        sums = [bound for level in LEVELS for bound in ahead.total_interval(first, level, widening=choice.widening)]
        low_80, high_80, low_95, high_95 = _around(expected, sums)
        totals.append(
            Total(
                n_weeks=first, expected=expected, low_80=low_80, high_80=high_80, low_95=low_95, high_95=high_95,
                at_stake=None if share is None else expected * share, before=_year_ago(past, first),
            )
        )  # fmt: skip
    return Foreseen(
        measure=measure, past=tuple(map(float, past)), ahead=tuple(made), totals=tuple(totals), choice=choice,
        share_at_stake=share,
    )  # fmt: skip


def _around(expected: float, bounds: Sequence[float]) -> tuple[float, float, float, float]:
    """Bounds low and high at 80 and 95 %, which hold what is expected."""
    low_80, high_80, low_95, high_95 = bounds
    return min(low_80, expected), max(high_80, expected), min(low_95, expected), max(high_95, expected)


def _year_ago(past: NDArray[np.float64], n_weeks: int) -> float | None:
    """The sum of the weeks that lie a year before the first ones ahead."""
    start = len(past) - 52
    return float(past[start : start + n_weeks].sum()) if start >= 0 else None
