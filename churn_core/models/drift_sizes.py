"""How far one input, or the risk, has moved since training, and what that is called.

The only place where a size becomes a word: page, command line and Today all ask :func:`verdict`. Sizes are effect
sizes: they do not grow with the number of customers, which only decides whether there is anything to say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from churn_core.models.population import bin_shares
from churn_core.stats.distances import quantile_grid, stability_index, transport_distance

if TYPE_CHECKING:
    from numpy.typing import NDArray

STABLE, SHIFTED, STRONG, TOO_FEW = "stable", "shifted", "strongly shifted", "too few to say"
ORDER = (TOO_FEW, STABLE, SHIFTED, STRONG)
"""Verdicts from the least to the most urgent."""

PSI_SHIFTED, PSI_STRONG = 0.10, 0.25
"""Stability index from which something is shifted, and strongly (rule of thumb of credit scoring; Siddiqi, 2006)."""
DISTANCE_SHIFTED, DISTANCE_STRONG = 0.30, 0.50
"""Distance, in standard deviations of training, from which something is shifted, and strongly.

A normal distribution moved by d standard deviations has a stability index of d squared, so both pairs of thresholds
say the same there: 0.30 squared is 0.09, 0.50 squared 0.25.
"""
LEAST_ROWS = 300
"""Customers, then and now, below which chance alone can shift something.

Without any drift the index of B bins is about (B - 1)(1/n + 1/m) large (Yurdakul, 2018): with eleven bins, 300
customers and 1,000 then, 0.04 on average and 0.08 once in twenty, below the first threshold.
"""
MOST_BINS = 9
"""Categories that are compared one by one; the others together."""
LEAST_SHARE = 0.02
"""Share of the customers in training that such a category has."""


@dataclass(frozen=True, kw_only=True)
class Shift:
    """One input, or the risk, then and now."""

    name: str
    kind: str
    """number or category."""
    n_then: int
    n_now: int
    psi: float | None
    """Population stability index, missing values being a bin of their own; None when it was not kept then or now."""
    distance: float | None
    """Wasserstein distance in standard deviations of training; None for categories, constants and too few values."""
    missing_then: float
    missing_now: float | None
    mean_then: float | None
    mean_now: float | None
    verdict: str
    weight: float
    """Share of all movement of the risk in training that rests on this input; 1 for the risk itself."""
    bins: tuple[str, ...] = ()
    """Names of the bins, the missing values last."""
    then: tuple[float, ...] = ()
    now: tuple[float, ...] = ()
    """Shares of the customers in each bin."""

    @property
    def is_broken(self) -> bool:
        """Whether the values seem to have stopped coming: gone for most customers, or one value for (nearly) all."""
        if self.missing_now is None:
            return False
        if self.missing_now - self.missing_then >= 0.5:
            return True
        return bool(self.now) and max(self.now) >= 0.99 and max(self.then) <= 0.9


def verdict(psi: float | None, distance: float | None, n_then: int, n_now: int, *, missing_psi: float = 0.0) -> str:
    """The word for a shift of these sizes.

    Where there is a distance, the stability index over the bins raises its verdict by one step at most: the index does
    not know that neighbouring bins are near each other, and ages that count from a few fixed days (a mailing to
    everybody) jump from bin to bin although hardly anything has changed. ``missing_psi`` is the index of known against
    missing alone, which counts in full.

    >>> verdict(0.05, 0.1, 5000, 5000), verdict(0.12, 0.1, 5000, 5000), verdict(0.05, 0.6, 5000, 500)
    ('stable', 'shifted', 'strongly shifted')
    >>> verdict(3.0, 2.0, 5000, 100)
    'too few to say'
    """
    if min(n_then, n_now) < LEAST_ROWS or psi is None:
        return TOO_FEW
    by_index = _step(psi, PSI_SHIFTED, PSI_STRONG)
    by_missing = _step(missing_psi, PSI_SHIFTED, PSI_STRONG)
    if distance is None:
        return ORDER[1 + max(by_index, by_missing)]
    by_distance = _step(distance, DISTANCE_SHIFTED, DISTANCE_STRONG)
    return ORDER[1 + max(by_missing, by_distance, min(by_index, by_distance + 1))]


def number_shift(
    name: str,
    described: Mapping[str, Any],
    values: NDArray[np.float64],
    *,
    weight: float,
    write: Callable[[float], str] | None = None,
) -> Shift:
    """A number against its description from training; ``write`` puts the edges of its bins into words."""
    known = values[~np.isnan(values)]
    missing = 1.0 - len(known) / len(values) if len(values) else 0.0
    edges = described["edges"]
    then = _with_missing(described["shares"] or [0.0], described["missing_share"])
    now = _with_missing(bin_shares(edges, known) if len(known) else [0.0] * max(len(described["shares"]), 1), missing)
    psi = stability_index(then, now) if len(values) else None
    distance = _distance(described, known)
    return Shift(
        name=name,
        kind="number",
        n_then=described["n"],
        n_now=len(values),
        psi=psi,
        distance=distance,
        missing_then=described["missing_share"],
        missing_now=missing,
        mean_then=described.get("mean"),
        mean_now=float(known.mean()) if len(known) else None,
        verdict=verdict(psi, distance, described["n"], len(values), missing_psi=_missing_psi(then[-1], missing)),
        weight=weight,
        bins=bin_names(edges, write),
        then=tuple(then),
        now=tuple(now),
    )


def category_shift(name: str, then: Mapping[str, Any], now: Mapping[str, Any] | None, *, weight: float) -> Shift:
    """A column of categories against its description from training; ``now`` None when it was not kept."""
    kept = [level for level, share in then["shares"].items() if share >= LEAST_SHARE][:MOST_BINS]
    shares = [_level_shares(kept, described) for described in (then, now) if described is not None]
    psi = stability_index(*shares) if len(shares) == 2 else None
    return Shift(
        name=name,
        kind="category",
        n_then=then["n"],
        n_now=now["n"] if now else 0,
        psi=psi,
        distance=None,
        missing_then=then["missing_share"],
        missing_now=now["missing_share"] if now else None,
        mean_then=None,
        mean_now=None,
        verdict=verdict(psi, None, then["n"], now["n"] if now else 0),
        weight=weight,
        bins=(*kept, "other", "missing"),
        then=tuple(shares[0]),
        now=tuple(shares[1]) if len(shares) == 2 else (),
    )


def overall(risk: Shift, inputs: Sequence[Shift]) -> str:
    """The verdict on all of it: the risk's own, or what a good part of the model rests on, or inputs that broke."""
    if risk.verdict == TOO_FEW:
        return TOO_FEW
    strong = sum(shift.weight for shift in inputs if shift.verdict == STRONG)
    moved = sum(shift.weight for shift in inputs if shift.verdict in (SHIFTED, STRONG))
    if risk.verdict == STRONG or strong >= RESTS_FROM:
        return STRONG
    is_broken = any(shift.is_broken and shift.verdict != TOO_FEW for shift in inputs)
    return SHIFTED if risk.verdict == SHIFTED or moved >= RESTS_FROM or is_broken else STABLE


