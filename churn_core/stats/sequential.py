"""Looking before the end: intervals that hold at every look, or bounds for looks that were planned.

Daily looks at a fixed 5 % find something that is not there in a quarter of all experiments. The confidence sequence
allows any number of looks at any time; group-sequential bounds are narrower and need the looks to be planned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, isfinite, log, sqrt
from typing import Literal

import numpy as np

from churn_core.errors import InputError

NODES = 160
"""Points of the numerical integration over each look."""


@dataclass(frozen=True, kw_only=True)
class SequentialLook:
    """A difference as it may be read at any time."""

    low: float
    high: float
    p_value: float
    """Valid at every look; the smallest so far may be quoted."""


def confidence_sequence(
    difference: float, standard_error: float, n: int, planned_n: int, *, alpha: float = 0.05
) -> SequentialLook:
    """Interval of a difference that covers the truth at all looks together (Waudby-Smith et al., 2024, asymptotic).

    ``n`` customers were counted so far, ``planned_n`` is where the sequence is tightest. The half width is
    ``se * sqrt(2 (n r + 1) / (n r) * log(sqrt(n r + 1) / alpha))`` with ``r`` tuned to the planned number.
    """
    _check_alpha(alpha)
    if n < 1 or planned_n < 1 or not standard_error > 0 or not isfinite(difference):
        raise InputError(
            f"a difference of {difference:g} from {n} of {planned_n} planned customers with a standard error of "
            f"{standard_error:g} cannot be judged; "
            "at least one customer, a plan, and an outcome that varies are needed."
        )
    grown = n * best_rho_squared(planned_n, alpha=alpha)
    half = standard_error * sqrt(2 * (grown + 1) / grown * log(sqrt(grown + 1) / alpha))
    z = difference / standard_error
    p_value = min(1.0, sqrt(grown + 1) * exp(-z * z * grown / (2 * (grown + 1))))
    return SequentialLook(low=difference - half, high=difference + half, p_value=p_value)


def best_rho_squared(planned_n: int, *, alpha: float = 0.05) -> float:
    """Tuning with which the sequence is narrowest at the planned number (Waudby-Smith et al., 2024, appendix).

    ``(-W(-alpha^2 / e) - 1) / n`` with the lower branch of Lambert's W.
    """
    from scipy.special import lambertw

    return float((-lambertw(-(alpha**2) * exp(-1), -1).real - 1) / planned_n)


def group_bounds(
    n_looks: int, kind: Literal["obrien_fleming", "pocock"] = "obrien_fleming", *, alpha: float = 0.05
) -> list[float]:
    """Bounds of |z| at equally spaced looks that together keep alpha (Jennison & Turnbull, 2000, ch. 2).

    Pocock (1977) has the same bound at every look, O'Brien & Fleming (1979) high ones first: ``c sqrt(K / k)``.

    >>> [round(bound, 2) for bound in group_bounds(2)]
    [2.8, 1.98]
    """
    from scipy.optimize import brentq

    _check_alpha(alpha)
    if kind not in ("obrien_fleming", "pocock"):
        raise InputError(f"the bounds are {kind!r}; choose obrien_fleming or pocock.")
    if not 1 <= n_looks <= 200:
        raise InputError(f"{n_looks} looks are planned; choose between 1 and 200.")
    shape = np.sqrt(n_looks / np.arange(1, n_looks + 1)) if kind == "obrien_fleming" else np.ones(n_looks)
    shares = np.arange(1, n_looks + 1) / n_looks

    def too_often(constant: float) -> float:
        return crossing_chance(constant * shape, shares) - alpha

    constant = float(brentq(too_often, 0.1, 8.0, xtol=1e-10))
    return [float(constant * factor) for factor in shape]


def _check_alpha(alpha: float) -> None:
    if not 0 < alpha < 1:
        raise InputError(f"alpha is {alpha:g}; choose a share between 0 and 1, like 0.05.")


def crossing_chance(
    bounds: Sequence[float] | np.ndarray, shares: Sequence[float] | np.ndarray, *, drift: float = 0.0
) -> float:
    """Chance that |z| ever reaches its bound at one of the looks (Armitage, McPherson & Rowe, 1969).

    ``shares`` are the parts of the planned information at each look, the last one usually 1; ``drift`` is the expected
    z at full information.
    """
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    places, density = np.zeros(1), np.ones(1)
    before = 0.0
    for bound, share in zip(bounds, shares, strict=True):
        reach = float(bound) * sqrt(share)
        step = share - before
        at = reach * nodes
        moved = at[:, None] - places[None, :] - drift * step
        kernel = np.exp(-moved * moved / (2 * step)) / sqrt(2 * np.pi * step)
        density = (kernel @ density) * reach * weights
        places, before = at, share
    return float(1.0 - density.sum())
