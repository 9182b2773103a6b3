"""One cutoff as it is looked at to say what customers are worth: everybody who bought before, and what they did next.

Apart from the periods that risk is learned from, because here nobody is left out for having been silent for long,
the outcome is an amount and a number of order days, and the horizon is chosen by whoever asks.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from churn_core.errors import NotEnoughData
from churn_core.features.build import build_features
from churn_core.features.net_spend import (
    has_returns,
    less_returned_before,
    net_of,
    returned_within,
    shop_returned_within,
)
from churn_core.features.registry import available_features
from churn_core.models.bgnbd import INPUTS
from churn_core.models.worth_rhythm import ORDERS, SPEND, WorthRhythm, fit_rhythm
from churn_core.stats.columns import numbers
from churn_core.timeline import ChurnDefinition, in_label_window, seen_before

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from churn_core.warehouse import Warehouse

WINDOWS = (7, 30, 90, 180, 365)
"""Windows, in days, that the features count orders and spend in."""
GROSS = "ordered"
"""Spend before returns, kept beside the outcome where returns are known."""
NEWCOMERS = "newcomers"
"""Customers whose first order is within a horizon."""
MOST_NAMED = 50_000
"""Customers up to which a query names them; beyond, everybody who ordered is read."""
YEAR_DAYS = 364
"""A year back to the same day of the week."""
LAST_SEASON = {SPEND: "last_season_spend", ORDERS: "last_season_order_days"}
"""Columns with what each customer did in the coming season a year ago; nothing is learned from them, because few past
cutoffs have a year before them."""
_AMOUNTS = ("spend_amount", "return_amount_ratio")
_NEXT = "days_to_next"
_RECENT = {SPEND: "spend_amount_{}", ORDERS: "n_order_days_{}"}


@dataclass(frozen=True, kw_only=True)
class WorthPeriod:
    """Everybody who bought before a cutoff, and what they did within the horizon after it."""

    cutoff: datetime
    horizon_days: int
    frame: pd.DataFrame
    """Features before the cutoff, by customer id, and LAST_SEASON; spend is less what was returned by then."""
    outcome: dict[str, NDArray[np.float64]]
    """Spend and order days within the horizon, as far as they are known; negative amounts count as nothing.

    Where returns are known, spend is less the returns of the same days, not below 0, and GROSS is before them."""
    days_to_next: NDArray[np.float64]
    """Days from the cutoff to the first order within the horizon; NaN where there was none."""

    rhythm: WorthRhythm | None
    """BG/NBD and Gamma-Gamma as fitted at the cutoff; None when nobody had ordered on a second day."""
    levels: dict[str, float | None]
    """What customers did over what BG/NBD expected of them at the cutoff; None when either is nothing or unknown."""


def everybody(horizon_days: int) -> ChurnDefinition:
    """The question put to the features: all past buyers, over this horizon, from the cutoff on."""
    return ChurnDefinition(horizon_days=horizon_days, activity_days=None, lead_days=0)


def worth_features(warehouse: Warehouse) -> tuple[str, ...]:
    """What is learned from: all features but the season's, which speak of a year that few of the past cutoffs have."""
    names = [feature.name for feature in available_features(warehouse) if feature.group != "season"]
    return tuple(dict.fromkeys((*names, *INPUTS)))


def frame_at(
    warehouse: Warehouse,
    cutoff: datetime,
    horizon_days: int,
    *,
    n_most: int | None = None,
    features: tuple[str, ...] | None = None,
) -> pd.DataFrame:
    """Features of everybody who bought before a cutoff; NotEnoughData when there is nobody.

    Spend, in all and by window, is less what was returned before the cutoff. LAST_SEASON stands beside the features
    unless only some of these are asked for.
    """
    asked = worth_features(warehouse) if features is None else features
    frame = build_features(warehouse, cutoff, everybody(horizon_days), features=asked, n_most=n_most)
    if not len(frame):
        raise NotEnoughData(f"nobody had bought before {cutoff:%-d %b %Y}; choose a later date or import older orders.")
    if has_returns(warehouse):
        frame = less_returned_before(warehouse, cutoff, frame, WINDOWS)
    if features is not None or horizon_days > YEAR_DAYS:
        return frame
    season = _done_within(warehouse, cutoff - timedelta(days=YEAR_DAYS), horizon_days, frame.index)
    return frame.assign(**{name: season[what].astype(np.float32) for what, name in LAST_SEASON.items()})


def learned_from(frame: pd.DataFrame) -> tuple[str, ...]:
    """The columns of a cutoff that are learned from."""
    return tuple(str(name) for name in frame.columns if name not in LAST_SEASON.values())


def last_season(frame: pd.DataFrame, what: str) -> NDArray[np.float64]:
    """Spend or order days of each customer in the season to come, a year ago; zeros where that is not known."""
    return _amounts(frame, LAST_SEASON[what])


def plain_features(warehouse: Warehouse) -> tuple[str, ...]:
    """What BG/NBD and Gamma-Gamma need, which is quickly read."""
    return tuple(name for name in worth_features(warehouse) if name in (*INPUTS, *_AMOUNTS))


