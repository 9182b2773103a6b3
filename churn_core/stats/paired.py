"""The difference between two rankings of the same customers, with the error to expect of it."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from churn_core.errors import NotEnoughData
from churn_core.stats.ranking import auc, mid_ranks

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, kw_only=True)
class AucDifference:
    """AUC of one score minus AUC of another on the same customers."""

    first: float
    second: float
    value: float
    """First minus second."""
    error: float
    """Standard error of the difference (DeLong, DeLong & Clarke-Pearson, 1988), the pairing taken into account."""


def auc_difference(happened: ArrayLike, first: ArrayLike, second: ArrayLike) -> AucDifference:
    """Compare two scores of the same customers; NotEnoughData below two customers of either outcome.

    >>> found = auc_difference([1, 1, 0, 0], [4, 3, 2, 1], [4, 1, 2, 3])
    >>> found.first, found.second, found.value
    (1.0, 0.5, 0.5)
    """
    outcome = np.asarray(happened, dtype=bool)
    if min(outcome.sum(), (~outcome).sum()) < 2:
        raise NotEnoughData("two rankings can be compared where at least two customers left and two stayed.")
    cases, controls = zip(
        *(_placements(outcome, np.asarray(score, dtype=float)) for score in (first, second)), strict=True
    )
    spread = (cases[0] - cases[1]).var(ddof=1) / len(cases[0])
    spread += (controls[0] - controls[1]).var(ddof=1) / len(controls[0])
    areas = auc(outcome, first), auc(outcome, second)
    return AucDifference(first=areas[0], second=areas[1], value=areas[0] - areas[1], error=sqrt(float(spread)))


def _placements(
    outcome: NDArray[np.bool_], score: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Share of controls below each case, and of cases above each control, ties counting half."""
    cases, controls = score[outcome], score[~outcome]
    n, m = len(cases), len(controls)
    ranks = mid_ranks(np.concatenate([cases, controls]))
    return (ranks[:n] - mid_ranks(cases)) / m, 1.0 - (ranks[n:] - mid_ranks(controls)) / n
