"""Less noise from what was known before: the part of an outcome that the past explains is taken off (CUPED).

The covariates must have been measured strictly before assignment. A customer without one gets its mean, and a further
covariate says so; :func:`filled` makes both columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from churn_core.errors import InputError
from churn_core.stats.moments import JointMoments, Moments

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, kw_only=True)
class Adjusted:
    """The arms after adjustment, in the order they were given."""

    arms: tuple[Moments, ...]
    """Adjusted outcome per arm; compare them as means, on the absolute scale."""
    theta: tuple[float, ...]
    """Outcome per unit of each covariate, pooled over the arms."""
    variance_ratio: float
    """Pooled variance of the adjusted outcome over that of the raw one; 0.7 saves 30 % of the customers."""


def adjust(arms: Sequence[JointMoments]) -> Adjusted:
    """Take off the covariates' part (Deng, Xu, Kohavi & Walker, 2013); the outcome is the first column of each arm.

    ``theta`` is the regression inside the arms, pooled. A covariate that does not vary is left out.
    """
    if not arms or any(arm.n < 2 for arm in arms):
        raise InputError("every arm needs at least two customers for an adjustment; leave the covariate out.")
    weight = np.array([arm.n - 1 for arm in arms], dtype=float)
    pooled = sum(w * arm.matrix for w, arm in zip(weight, arms, strict=True)) / weight.sum()
    between, outcome = pooled[1:, 1:], pooled[1:, 0]
    theta = np.linalg.pinv(between, rcond=1e-10, hermitian=True) @ outcome
    n = np.array([arm.n for arm in arms], dtype=float)
    centre = (n[:, None] * np.array([arm.means[1:] for arm in arms])).sum(axis=0) / n.sum()
    raw = float(pooled[0, 0])
    left = float(pooled[0, 0] - 2 * theta @ outcome + theta @ between @ theta)
    return Adjusted(
        arms=tuple(_adjusted(arm, theta, centre) for arm in arms),
        theta=tuple(float(value) for value in theta),
        variance_ratio=max(0.0, left) / raw if raw > 0 else 1.0,
    )


def filled(covariate: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A covariate with its mean where it is missing, and a column that is 1 there.

    >>> values, missing = filled([1.0, float("nan"), 3.0])
    >>> values.tolist(), missing.tolist()
    ([1.0, 2.0, 3.0], [0.0, 1.0, 0.0])
    """
    column = np.asarray(covariate, dtype=float)
    absent = ~np.isfinite(column)
    if absent.all():
        raise InputError("the covariate is missing for every customer; leave it out.")
    return np.where(absent, column[~absent].mean(), column), absent.astype(float)


def _adjusted(arm: JointMoments, theta: NDArray[np.float64], centre: NDArray[np.float64]) -> Moments:
    spread = arm.matrix
    mean = arm.means[0] - float(theta @ (np.asarray(arm.means[1:]) - centre))
    variance = float(spread[0, 0] - 2 * theta @ spread[1:, 0] + theta @ spread[1:, 1:] @ theta)
    return Moments(n=arm.n, mean=mean, variance=max(0.0, variance))
