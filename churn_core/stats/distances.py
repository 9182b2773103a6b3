"""How far two distributions lie apart, as sizes that do not grow with the number of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from churn_core.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

SHARE_FLOOR = 1e-4
"""Share put in place of an empty bin, so that its logarithm exists."""
N_QUANTILES = 100
"""Quantiles that stand for a distribution."""


def stability_index(expected: ArrayLike, actual: ArrayLike) -> float:
    """Population stability index of two sets of shares over the same bins.

    ``sum((a - e) * ln(a / e))``, the symmetrised divergence of Kullback and Leibler (Jeffreys, 1946), in credit scoring
    named PSI (Siddiqi, 2006, Credit Risk Scorecards, ch. 9). Empty bins count as ``SHARE_FLOOR``. Two normal
    distributions of equal width, d standard deviations apart, have an index of d squared.
    InputError when the bins differ in number.

    >>> round(stability_index([0.5, 0.5], [0.6, 0.4]), 4)
    0.0405
    """
    before = np.asarray(expected, dtype=float)
    after = np.asarray(actual, dtype=float)
    if before.shape != after.shape or not before.size:
        raise InputError(f"{before.size} and {after.size} bins cannot be compared; both need the same bins.")
    before, after = np.maximum(before, SHARE_FLOOR), np.maximum(after, SHARE_FLOOR)
    return float(((after - before) * np.log(after / before)).sum())


def quantile_grid(values: ArrayLike) -> NDArray[np.float64]:
    """The quantiles at the middles of ``N_QUANTILES`` equal parts: 0.5 %, 1.5 %, ... 99.5 %.

    What lies beyond the outer ones, half a percent at either end, has no weight of its own.

    >>> quantile_grid([3.0, 3.0])[[0, -1]].tolist()
    [3.0, 3.0]
    """
    known = np.asarray(values, dtype=float)
    return np.asarray(np.quantile(known, (np.arange(N_QUANTILES) + 0.5) / N_QUANTILES))


def transport_distance(before: ArrayLike, after: ArrayLike) -> float:
    """Wasserstein distance of order 1 between two grids of quantiles, in the unit of the values.

    The mean distance between quantiles of the same rank, which on a line is the least mean way by which the one
    distribution can be carried over into the other (Vallender, 1974).

    >>> transport_distance([0.0, 1.0, 3.0], [5.0, 6.0, 8.0])
    5.0
    """
    first, second = np.sort(np.asarray(before, dtype=float)), np.sort(np.asarray(after, dtype=float))
    if first.shape != second.shape or not first.size:
        raise InputError(f"{first.size} and {second.size} quantiles cannot be compared; both need the same number.")
    return float(np.abs(first - second).mean())
