"""How telling a customer's number is: whether it points the way it is said to, and whether it is unusual.

Separate from the words, because this decides who may speak and those what is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from churn_core.models.families import EXPECTED_ORDERS, family_of, feature_entry
from churn_core.stats.columns import is_number, numbers

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from churn_core.features.shop_habits import Habits

SILENT = "days_since_last_order"
MEAN_GAP = "mean_gap_days"
USUAL_GAP = "usual_gap_days"
N_ORDER_DAYS = "n_order_days"
SILENCE = frozenset(
    {SILENT, "lateness_ratio", "lateness_spreads", "longest_gap_ratio", "days_since_previous_order", USUAL_GAP}
)
"""Features that the sentence about silence speaks for."""
VERY_LATE = 1.5
"""Gaps of silence from which it is telling; the inverse for somebody who has just ordered."""
TIER_WEAK, TIER_USUAL, TIER_UNUSUAL = 1, 2, 3

KNOWN_DIRECTIONS: dict[str, float] = {
    "n_orders": -1.0,
    N_ORDER_DAYS: -1.0,
    EXPECTED_ORDERS.name: -1.0,
    MEAN_GAP: 1.0,
    USUAL_GAP: 1.0,
    SILENT: 1.0,
    "lateness_ratio": 1.0,
    "lateness_spreads": 1.0,
    "longest_gap_ratio": 1.0,
}
"""Which way a number goes with the risk where everybody knows it: 1 more is more risk, -1 more is less."""
KNOWN_DIRECTIONS_OF_FAMILIES: dict[str, float] = {"frequency": -1.0, "spend": -1.0}


@dataclass(frozen=True, kw_only=True)
class Usual:
    """What is usual among the eligible customers, for one feature."""

    low: float
    """25th percentile."""
    middle: float
    high: float
    """75th percentile."""


@dataclass(frozen=True, kw_only=True)
class OwnGaps:
    """The gap each customer's silence is measured by."""

    days: NDArray[np.float64]
    """The usual gap, as the rhythm has it; NaN where nobody in the shop ordered twice."""
    n_order_days: NDArray[np.float64]
    due_days: NDArray[np.float64]
    """Days after which 8 of 10 customers alike have ordered again; NaN where no such day is known."""
    is_of_shop: NDArray[np.bool_]
    """Whether somebody without a gap of their own has that of the shop, not of those who came in the same year."""


def telling_tiers(
    frame: pd.DataFrame, names: Sequence[str], usual: Mapping[str, Usual], directions: Mapping[str, float]
) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    """How telling each value is as a reason up and as a reason down: 0 not at all, 3 most.

    ``directions`` say which way a number goes with the risk among customers in general.
    """
    raising = np.zeros((len(frame), len(names)), dtype=np.int8)
    lowering = np.zeros_like(raising)
    for position, name in enumerate(names):
        if name not in frame.columns:
            continue
        found, is_own = usual.get(name), feature_entry(name) is None
        if found is None or not is_number(frame[name]):
            raising[:, position] = lowering[:, position] = TIER_USUAL if is_own else TIER_WEAK
            continue
        values = numbers(frame[name])
        missing = np.isnan(values)
        strength = np.where((values < found.low) | (values > found.high), TIER_UNUSUAL, TIER_USUAL)
        direction = _direction(name, directions)
        if is_own or direction == 0.0:
            raising[:, position] = lowering[:, position] = np.where(missing, TIER_WEAK, strength)
            continue
        side = np.sign(np.nan_to_num(values - found.middle, nan=0.0)) * direction
        raising[:, position] = np.where(missing, TIER_WEAK, np.where(side > 0, strength, 0))
        lowering[:, position] = np.where(missing, TIER_WEAK, np.where(side < 0, strength, 0))
    return raising, lowering


def own_gaps(frame: pd.DataFrame, known: Habits | None = None) -> OwnGaps | None:
    """The gap each customer's silence is measured by; None where the frame does not hold what it needs.

    ``known`` are the habits of the shop at the instant the frame is about; without them nobody is said to be due.
    """
    if not {SILENT, USUAL_GAP, N_ORDER_DAYS} <= set(frame.columns):
        return None
    usual = numbers(frame[USUAL_GAP])
    n_order_days = np.maximum(np.nan_to_num(numbers(frame[N_ORDER_DAYS]), nan=1.0), 1.0)
    due, is_of_shop = np.full(len(usual), np.nan), np.zeros(len(usual), dtype=bool)
    if known is not None:
        # Features are float32, and somebody's gap is exactly where one group ends: compared as features are.
        edges = np.asarray(known.edges, dtype=np.float32)
        position = np.searchsorted(edges, usual.astype(np.float32), side="left") + 1
        position[(n_order_days <= 1) | np.isnan(usual)] = 0
        due = np.array([np.nan if like.due_days is None else like.due_days for like in known.alike])[position]
        shop = known.shrinkage.shop_gap_days
        is_of_shop = usual.astype(np.float32) == np.float32(np.nan if shop is None else shop)
    return OwnGaps(days=usual, n_order_days=n_order_days, due_days=due, is_of_shop=is_of_shop)


def silence_tiers(frame: pd.DataFrame, direction: float) -> NDArray[np.int8] | None:
    """How telling the silence is as a reason up (direction 1) or down (-1); None where gaps are not known."""
    gaps = own_gaps(frame)
    if gaps is None:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        late = np.maximum(numbers(frame[SILENT]), 0.5) / np.maximum(gaps.days, 1.0)
    late = late if direction > 0 else 1.0 / late
    made = np.where(late >= VERY_LATE, TIER_UNUSUAL, np.where(late > 1.0, TIER_USUAL, 0))
    return np.asarray(np.where(np.isnan(late), 0, made), dtype=np.int8)


def _direction(name: str, directions: Mapping[str, float]) -> float:
    known = KNOWN_DIRECTIONS.get(name, KNOWN_DIRECTIONS_OF_FAMILIES.get(family_of(name)))
    return directions.get(name, 0.0) if known is None else known
