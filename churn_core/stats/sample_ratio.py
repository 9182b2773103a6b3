"""Whether as many customers are in each arm as were meant to be: if not, no effect of the experiment can be trusted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

from churn_core.errors import InputError

ALARM_BELOW = 0.001
"""P-value below which the arms count as broken."""
EXACT_BELOW = 1_000
"""Customers below which two arms are compared by the exact binomial test."""
LEAST_EXPECTED = 5.0
"""Expected customers of an arm below which the chi-square distribution is not to be trusted."""


@dataclass(frozen=True, kw_only=True)
class SampleRatio:
    """Counts against plan."""

    p_value: float
    """Chance of shares as far off as these, if assignment worked."""
    alarm: bool
    """Whether the assignment or the counting must be broken."""
    largest_gap: float
    """Share found minus share planned of the arm that is furthest off."""
    arm: str
    """That arm."""


def check_sample_ratio(counts: Mapping[str, int], shares: Mapping[str, float]) -> SampleRatio:
    """Compare counts with planned shares (Fabijan et al., 2019): chi-square, or exact binomial for two small arms.

    Several small arms of which one expects fewer than five customers are each compared exactly (Bonferroni), because
    there the chi-square would cry wolf. Arms with a share of zero are left out. InputError when arms and shares do not
    match or nobody was counted.

    >>> check_sample_ratio({"control": 5_000, "coupon": 5_300}, {"control": 0.5, "coupon": 0.5}).p_value < 0.01
    True
    """
    from scipy.stats import binomtest, chisquare

    if any(not (isfinite(share) and share >= 0) for share in shares.values()) or any(n < 0 for n in counts.values()):
        raise InputError("a planned share or a count is negative or missing; give a number from 0 on for every arm.")
    planned = {arm: share for arm, share in shares.items() if share > 0}
    unplanned = sorted(arm for arm, n in counts.items() if arm not in planned and n > 0)
    if unplanned:
        raise InputError(f"arm {unplanned[0]!r} has customers and no planned share; name every arm with its share.")
    total, n = sum(planned.values()), sum(counts.get(arm, 0) for arm in planned)
    if len(planned) < 2 or not n:
        raise InputError("at least two arms with a share and some customers are needed to compare their sizes.")
    expected = {arm: share / total for arm, share in planned.items()}
    gaps = {arm: counts.get(arm, 0) / n - share for arm, share in expected.items()}
    worst = max(gaps, key=lambda arm: abs(gaps[arm]))
    if len(planned) == 2 and n < EXACT_BELOW:
        first = next(iter(expected))
        p_value = float(binomtest(counts.get(first, 0), n, expected[first]).pvalue)
    elif n < EXACT_BELOW and n * min(expected.values()) < LEAST_EXPECTED:
        alone = [float(binomtest(counts.get(arm, 0), n, share).pvalue) for arm, share in expected.items()]
        p_value = min(1.0, len(alone) * min(alone))
    else:
        found = [counts.get(arm, 0) for arm in expected]
        p_value = float(chisquare(found, [share * n for share in expected.values()]).pvalue)
    return SampleRatio(p_value=p_value, alarm=p_value < ALARM_BELOW, largest_gap=gaps[worst], arm=worst)
