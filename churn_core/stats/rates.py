"""Two rates: is there a difference, how large is it in points, how large in percent.

The p-value is that of the pooled z-test without continuity correction, of Fisher's exact test where an expected cell
is below 5. Intervals: Newcombe for the difference, Koopman for the lift, Katz where Koopman gives no end.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp, inf, isfinite, log, sqrt

from churn_core.errors import InputError
from churn_core.stats.estimate import Comparison, Estimate
from churn_core.stats.moments import Rate
from churn_core.stats.proportions import wilson_interval

LEAST_EXPECTED = 5.0
"""Expected cell below which the test is exact."""

EXACT_BY_TABLE_UP_TO = 1_000_000
"""Customers up to which scipy's exact test is fast."""


def compare_rates(control: Rate, treatment: Rate, *, confidence: float = 0.95) -> Comparison:
    """The treatment's rate against the control's; an empty arm gives a comparison without values."""
    if not control.n or not treatment.n:
        nobody = Estimate.undefined("an arm has no customers, so there is nothing to compare.")
        return Comparison(
            n_control=control.n,
            n_treatment=treatment.n,
            control=control.value,
            treatment=treatment.value,
            difference=nobody,
            lift=nobody,
            p_value=None,
            method="not enough data",
        )
    is_exact = least_expected_cell(control, treatment) < LEAST_EXPECTED
    low, high = newcombe_interval(control, treatment, confidence=confidence)
    return Comparison(
        n_control=control.n,
        n_treatment=treatment.n,
        control=control.n_hits / control.n,
        treatment=treatment.n_hits / treatment.n,
        difference=Estimate(value=treatment.n_hits / treatment.n - control.n_hits / control.n, low=low, high=high),
        lift=rate_lift(control, treatment, confidence=confidence),
        p_value=fisher_p(control, treatment) if is_exact else pooled_z_p(control, treatment),
        method=("Fisher exact test" if is_exact else "pooled z-test") + ", Newcombe and Koopman intervals",
    )


def least_expected_cell(control: Rate, treatment: Rate) -> float:
    """The smallest cell of the 2x2 table if there were no difference."""
    _require_both(control, treatment)
    share = (control.n_hits + treatment.n_hits) / (control.n + treatment.n)
    return min(control.n, treatment.n) * min(share, 1 - share)


def pooled_z_p(control: Rate, treatment: Rate) -> float:
    """Two-sided p-value of the z-test with the pooled rate, no continuity correction (Pearson's chi-square).

    1 where both arms have nothing but hits, or none.

    >>> round(pooled_z_p(Rate(n_hits=30, n=300), Rate(n_hits=48, n=300)), 4)
    0.0289
    """
    from scipy.stats import norm

    _require_both(control, treatment)
    share = (control.n_hits + treatment.n_hits) / (control.n + treatment.n)
    error = sqrt(share * (1 - share) * (1 / control.n + 1 / treatment.n))
    if error == 0:
        return 1.0
    return float(2 * norm.sf(abs(treatment.n_hits / treatment.n - control.n_hits / control.n) / error))


def fisher_p(control: Rate, treatment: Rate) -> float:
    """Two-sided p-value of the exact test given both margins (Fisher, 1935)."""
    from scipy.stats import fisher_exact

    if control.n + treatment.n > EXACT_BY_TABLE_UP_TO:
        return _fisher_by_ratios(control, treatment)
    table = [
        [treatment.n_hits, treatment.n - treatment.n_hits],
        [control.n_hits, control.n - control.n_hits],
    ]
    return float(fisher_exact(table).pvalue)


def newcombe_interval(control: Rate, treatment: Rate, *, confidence: float = 0.95) -> tuple[float, float]:
    """Interval of the difference of two rates from their Wilson intervals (Newcombe, 1998, method 10)."""
    _require_both(control, treatment)
    z = two_sided_z(confidence)
    first, second = treatment.n_hits / treatment.n, control.n_hits / control.n
    low_first, high_first = wilson_interval(treatment.n_hits, treatment.n, z=z)
    low_second, high_second = wilson_interval(control.n_hits, control.n, z=z)
    below = sqrt((first - low_first) ** 2 + (high_second - second) ** 2)
    above = sqrt((high_first - first) ** 2 + (second - low_second) ** 2)
    return max(-1.0, first - second - below), min(1.0, first - second + above)


def rate_lift(control: Rate, treatment: Rate, *, confidence: float = 0.95) -> Estimate:
    """Relative difference of two rates; None where the control has no hits, because nothing can be a multiple of 0."""
    _require_both(control, treatment)
    if not control.n_hits:
        return Estimate.undefined("the control has no hits, and nothing is a multiple of zero.")
    value = (treatment.n_hits / treatment.n) / (control.n_hits / control.n) - 1
    low, high = koopman_interval(control, treatment, confidence=confidence)
    if not isfinite(high):
        return Estimate(value=value, low=low - 1, high=None, reason="the control's rate may be next to zero.")
    return Estimate(value=value, low=low - 1, high=high - 1)


