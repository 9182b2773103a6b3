"""What changed between two answers about the same cases, where a customer may occur several times.

Differences of the same case say more than the difference of two intervals; the rows of a customer count as one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from churn_core.errors import NotEnoughData
from churn_core.stats.proportions import Z_95
from churn_core.stats.ranking import auc, mid_ranks

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A difference of two answers, the second minus the first."""

    value: float
    error: float
    """Standard error; 0 where the answers are the same for every case."""

    @property
    def low(self) -> float:
        """Lower end of the 95 % interval."""
        return self.value - Z_95 * self.error

    @property
    def high(self) -> float:
        """Upper end of the 95 % interval."""
        return self.value + Z_95 * self.error


def mean_difference(first: ArrayLike, second: ArrayLike, cluster: ArrayLike) -> Difference:
    """Mean of ``second - first`` over cases, its error clustered (Liang and Zeger, 1986).

    NotEnoughData when all cases belong to one cluster.

    >>> found = mean_difference([1.0, 2.0, 3.0, 4.0], [2.0, 2.0, 4.0, 6.0], ["a", "b", "c", "d"])
    >>> found.value, round(found.error, 4)
    (1.0, 0.4082)
    """
    differences = np.asarray(second, dtype=float) - np.asarray(first, dtype=float)
    mean = float(differences.mean())
    return Difference(value=mean, error=_clustered_error((differences - mean) / len(differences), cluster))


def auc_difference(
    happened: ArrayLike,
    first: ArrayLike,
    second: ArrayLike,
    cluster: ArrayLike,
    groups: Sequence[NDArray[np.int64]] | None = None,
) -> Difference:
    """AUC of ``second`` minus AUC of ``first`` (DeLong, DeLong and Clarke-Pearson, 1988; clusters: Obuchowski, 1997).

    With ``groups`` (positions of the cases of each) cases are ranked within their group only, and the groups' AUCs are
    averaged by size; a group with one outcome only is left out. NotEnoughData when no group has both outcomes.
    """
    outcome = np.asarray(happened, dtype=bool)
    before, after = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    parts = [np.arange(len(outcome))] if groups is None else groups
    usable = [rows for rows in parts if outcome[rows].any() and not outcome[rows].all()]
    if not usable:
        raise NotEnoughData("all outcomes are the same; ranking needs both customers who churned and who stayed.")
    total = sum(len(rows) for rows in usable)
    influence = np.zeros(len(outcome))
    value = 0.0
    for rows in usable:
        share = len(rows) / total
        value += share * (auc(outcome[rows], after[rows]) - auc(outcome[rows], before[rows]))
        influence[rows] = share * (_influence(outcome[rows], after[rows]) - _influence(outcome[rows], before[rows]))
    return Difference(value=value, error=_clustered_error(influence, cluster))


def _influence(outcome: NDArray[np.bool_], score: NDArray[np.float64]) -> NDArray[np.float64]:
    """What each case adds to the AUC beyond the average case; sums to 0."""
    cases, controls = score[outcome], score[~outcome]
    n, m = len(cases), len(controls)
    ranks = mid_ranks(np.concatenate([cases, controls]))
    of_case = (ranks[:n] - mid_ranks(cases)) / m
    of_control = 1.0 - (ranks[n:] - mid_ranks(controls)) / n
    area = of_case.mean()
    made = np.empty(len(outcome))
    made[outcome] = (of_case - area) / n
    made[~outcome] = (of_control - area) / m
    return made


def _clustered_error(parts: NDArray[np.float64], cluster: ArrayLike) -> float:
    """Standard error of the sum of parts that are independent between clusters only."""
    _, number = np.unique(np.asarray(cluster), return_inverse=True)
    n_clusters = int(number.max()) + 1
    if n_clusters < 2:
        raise NotEnoughData("all cases belong to one customer, so nothing can be said about others.")
    sums = np.bincount(number.ravel(), parts)
    return float(np.sqrt(n_clusters / (n_clusters - 1) * (sums**2).sum()))
