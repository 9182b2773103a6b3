"""What order dates and amounts alone say: BG/NBD for the orders, Gamma-Gamma for what one is worth.

Needs no outcome of the past, so it answers where the history is too short to learn from; it also says when the next
order is due and how the orders of those who are customers today fade with the years.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from churn_core.errors import NotEnoughData
from churn_core.models.bgnbd import (
    DAYS_PER_UNIT,
    INPUTS,
    BgNbdParameters,
    expected_purchases,
    fit_bgnbd,
    share_alive,
)
from churn_core.models.gamma_gamma import GammaGammaParameters, expected_amount, fit_gamma_gamma
from churn_core.stats.columns import numbers

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

SPEND, ORDERS = "spend", "orders"
"""What is predicted: spend in the shop's currency, and order days."""
CHUNK = 100_000
"""Customers calculated at a time, which bounds the memory."""
N_FITTED = 20_000
"""Customers the models are fitted to at most."""
LOW, MIDDLE, HIGH = 0.1, 0.5, 0.9
"""The next order comes before these dates with these probabilities: an 80 % interval and its middle."""


@dataclass(frozen=True, kw_only=True)
class WorthRhythm:
    """Fitted to the customers of one cutoff."""

    orders: BgNbdParameters
    amounts: GammaGammaParameters | None
    """None where no amounts are known."""

    def expected(self, frame: pd.DataFrame, what: str, days: float) -> NDArray[np.float64]:
        """Expected spend or order days within so many days from the cutoff."""
        return self.expected_spend(frame, days) if what == SPEND else self.expected_orders(frame, days)

    def expected_orders(self, frame: pd.DataFrame, days: float) -> NDArray[np.float64]:
        """Expected order days within so many days from the cutoff."""
        x, last, age = _statistics(frame)
        parts = [slice(start, start + CHUNK) for start in range(0, len(frame), CHUNK)]
        horizon = days / DAYS_PER_UNIT
        return np.concatenate(
            [expected_purchases(self.orders, x[some], last[some], age[some], horizon) for some in parts]
        )

    def expected_spend(self, frame: pd.DataFrame, days: float) -> NDArray[np.float64]:
        """Expected spend within so many days, in the shop's currency; NaN where no amounts are known.

        Nothing where all that was ever ordered was sent back: Gamma-Gamma knows no amount of 0, and would draw it
        towards the shop's average.
        """
        if self.amounts is None:
            return np.full(len(frame), np.nan)
        expected = self.expected_orders(frame, days) * expected_amount(self.amounts, *_amounts(frame))
        return np.where(_all_returned(frame), 0.0, expected)

    def fading(self, frame: pd.DataFrame, days: float, n_windows: int) -> NDArray[np.float64]:
        """Expected order days in each of ``n_windows`` windows from now over those in the first, one row each."""
        totals = [self.expected_orders(frame, days * (number + 1)) for number in range(n_windows)]
        made = np.diff(np.array(totals), axis=0, prepend=0.0)
        return np.asarray(made / np.maximum(made[0], 1e-12))

    def next_order_days(self, frame: pd.DataFrame, probability: float) -> NDArray[np.float64]:
        """Days from the cutoff within which the next order comes with this probability; NaN when it may never come.

        Whoever is alive orders next after a waiting time whose distribution is Pareto, because the rate is
        gamma-distributed: ``P(T > t) = ((alpha + T) / (alpha + T + t)) ** (r + x)``.
        """
        x, last, age = _statistics(frame)
        alive = share_alive(self.orders, x, last, age)
        inside = probability < alive
        share = np.where(inside, probability / np.maximum(alive, probability + 1e-9), 0.0)
        waiting = (self.orders.alpha + age) * np.expm1(-np.log1p(-share) / (self.orders.r + x))
        return np.where(inside, waiting * DAYS_PER_UNIT, np.nan)


def fit_rhythm(frame: pd.DataFrame) -> WorthRhythm:
    """Fit both models to the customers of a cutoff; NotEnoughData when nobody bought twice."""
    some = frame.iloc[:: max(1, -(-len(frame) // N_FITTED))]
    orders = fit_bgnbd(*_statistics(some))
    amounts = None
    if "spend_amount" in frame.columns:
        try:
            amounts = fit_gamma_gamma(*_amounts(some))
        except NotEnoughData:
            amounts = None
    return WorthRhythm(orders=orders, amounts=amounts)


def _statistics(
    frame: pd.DataFrame,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Repeat order days, weeks from the first to the last one, weeks from the first one to the cutoff."""
    since_last, since_first, order_days = (np.nan_to_num(numbers(frame[name])) for name in INPUTS)
    x = np.maximum(order_days - 1.0, 0.0)
    age = np.maximum(since_first, 0.0) / DAYS_PER_UNIT
    last = np.where(x > 0, np.clip(since_first - since_last, 0.0, None) / DAYS_PER_UNIT, 0.0)
    return x, np.minimum(last, age), age


def _amounts(frame: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Order days and the mean amount of one of them."""
    order_days = np.maximum(np.nan_to_num(numbers(frame["n_order_days"])), 1.0)
    return order_days, np.nan_to_num(numbers(frame["spend_amount"])) / order_days


def _all_returned(frame: pd.DataFrame) -> NDArray[np.bool_]:
    """Whose returns so far are worth at least what they ordered."""
    if "return_amount_ratio" not in frame.columns:
        return np.zeros(len(frame), dtype=bool)
    return np.nan_to_num(numbers(frame["return_amount_ratio"])) >= 1.0
