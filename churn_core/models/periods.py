"""The past, cut at many points: features before each cutoff, outcomes after it.

A period is one cutoff with the customers who were eligible then. Whatever is learnt for a cutoff comes from
periods whose label window had ended by then, so nothing is learnt from what was still the future.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from churn_core.errors import NotEnoughData
from churn_core.features.build import build_features, learnable
from churn_core.features.definition import STEP_DAYS, first_cutoff, known_until
from churn_core.features.labels import build_labels
from churn_core.jobs import Progress, no_progress
from churn_core.models.bgnbd import INPUTS, BgNbd
from churn_core.timeline import ChurnDefinition, past_cutoffs, seen_before

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from churn_core.warehouse import Warehouse

MOST_PERIODS = 18
TRAINING_PERIODS = 14
"""Cutoffs a model for use is trained on; with a horizon of 90 days their label windows cover a year."""
MOST_ROWS = 120_000
"""Rows a backtest learns from; with more customers a sample of them is taken, the same one at every cutoff."""
TRAINING_ROWS = 40_000
"""Rows a model for use is trained on."""
CUTOFF_NUMBER = "cutoff_number"
"""Name of the index of stacked rows: the number of the cutoff they are from."""
RHYTHM_CUSTOMERS = 20_000
"""Customers the purchase model is fitted to."""


@dataclass(frozen=True, kw_only=True)
class Period:
    """One cutoff and what became of its customers."""

    cutoff: datetime
    frame: pd.DataFrame
    """Features before the cutoff, by customer id."""
    churned: NDArray[np.bool_]
    future_amount: NDArray[np.float64]
    """Spend in the label window, less returns where these are known."""

    @property
    def has_both(self) -> bool:
        """Whether both outcomes occur."""
        return bool(self.churned.any() and not self.churned.all())


def usable_cutoffs(
    warehouse: Warehouse,
    definition: ChurnDefinition,
    until: datetime,
    *,
    step_days: int = STEP_DAYS,
    n_most: int = MOST_PERIODS,
) -> list[datetime]:
    """Past cutoffs whose outcome is known at ``until``, oldest first, after enough history; may be empty."""
    first = first_cutoff(warehouse, definition)
    if first is None:
        raise NotEnoughData("there are no orders yet; import an order history first.")
    return past_cutoffs(first=first, known_until=until, definition=definition, step_days=step_days, n_most=n_most)


def build_periods(
    warehouse: Warehouse,
    definition: ChurnDefinition,
    cutoffs: Sequence[datetime],
    *,
    n_most: int | None = None,
    progress: Progress = no_progress,
) -> list[Period]:
    """Features and outcomes at each cutoff; cutoffs without an eligible customer are left out."""
    made = []
    for number, cutoff in enumerate(cutoffs):
        progress(number / len(cutoffs), f"features as of {cutoff:%-d %b %Y}")
        period = build_period(warehouse, definition, cutoff, n_most=n_most)
        if len(period.frame):
            made.append(period)
    return made


def build_period(
    warehouse: Warehouse, definition: ChurnDefinition, cutoff: datetime, *, n_most: int | None = None
) -> Period:
    """Features and outcomes at one cutoff."""
    frame = build_features(warehouse, cutoff, definition, features=learnable(warehouse), n_most=n_most)
    labels = build_labels(warehouse, cutoff, definition, frame)
    return Period(
        cutoff=cutoff,
        frame=frame,
        churned=labels["churned"].to_numpy(dtype=bool),
        future_amount=labels["future_amount"].to_numpy(dtype=float, na_value=np.nan),
    )


def sample_size(n_periods: int, n_rows: int = MOST_ROWS) -> int:
    """Customers per cutoff so that all of them stay within a number of rows."""
    return max(2_000, n_rows // max(n_periods, 1))


def learnt_by(periods: Sequence[Period], cutoff: datetime, definition: ChurnDefinition) -> list[Period]:
    """The periods whose label window had ended at a cutoff."""
    return [period for period in periods if definition.outcome_known_at(period.cutoff) <= cutoff]


def stacked(periods: Sequence[Period]) -> tuple[pd.DataFrame, NDArray[np.bool_], NDArray[np.int64]]:
    """All rows of several periods: features, outcomes and the number of the period, from 0, which is the index too."""
    import pandas as pd

    frame = pd.concat([period.frame for period in periods], ignore_index=True)
    churned = np.concatenate([period.churned for period in periods])
    number = np.repeat(np.arange(len(periods)), [len(period.churned) for period in periods])
    return frame.set_axis(pd.Index(number, name=CUTOFF_NUMBER)), churned, number


def fit_rhythm(warehouse: Warehouse, definition: ChurnDefinition, cutoff: datetime) -> BgNbd:
    """The purchase model of all past buyers as known at a cutoff; outcomes play no part in it."""
    everybody = replace(definition, activity_days=None)
    frame = build_features(warehouse, cutoff, everybody, features=INPUTS, n_most=RHYTHM_CUSTOMERS)
    return BgNbd(horizon_days=definition.horizon_days, lead_days=definition.lead_days).fit(frame)


def order_ratio(
    warehouse: Warehouse, definition: ChurnDefinition, cutoff: datetime, *, known_at: datetime
) -> float | None:
    """Log ratio of the shop's orders in the label window to those in as many days before the cutoff.

    None where orders were not known at ``known_at`` for the whole of both windows (with a horizon of a year, last
    year's window reaches into the future), or where one of them holds fewer than 30.
    """
    _, window_end = definition.label_window(cutoff)
    before = cutoff - timedelta(days=definition.horizon_days)
    bounds = warehouse.rows("SELECT min(order_time) FROM orders")
    end = known_until(warehouse)
    if not bounds or bounds[0][0] is None or end is None or bounds[0][0].date() > before.date():
        return None
    if window_end > min(end, known_at):
        return None
    count = (
        "SELECT count(*) FILTER (WHERE is_new_day) FROM orders "
        f"WHERE {seen_before('order_time', days=definition.horizon_days)}"
    )
    earlier = warehouse.value(count, {"cutoff": cutoff})
    later = warehouse.value(count, {"cutoff": window_end})
    if min(earlier, later) < 30:
        return None
    return float(np.log(later / earlier))
