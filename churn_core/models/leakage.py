"""Guards against knowing the future: columns too good to be true, and a model on shuffled outcomes.

A column that alone tells who left was most likely filled in after they had left. A model that still ranks when the
outcomes are shuffled has seen them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from churn_core.features.registry import FEATURES
from churn_core.models.disguise import TOO_GOOD, best_area, suspicion
from churn_core.models.estimators import Estimator
from churn_core.stats.ranking import auc

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["LEAST_OF_EACH", "TOO_GOOD", "Leak", "shuffled_auc", "suspected_leaks"]

LEAST_OF_EACH = 10
"""Customers of each outcome below which nothing is suspected."""


@dataclass(frozen=True, kw_only=True)
class Leak:
    """A column that is suspected to know the outcome."""

    name: str
    auc: float
    """How well the column alone ranks, from 0.5 to 1."""
    why: str
    """What gave it away, as the second half of a sentence that begins with the name."""

    @property
    def note(self) -> str:
        """The suspicion in a sentence."""
        return (
            f"{self.name!r} {self.why}, which is too good to be true: "
            "check whether it is filled in only after a customer has left, and leave it out if so."
        )


def suspected_leaks(frame: pd.DataFrame, churned: NDArray[np.bool_]) -> list[Leak]:
    """Columns that know the outcome by one of the rules of ``disguise``, the ones that rank best first."""
    outcome = np.asarray(churned, dtype=bool)
    if min(outcome.sum(), (~outcome).sum()) < LEAST_OF_EACH:
        return []
    found = [
        Leak(name=str(name), auc=best_area(frame[name], outcome), why=why)
        for name in frame.columns
        if (why := suspicion(frame[name], outcome, is_foreign=name not in FEATURES))
    ]
    return sorted(found, key=lambda leak: (-leak.auc, leak.name))


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