RESTS_FROM = 0.25
"""Share of the model that must rest on shifted inputs before the whole is called so."""


def bin_names(edges: Sequence[float], write: Callable[[float], str] | None = None) -> tuple[str, ...]:
    """The bins in words, the missing values last; with as many digits as tell the edges apart.

    >>> bin_names([1.0, 2.5]), bin_names([1234.5, 31000.0])
    (('up to 1', '1 to 2.5', 'above 2.5', 'missing'), ('up to 1,234', '1,234 to 31,000', 'above 31,000', 'missing'))
    """
    if not edges:
        return ("any", "missing")
    words = [write(edge) for edge in edges] if write else _apart(edges)
    between = [f"{low} to {high}" for low, high in pairwise(words)]
    return (f"up to {words[0]}", *between, f"above {words[-1]}", "missing")


def short_number(value: float, digits: int = 3) -> str:
    """A number in so many digits that count, never with an exponent for what people count.

    >>> short_number(45.71), short_number(12345.6), short_number(0.012345)
    ('45.7', '12,346', '0.0123')
    """
    return f"{value:,.{max(0, digits - 3)}f}" if abs(value) >= 1000 else f"{value:.{digits}g}"


def _apart(edges: Sequence[float]) -> list[str]:
    """The edges in as few digits as keep them different; in all of theirs where six are not enough."""
    for digits in (3, 4, 5, 6):
        words = [short_number(edge, digits) for edge in edges]
        if len(set(words)) == len(words):
            return words
    return [repr(edge) for edge in edges]


def _step(size: float, shifted: float, strong: float) -> int:
    return (size >= shifted) + (size >= strong)


def _missing_psi(then: float, now: float) -> float:
    return stability_index([then, 1.0 - then], [now, 1.0 - now])


def _with_missing(shares: Sequence[float], missing: float) -> list[float]:
    return [*(share * (1.0 - missing) for share in shares), missing]


def _distance(described: Mapping[str, Any], known: NDArray[np.float64]) -> float | None:
    n_then = described["n"] * (1.0 - described["missing_share"])
    if min(n_then, len(known)) < LEAST_ROWS or not described.get("spread"):
        return None
    return transport_distance(described["quantiles"], quantile_grid(known)) / float(described["spread"])


def _level_shares(kept: Sequence[str], described: Mapping[str, Any]) -> list[float]:
    shares = [float(described["shares"].get(level, 0.0)) for level in kept]
    return _with_missing([*shares, max(0.0, 1.0 - sum(shares))], described["missing_share"])
