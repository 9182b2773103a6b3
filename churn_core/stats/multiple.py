"""Several comparisons at once: p-values that stay honest when the best of many is looked at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from churn_core.errors import InputError


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values that bound the chance of any false finding (Holm, 1979).

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    ordered, order = _sorted(p_values)
    factors = np.arange(len(ordered), 0, -1)
    adjusted = np.maximum.accumulate(np.minimum(ordered * factors, 1.0))
    return _back(adjusted, order)


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values that bound the share of false ones among the findings (Benjamini & Hochberg, 1995).

    >>> [round(p, 3) for p in benjamini_hochberg([0.01, 0.04, 0.03])]
    [0.03, 0.04, 0.04]
    """
    ordered, order = _sorted(p_values)
    factors = len(ordered) / np.arange(1, len(ordered) + 1)
    adjusted = np.minimum.accumulate(np.minimum(ordered * factors, 1.0)[::-1])[::-1]
    return _back(adjusted, order)


def _sorted(p_values: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    values = np.asarray(p_values, dtype=float)
    if not ((values >= 0) & (values <= 1)).all():
        raise InputError("a p-value lies outside 0 to 1 or is missing; leave out comparisons without one.")
    order = np.argsort(values, kind="stable")
    return values[order], order


def _back(adjusted: np.ndarray, order: np.ndarray) -> list[float]:
    made = np.empty(len(order))
    made[order] = adjusted
    return [float(value) for value in made]