def spend_within(warehouse: Warehouse, cutoff: datetime, days: int, customers: pd.Index) -> NDArray[np.float64]:
    """What each of these customers spent within so many days after a cutoff, less the returns of the same days."""
    return _done_within(warehouse, cutoff, days, customers)[SPEND]


def period_at(
    warehouse: Warehouse,
    cutoff: datetime,
    horizon_days: int,
    *,
    n_most: int | None = None,
    features: tuple[str, ...] | None = None,
) -> WorthPeriod:
    """Features at a cutoff whose horizon is over, and what followed."""
    frame = frame_at(warehouse, cutoff, horizon_days, n_most=n_most, features=features)
    outcome = _done_within(warehouse, cutoff, horizon_days, frame.index)
    days_to_next = outcome.pop(_NEXT)
    rhythm = _rhythm(frame)
    return WorthPeriod(
        cutoff=cutoff,
        horizon_days=horizon_days,
        frame=frame,
        outcome=outcome,
        days_to_next=days_to_next,
        rhythm=rhythm,
        levels={what: _level(outcome[what], rhythm, frame, what, horizon_days) for what in (SPEND, ORDERS)},
    )


def _done_within(
    warehouse: Warehouse, cutoff: datetime, days: int, customers: pd.Index
) -> dict[str, NDArray[np.float64]]:
    """Spend and order days of each of these customers within so many days after a cutoff, and when they began.

    Negative amounts count as nothing. Where returns are known, spend is less the returns of the same days, not below
    0, and GROSS is before them.
    """
    window = everybody(days)
    named, parameters = _named(customers)
    found = warehouse.frame(
        f"SELECT customer_id, CAST(sum(amount) AS DOUBLE) AS {SPEND}, count(*) FILTER (WHERE is_new_day) AS {ORDERS}, "
        f"date_diff('day', CAST($cutoff AS DATE), CAST(min(order_time) AS DATE)) AS {_NEXT} "
        f"FROM orders WHERE {in_label_window('order_time', window)}{named} GROUP BY customer_id",
        {"cutoff": cutoff, **parameters},
    ).set_index("customer_id")
    place = found.index.get_indexer(customers)
    done = {_NEXT: np.append(numbers(found[_NEXT]), np.nan)[place]}
    for what in (SPEND, ORDERS):
        done[what] = np.append(np.clip(np.nan_to_num(numbers(found[what])), 0.0, None), 0.0)[place]
    if has_returns(warehouse):
        done[GROSS] = done[SPEND]
        done[SPEND] = net_of(done[SPEND], returned_within(warehouse, cutoff, window, customers))
    return done


def _named(customers: pd.Index) -> tuple[str, dict[str, object]]:
    """A condition that only these customers are read, with its parameters; none where they are too many to name."""
    if len(customers) > MOST_NAMED:
        return "", {}
    return " AND customer_id IN (SELECT unnest($customers))", {"customers": [str(name) for name in customers]}


def shop_within(warehouse: Warehouse, cutoff: datetime, horizon_days: int) -> dict[str, float]:
    """What the whole shop sold within the horizon after a cutoff, newcomers included, and how many of these came.

    Spend is less the returns of the same days, not below 0.
    """
    window = everybody(horizon_days)
    orders, spend, newcomers = warehouse.rows(
        "SELECT count(*) FILTER (WHERE is_new_day), CAST(sum(amount) AS DOUBLE), "
        "count(*) FILTER (WHERE is_new_day AND gap_days IS NULL) "
        f"FROM orders WHERE {in_label_window('order_time', window)}",
        {"cutoff": cutoff},
    )[0]
    sent_back = shop_returned_within(warehouse, cutoff, window)
    return {SPEND: max((spend or 0.0) - sent_back, 0.0), ORDERS: float(orders), NEWCOMERS: float(newcomers)}


def _rhythm(frame: pd.DataFrame) -> WorthRhythm | None:
    try:
        return fit_rhythm(frame)
    except NotEnoughData:
        return None


def _level(
    outcome: NDArray[np.float64], rhythm: WorthRhythm | None, frame: pd.DataFrame, what: str, horizon_days: int
) -> float | None:
    if rhythm is None:
        return None
    expected, came = float(rhythm.expected(frame, what, horizon_days).sum()), float(outcome.sum())
    return came / expected if expected > 0 and came > 0 else None


def recent(frame: pd.DataFrame, what: str, horizon_days: int) -> NDArray[np.float64]:
    """The same as before: spend or order days in the window nearest to the horizon, brought to its length."""
    days = min(WINDOWS, key=lambda window: abs(window - horizon_days))
    return _amounts(frame, _RECENT[what].format(days)) * horizon_days / days


def has_before(warehouse: Warehouse, cutoff: datetime) -> bool:
    """Whether anything was ordered before a cutoff."""
    return bool(warehouse.rows(f"SELECT 1 FROM orders WHERE {seen_before('order_time')} LIMIT 1", {"cutoff": cutoff}))


def _amounts(frame: pd.DataFrame, name: str) -> NDArray[np.float64]:
    if name not in frame.columns:
        return np.zeros(len(frame))
    return np.clip(np.nan_to_num(numbers(frame[name])), 0.0, None)
