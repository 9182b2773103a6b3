"""Arms whose shares differ between strata, and segments that may differ in their effect.

The naive difference is wrong where a tier gets more of one arm than another. Mantel and Haenszel weigh the strata for
rates, post-stratification for means; the interaction test says whether segments differ by more than chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from churn_core.errors import InputError
from churn_core.stats.estimate import Estimate
from churn_core.stats.means import Mean
from churn_core.stats.moments import Moments, Rate
from churn_core.stats.rates import two_sided_z


@dataclass(frozen=True, kw_only=True)
class RateStratum:
    """The two arms of one stratum."""

    control: Rate
    treatment: Rate


@dataclass(frozen=True, kw_only=True)
class MeanStratum:
    """The two arms of one stratum."""

    control: Moments
    treatment: Moments


@dataclass(frozen=True, kw_only=True)
class Interaction:
    """Whether an effect differs between segments."""

    p_value: float
    """Chance of effects as different as these if all were the same."""
    statistic: float
    """Cochran's Q."""
    freedom: int


def mantel_haenszel_difference(strata: Sequence[RateStratum], *, confidence: float = 0.95) -> Estimate:
    """Difference of rates over strata (Mantel & Haenszel, 1959) with the variance of Sato (1989).

    Strata with an empty arm say nothing and are left out; without any other the estimate is undefined.
    """
    usable = [stratum for stratum in strata if stratum.control.n and stratum.treatment.n]
    if not usable:
        return Estimate.undefined("no stratum has customers in both arms.")
    a, m, b, n = _cells(usable)
    total = m + n
    weight = (m * n / total).sum()
    value = float(((a * n - b * m) / total).sum() / weight)
    p = (m**2 * b - n**2 * a + m * n * (n - m) / 2) / total**2
    q = (a * (n - b) + b * (m - a)) / (2 * total)
    variance = float((value * p.sum() + q.sum()) / weight**2)
    if not variance > 0:
        return Estimate(
            value=value, low=None, high=None, reason="in every stratum all customers are alike, so no interval exists."
        )
    half = two_sided_z(confidence) * sqrt(variance)
    return Estimate(value=value, low=max(-1.0, value - half), high=min(1.0, value + half))


def cochran_mantel_haenszel_p(strata: Sequence[RateStratum]) -> float:
    """Two-sided p-value of no difference in any stratum, without continuity correction (Cochran, 1954).

    1 where no stratum has both arms and both outcomes.
    """
    from scipy.stats import chi2

    usable = [stratum for stratum in strata if stratum.control.n and stratum.treatment.n]
    if not usable:
        return 1.0
    a, m, b, n = _cells(usable)
    total, hits = m + n, a + b
    variance = (m * n * hits * (total - hits) / (total**2 * np.maximum(total - 1, 1))).sum()
    return float(chi2.sf((a - m * hits / total).sum() ** 2 / variance, 1)) if variance > 0 else 1.0


def post_stratified(strata: Sequence[MeanStratum]) -> tuple[Mean, Mean]:
    """Control and treatment means as if both arms had the strata of everybody (Miratrix, Sekhon & Yu, 2013).

    InputError when a stratum has fewer than two customers in an arm; put it together with another.
    """
    for number, stratum in enumerate(strata):
        if min(stratum.control.n, stratum.treatment.n) < 2:
            raise InputError(
                f"stratum {number + 1} has fewer than two customers in an arm; put it together with another stratum."
            )
    if not strata:
        raise InputError("there is no stratum to compare in; give at least one.")
    size = np.array([stratum.control.n + stratum.treatment.n for stratum in strata], dtype=float)
    share = size / size.sum()
    made = []
    for arm in ("control", "treatment"):
        moments: list[Moments] = [getattr(stratum, arm) for stratum in strata]
        value = float(sum(w * found.mean for w, found in zip(share, moments, strict=True)))
        variance = float(sum(w * w * found.variance / found.n for w, found in zip(share, moments, strict=True)))
        made.append(Mean(value=value, variance=variance))
    return made[0], made[1]


def interaction(effects: Sequence[Mean]) -> Interaction:
    """Whether effects of segments, each with its variance, differ by more than chance (Cochran, 1954).

    InputError for fewer than two segments, or one whose effect has no error.
    """
    from scipy.stats import chi2

    if len(effects) < 2 or any(effect.variance <= 0 for effect in effects):
        raise InputError("at least two segments, each with an effect that has an error, are needed to compare them.")
    weight = np.array([1 / effect.variance for effect in effects])
    value = np.array([effect.value for effect in effects])
    centre = (weight * value).sum() / weight.sum()
    statistic = float((weight * (value - centre) ** 2).sum())
    freedom = len(effects) - 1
    return Interaction(p_value=float(chi2.sf(statistic, freedom)), statistic=statistic, freedom=freedom)


def _cells(strata: Sequence[RateStratum]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Treated hits, treated, control hits and controls per stratum."""
    rows = [(s.treatment.n_hits, s.treatment.n, s.control.n_hits, s.control.n) for s in strata]
    a, m, b, n = np.asarray(rows, dtype=float).T
    return a, m, b, n
