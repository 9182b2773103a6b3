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


def cauchy_combined(p_values: Sequence[float]) -> float:
    """One p-value for several that may depend on each other, as of correlated columns (Liu & Xie, 2020).

    The mean of ``tan((0.5 - p) pi)`` is about standard Cauchy in its tail whatever the dependence, so that small
    combined p-values keep what they say where Bonferroni's would be too cautious. InputError without a p-value.

    >>> round(cauchy_combined([0.01, 0.01, 0.01]), 6)
    0.01
    """
    ordered, _ = _sorted(p_values)
    if not len(ordered):
        raise InputError("there is no p-value to combine; give at least one.")
    # A p-value of exactly one stands for almost one, whose tangent exists.
    tangents = np.tan((0.5 - np.clip(ordered, 1e-300, 1 - 1e-9)) * np.pi)
    tiny = ordered < 1e-15
    tangents[tiny] = 1 / (np.clip(ordered[tiny], 1e-300, None) * np.pi)
    mean = float(tangents.mean())
    return float(np.arctan2(1.0, mean) / np.pi)


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
