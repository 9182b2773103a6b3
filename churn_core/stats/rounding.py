"""Rounding several numbers so that a reader who adds up what is shown gets the total that is shown."""

from __future__ import annotations

import math
from collections.abc import Sequence


def rounded_to_sum(values: Sequence[float], total: float, digits: int = 1) -> tuple[float, ...]:
    """The values with so many digits, whose sum is the rounded total (method of largest remainders, Hamilton, 1792).

    Each is at most one unit of the last digit from its own value as long as the values sum to about the total.

    >>> rounded_to_sum([3.04, 2.04, -1.0], 4.08), rounded_to_sum([1 / 3, 1 / 3, 1 / 3], 1.0)
    ((3.1, 2.0, -1.0), (0.4, 0.3, 0.3))
    >>> rounded_to_sum([0.0, 5.0], 5.04)
    (0.0, 5.0)
    """
    unit = 10**digits
    floors = [math.floor(value * unit + 1e-9) for value in values]
    missing = round(round(total, digits) * unit) - sum(floors)
    # What has the largest remainder is rounded up first; a value of exactly zero stays zero while others can move.
    order = sorted(range(len(values)), key=lambda i: (values[i] == 0, floors[i] - values[i] * unit, i))
    made = list(floors)
    while missing and order:
        step = 1 if missing > 0 else -1
        for position in order if step > 0 else order[::-1]:
            if not missing or (values[position] == 0 and any(values)):
                continue
            made[position] += step
            missing -= step
    return tuple(number / unit for number in made)
