"""How well a score puts cases before others: area under the ROC curve and the precision-recall curve.

Own numpy versions, so that a page can evaluate without waiting for a modelling library to load.
"""

from __future__ import annotations

from math import exp, log, sqrt
from typing import TYPE_CHECKING

import numpy as np

from churn_core.errors import NotEnoughData
from churn_core.stats.proportions import Z_95, wilson_interval

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def _split(happened: ArrayLike, score: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    outcome = np.asarray(happened, dtype=bool)
    values = np.asarray(score, dtype=float)
    if outcome.all() or not outcome.any():
        raise NotEnoughData("all outcomes are the same; ranking needs both customers who churned and who stayed.")
    return values[outcome], values[~outcome]


def mid_ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 1, ties sharing the middle of their ranks.

    >>> mid_ranks(np.array([3.0, 1.0, 3.0])).tolist()
    [2.5, 1.0, 2.5]
    """
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    upper = np.cumsum(counts)
    return (upper - (counts - 1) / 2.0)[inverse]


def auc(happened: ArrayLike, score: ArrayLike) -> float:
    """Chance that a case that happened scores above one that did not, ties counting half (Mann-Whitney).

    >>> auc([1, 1, 0, 0], [0.9, 0.4, 0.4, 0.1])
    0.875
    """
    cases, controls = _split(happened, score)
    ranks = mid_ranks(np.concatenate([cases, controls]))
    n, m = len(cases), len(controls)
    return float((ranks[:n].sum() - n * (n + 1) / 2) / (n * m))


def auc_interval(happened: ArrayLike, score: ArrayLike) -> tuple[float, float]:
    """95 % interval of the AUC (DeLong, DeLong & Clarke-Pearson, 1988), on the logit scale so it stays in [0, 1].

    Where cases and controls do not overlap the variance is zero and says nothing; the interval is then that of as
    many successes as the smaller class has members (Wilson, 1927), which is on the wide side.
    """
    cases, controls = _split(happened, score)
    n, m = len(cases), len(controls)
    area = auc(happened, score)
    if area in (0.0, 1.0):
        return wilson_interval(round(area) * min(n, m), min(n, m))
    if n < 2 or m < 2:
        return 0.0, 1.0
    ranks = mid_ranks(np.concatenate([cases, controls]))
    of_case = (ranks[:n] - mid_ranks(cases)) / m
    of_control = 1.0 - (ranks[n:] - mid_ranks(controls)) / n
    error = sqrt(of_case.var(ddof=1) / n + of_control.var(ddof=1) / m)
    return logit_interval(area, error)


def average_precision(happened: ArrayLike, score: ArrayLike) -> float:
    """Area under the precision-recall curve as the mean precision at each case, ties taken together."""
    outcome = np.asarray(happened, dtype=bool)
    _split(outcome, score)
    recall, precision = precision_recall(outcome, score)
    return float(np.sum(np.diff(np.concatenate([[0.0], recall])) * precision))


def average_precision_interval(area: float, n_cases: int) -> tuple[float, float]:
    """95 % interval of the average precision on the logit scale (Boyd, Eng & Page, 2013)."""
    if not 0.0 < area < 1.0:
        return wilson_interval(round(area) * n_cases, n_cases)
    width = Z_95 / sqrt(n_cases * area * (1 - area))
    centre = log(area / (1 - area))
    return 1 / (1 + exp(-(centre - width))), 1 / (1 + exp(-(centre + width)))


def logit_interval(share: float, error: float) -> tuple[float, float]:
    """95 % interval of a share from its standard error, by the delta method on the logit scale."""
    centre = log(share / (1 - share))
    width = Z_95 * error / (share * (1 - share))
    return 1 / (1 + exp(-(centre - width))), 1 / (1 + exp(-(centre + width)))


def _cumulative(outcome: NDArray[np.bool_], score: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Cases and controls at or above each distinct score, highest score first."""
    values = np.asarray(score, dtype=float)
    order = np.argsort(-values, kind="stable")
    last = np.append(np.flatnonzero(np.diff(values[order])), len(values) - 1)
    cases = np.cumsum(outcome[order])[last].astype(float)
    return cases, last + 1.0 - cases


def precision_recall(happened: ArrayLike, score: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Recall and precision at each distinct score, highest score first."""
    outcome = np.asarray(happened, dtype=bool)
    cases, controls = _cumulative(outcome, score)
    return cases / outcome.sum(), cases / (cases + controls)


def roc(happened: ArrayLike, score: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """False and true positive rate at each distinct score, from (0, 0) to (1, 1)."""
    outcome = np.asarray(happened, dtype=bool)
    cases, controls = _cumulative(outcome, score)
    start = np.zeros(1)
    return (
        np.concatenate([start, controls / max(int((~outcome).sum()), 1)]),
        np.concatenate([start, cases / max(int(outcome.sum()), 1)]),
    )