def koopman_interval(control: Rate, treatment: Rate, *, confidence: float = 0.95) -> tuple[float, float]:
    """Interval of treatment rate over control rate by the score method (Koopman, 1984).

    The ends are the ratios at which Pearson's statistic with the rates most likely under that ratio reaches its
    bound; infinity where there is no upper one. InputError when neither arm has a hit.
    """
    from scipy.optimize import brentq

    _require_both(control, treatment)
    if not control.n_hits and not treatment.n_hits:
        raise InputError("neither arm has a hit, so no ratio can be told; compare the difference instead.")
    bound = two_sided_z(confidence) ** 2

    def beyond(log_ratio: float) -> float:
        return ratio_score(control, treatment, exp(log_ratio)) - bound

    middle = _most_likely_log_ratio(control, treatment)
    low, high = 0.0, inf
    if treatment.n_hits:
        low = exp(brentq(beyond, _outside(beyond, middle, -1.0), middle, xtol=1e-12, maxiter=300))
    if control.n_hits:
        high = exp(brentq(beyond, middle, _outside(beyond, middle, 1.0), xtol=1e-12, maxiter=300))
    return low, high


def ratio_score(control: Rate, treatment: Rate, ratio: float) -> float:
    """Pearson's statistic of the hypothesis that treatment rate / control rate is ``ratio`` (Koopman, 1984)."""
    x, m, y, n = treatment.n_hits, treatment.n, control.n_hits, control.n
    # The control rate most likely under the ratio is the smaller root of a quadratic equation; its discriminant is
    # written as a sum of what cannot be negative, so that a billion customers lose no digits.
    b = (m + y) * ratio + (n + x)
    root = sqrt(((m + y) * ratio - (n + x)) ** 2 + 4 * ratio * (m - x) * (n - y))
    control_rate = min(1.0, 2 * (x + y) / (b + root))
    treatment_rate = min(1.0, ratio * control_rate)
    variance = treatment_rate * (1 - treatment_rate) / m + ratio * ratio * control_rate * (1 - control_rate) / n
    distance = x / m - ratio * y / n
    if variance <= 0:
        return 0.0 if distance == 0 else inf
    return distance * distance / variance


def katz_interval(control: Rate, treatment: Rate, *, confidence: float = 0.95) -> tuple[float, float]:
    """Interval of the ratio of two rates on the logarithmic scale (Katz et al., 1978); both arms need a hit."""
    if not control.n_hits or not treatment.n_hits:
        raise InputError("an arm has no hits, and the logarithm of its rate does not exist; use the score interval.")
    error = sqrt(1 / treatment.n_hits - 1 / treatment.n + 1 / control.n_hits - 1 / control.n)
    middle = log((treatment.n_hits / treatment.n) / (control.n_hits / control.n))
    half = two_sided_z(confidence) * error
    return exp(middle - half), exp(middle + half)


def two_sided_z(confidence: float) -> float:
    """The normal quantile of a two-sided interval; InputError for a confidence outside (0, 1).

    >>> round(two_sided_z(0.95), 4)
    1.96
    """
    from scipy.stats import norm

    if not 0 < confidence < 1:
        raise InputError(f"the confidence is {confidence:g}; choose a share between 0 and 1, like 0.95.")
    return float(norm.ppf(0.5 + confidence / 2))


def _require_both(control: Rate, treatment: Rate) -> None:
    if not control.n or not treatment.n:
        raise InputError("an arm has no customers, so there is nothing to compare; both arms need at least one.")


def _fisher_by_ratios(control: Rate, treatment: Rate) -> float:
    """The exact test from the ratios of neighbouring tables: the same sum, whatever the number of customers."""
    import numpy as np

    hits = control.n_hits + treatment.n_hits
    first, last = max(0, hits - control.n), min(hits, treatment.n)
    k = np.arange(first, last, dtype=float)
    steps = np.log((hits - k) * (treatment.n - k)) - np.log((k + 1) * (control.n - hits + k + 1))
    weight = np.append(0.0, np.cumsum(steps))
    found = weight[treatment.n_hits - first]
    chance = np.exp(weight - weight.max())
    return float(min(1.0, chance[weight <= found + 1e-7].sum() / chance.sum()))


def _most_likely_log_ratio(control: Rate, treatment: Rate) -> float:
    """Logarithm of the observed ratio; half a hit stands for none, so that it exists."""
    return log((max(treatment.n_hits, 0.5) / treatment.n) / (max(control.n_hits, 0.5) / control.n))


def _outside(beyond: Callable[[float], float], middle: float, direction: float) -> float:
    """A log ratio on one side of the middle that is outside the interval."""
    step = 0.5
    while beyond(middle + direction * step) < 0 and step < 600:
        step *= 1.6
    return middle + direction * step
