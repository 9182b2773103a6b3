"""Guards against knowing the future: columns too good to be true, and a model on shuffled outcomes.

A column that alone tells who left was most likely filled in after they had left. A model that still ranks when the
outcomes are shuffled has seen them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from churn_core.models.estimators import Estimator
from churn_core.stats.columns import is_number, numbers
from churn_core.stats.ranking import auc

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

TOO_GOOD = 0.98
"""AUC from which one column alone is too good to be true."""
LEAST_OF_EACH = 10
"""Customers of each outcome below which nothing is suspected."""


@dataclass(frozen=True, kw_only=True)
class Leak:
    """A column that is suspected to know the outcome."""

    name: str
    auc: float
    """How well the column alone ranks, from 0.5 to 1."""

    @property
    def note(self) -> str:
        """The suspicion in a sentence."""
        return (
            f"{self.name!r} alone tells who left with an AUC of {self.auc:.3f}, which is too good to be true: "
            "check whether it is filled in only after a customer has left, and leave it out if so."
        )


def suspected_leaks(frame: pd.DataFrame, churned: NDArray[np.bool_]) -> list[Leak]:
    """Columns that alone rank customers too well, the worst first."""
    outcome = np.asarray(churned, dtype=bool)
    if min(outcome.sum(), (~outcome).sum()) < LEAST_OF_EACH:
        return []
    found = [Leak(name=str(name), auc=_alone(frame[name], outcome)) for name in frame.columns]
    return sorted((leak for leak in found if leak.auc >= TOO_GOOD), key=lambda leak: (-leak.auc, leak.name))


def shuffled_auc(
    make: Callable[[], Estimator],
    frame: pd.DataFrame,
    churned: NDArray[np.bool_],
    *,
    seed: int,
    n_times: int = 3,
) -> tuple[float, float]:
    """Mean AUC on held-out rows when the outcomes are shuffled, and the error to expect of it; 0.5 is right."""
    draw = np.random.default_rng(seed)
    found = []
    for _ in range(n_times):
        shuffled = draw.permutation(np.asarray(churned, dtype=bool))
        held = draw.random(len(shuffled)) < 0.5
        model = make().fit(frame[~held], shuffled[~held], seed=seed)
        found.append(auc(shuffled[held], model.log_odds(frame[held])))
    n_cases, n_controls = shuffled[held].sum(), (~shuffled[held]).sum()
    error = np.sqrt((n_cases + n_controls + 1) / (12.0 * n_cases * n_controls) / n_times)
    return float(np.mean(found)), float(error)


def _alone(values: pd.Series, outcome: NDArray[np.bool_]) -> float:
    """AUC of one column, whichever way it points; missing values count as a value of their own, whichever helps."""
    if is_number(values):
        known = numbers(values)
        low, high = np.nan_to_num(known, nan=-np.inf), np.nan_to_num(known, nan=np.inf)
        areas = [auc(outcome, part) for part in (low, high, np.isnan(known))]
    else:
        rates = _held_out_rates(values.astype(object).where(values.notna(), "").astype(str).to_numpy(), outcome)
        areas = [auc(outcome, rates)]
    return max(max(area, 1 - area) for area in areas)


def _held_out_rates(levels: NDArray[np.object_], outcome: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Share of churners among the other rows of the same category, so that a name of one row tells nothing."""
    _, code = np.unique(levels, return_inverse=True)
    n = np.bincount(code)
    hits = np.bincount(code, outcome)
    overall = outcome.mean()
    return np.asarray((hits[code] - outcome + overall) / n[code])
