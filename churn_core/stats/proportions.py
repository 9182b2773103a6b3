"""Shares and their intervals; numbers in, estimates out."""

from __future__ import annotations

from math import sqrt

from churn_core.errors import InputError

Z_95 = 1.959963984540054


def wilson_interval(n_hits: float, n: float, *, z: float = Z_95) -> tuple[float, float]:
    """The interval of a share ``n_hits / n`` (Wilson, 1927), both ends in [0, 1].

    InputError when there is nothing to take a share of.

    >>> low, high = wilson_interval(10, 100)
    >>> round(low, 4), round(high, 4)
    (0.0552, 0.1744)
    """
    if n <= 0 or not 0 <= n_hits <= n:
        raise InputError(f"{n_hits} of {n} is not a share; at least one case is needed and hits cannot exceed cases.")
    share = n_hits / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, centre - half), min(1.0, centre + half)
