"""Every treatment against the control on every metric, with p-values that stay honest when there are several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import sqrt

from churn_core.campaigns.comparison import Outcomes, arm_means, compare, with_less_noise
from churn_core.campaigns.goals import Outcome
from churn_core.campaigns.readout_model import ArmResult
from churn_core.stats.bayes import Posterior, compare_means_bayes, compare_rates_bayes
from churn_core.stats.estimate import Comparison, Estimate
from churn_core.stats.means import Mean
from churn_core.stats.moments import Moments
from churn_core.stats.multiple import benjamini_hochberg, holm
from churn_core.stats.rates import LEAST_EXPECTED, least_expected_cell

SIGNIFICANT = 0.05

SAME_AS_POOLED = 0.1
"""Standard errors that strata may move a difference of rates by while posteriors of whole arms still describe it."""


def all_results(
    outcomes: Sequence[Outcomes],
    *,
    control: str,
    treatments: Sequence[str],
    words: Mapping[str, Outcome] | None = None,
    is_lower_better: bool = False,
    alpha: float = SIGNIFICANT,
) -> tuple[ArmResult, ...]:
    """Compare; the first metric is the goal. ``words`` name metrics and their direction, by metric name.

    ``is_lower_better`` is the direction of the goal where ``words`` do not know it; ``alpha`` is that of the goal,
    all else is read at 5 %.
    """
    known = words or {}
    ready = [with_less_noise(entry) if entry.n_covariates else entry for entry in outcomes]
    made = [
        _compared(entry, control, arm, place == 0, known.get(entry.metric.name), alpha if place == 0 else SIGNIFICANT)
        for place, entry in enumerate(ready)
        for arm in treatments
    ]
    if not known and is_lower_better:
        made = [replace(result, is_lower_better=result.is_primary) for result in made]
    at = {entry.metric.name: entry for entry in ready}
    return tuple(_with_views(result, at[result.metric], control) for result in _adjusted(made))


def _compared(
    outcomes: Outcomes, control: str, arm: str, is_primary: bool, named: Outcome | None, alpha: float
) -> ArmResult:
    metric = outcomes.metric
    return ArmResult(
        metric=metric.name,
        arm=arm,
        is_primary=is_primary,
        comparison=compare(outcomes, control, arm, confidence=1 - alpha),
        p_adjusted=None,
        label=named.label if named else metric.name,
        kind=metric.kind,
        unit=named.unit if named else "share" if metric.kind == "rate" else "",
        is_lower_better=named.is_lower_better if named else False,
        alpha=alpha,
    )


def is_too_small(outcomes: Outcomes, control: str, arm: str) -> bool:
    """Whether an expected cell is below 5 (rates), or an arm has fewer than two customers (all else)."""
    if outcomes.metric.kind != "rate":
        return min(outcomes.n(control), outcomes.n(arm)) < 2
    rates = outcomes.rate(control), outcomes.rate(arm)
    return not all(rate.n for rate in rates) or least_expected_cell(*rates) < LEAST_EXPECTED


def reading(result: ArmResult) -> str:
    """better, worse or no_clear_difference, as the adjusted p-value and the metric's direction say."""
    value = result.comparison.difference.value
    if result.p_adjusted is None or result.p_adjusted >= result.alpha or not value:
        return "no_clear_difference"
    return "better" if (value < 0) == result.is_lower_better else "worse"


def effect_of(outcomes: Outcomes, control: str, arm: str) -> Mean | None:
    """The difference that is printed, with the variance of the estimate; None where it has none."""
    means = arm_means(outcomes, control, arm)
    if means is None:
        return None
    found = compare(outcomes, control, arm)
    value = found.difference.value
    return None if value is None else Mean(value=value, variance=means[0].variance + means[1].variance)


def _adjusted(results: Sequence[ArmResult]) -> list[ArmResult]:
    made = list(results)
    for is_primary, correct in ((True, holm), (False, benjamini_hochberg)):
        places = [place for place, entry in enumerate(made) if entry.is_primary == is_primary]
        places = [place for place in places if made[place].comparison.p_value is not None]
        values = [float(made[place].comparison.p_value or 0.0) for place in places]
        for place, value in zip(places, correct(values), strict=True):
            made[place] = replace(made[place], p_adjusted=value)
    return made


def _with_views(result: ArmResult, outcomes: Outcomes, control: str) -> ArmResult:
    posterior, reason = _posterior(outcomes, control, result.arm, result.comparison)
    total = None if result.kind == "ratio" else times(result.comparison.difference, result.comparison.n_treatment)
    return replace(result, posterior=posterior, posterior_reason=reason, total=total)


def _posterior(outcomes: Outcomes, control: str, arm: str, found: Comparison) -> tuple[Posterior | None, str]:
    means = arm_means(outcomes, control, arm)
    if found.difference.value is None or means is None:
        return None, found.difference.reason or "not enough data."
    error = sqrt(means[0].variance + means[1].variance)
    if outcomes.metric.kind == "rate":
        first, second = outcomes.rate(control), outcomes.rate(arm)
        pooled = second.n_hits / second.n - first.n_hits / first.n
        if len(outcomes.strata) == 1 or abs(pooled - found.difference.value) <= SAME_AS_POOLED * error:
            return compare_rates_bayes(first, second), ""
    if error == 0:
        return None, "all customers have the same value."
    return compare_means_bayes(_as_moments(means[0]), _as_moments(means[1])), ""


def _as_moments(estimate: Mean) -> Moments:
    """Moments whose mean has the variance of the estimate, for what needs only that."""
    return Moments(n=2, mean=estimate.value, variance=2 * estimate.variance)


def times(estimate: Estimate, factor: float) -> Estimate:
    """An estimate and its interval in larger units, such as of all customers instead of one."""

    def scaled(value: float | None) -> float | None:
        return None if value is None else value * factor

    return Estimate(
        value=scaled(estimate.value), low=scaled(estimate.low), high=scaled(estimate.high), reason=estimate.reason
    )
