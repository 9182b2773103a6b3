"""Guardrails: a treatment must not harm something else by more than the plan accepts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt

from churn_core.campaigns.comparison import Outcomes, arm_means, compare, with_less_noise
from churn_core.campaigns.goals import outcome
from churn_core.campaigns.plan import Guardrail
from churn_core.campaigns.readout_model import GuardrailResult
from churn_core.campaigns.verdicts import interval_words
from churn_core.stats.estimate import Comparison, Estimate
from churn_core.stats.means import Mean
from churn_core.stats.noninferiority import NonInferiority, not_worse

ALPHA = 0.05
"""One-sided, uncorrected: every guardrail is a promise of its own."""


def guardrail_results(
    rails: Sequence[Guardrail],
    outcomes: Mapping[str, Outcomes],
    *,
    control: str,
    treatments: Sequence[str],
    currency: str,
    unknown: Mapping[str, str] | None = None,
) -> tuple[GuardrailResult, ...]:
    """Every guardrail for every treatment; ``unknown`` says why one could not be measured."""
    made = []
    for rail in rails:
        found = outcomes.get(rail.outcome)
        if found is not None:
            ready = with_less_noise(found) if found.n_covariates else found
            made += [_judged(rail, ready, control, arm, currency) for arm in treatments]
        else:
            why = (unknown or {}).get(rail.outcome, "it was not measured.")
            made += [_untold(rail, arm, why) for arm in treatments]
    return tuple(made)


def _untold(rail: Guardrail, arm: str, why: str) -> GuardrailResult:
    """A guardrail of which nothing is known, and why: it was promised, so its absence is shown."""
    named, nothing = outcome(rail.outcome), Estimate.undefined(why)
    return GuardrailResult(
        outcome=rail.outcome,
        label=named.label,
        kind=named.kind,
        unit=named.unit,
        is_lower_better=named.is_lower_better,
        arm=arm,
        margin=rail.margin,
        comparison=Comparison(
            n_control=0,
            n_treatment=0,
            control=None,
            treatment=None,
            difference=nothing,
            lift=nothing,
            p_value=None,
            method="not enough data",
        ),
        test=None,
        state="unknown",
        told=f"{arm}, {named.label}: cannot be told, so nobody knows whether it was harmed: {why}",
    )


def _judged(rail: Guardrail, outcomes: Outcomes, control: str, arm: str, currency: str) -> GuardrailResult:
    named = outcome(rail.outcome)
    comparison = compare(outcomes, control, arm)
    means = arm_means(outcomes, control, arm)
    test = _tested(rail, means, named.is_lower_better)
    state = _state(test, means, named.is_lower_better)
    return GuardrailResult(
        outcome=rail.outcome,
        label=named.label,
        kind=named.kind,
        unit=named.unit,
        is_lower_better=named.is_lower_better,
        arm=arm,
        margin=rail.margin,
        comparison=comparison,
        test=test,
        state=state,
        told=_told(rail, arm, comparison, test, state, currency),
    )


def _tested(rail: Guardrail, means: tuple[Mean, Mean] | None, is_lower_better: bool) -> NonInferiority | None:
    if means is None or means[0].variance + means[1].variance == 0:
        return None
    return not_worse(
        means[0], means[1], margin=rail.margin, direction="lower" if is_lower_better else "higher", alpha=ALPHA
    )


def _state(test: NonInferiority | None, means: tuple[Mean, Mean] | None, is_lower_better: bool) -> str:
    if test is None or means is None:
        return "open"
    if test.is_kept:
        return "kept"
    gain = (-1 if is_lower_better else 1) * (means[1].value - means[0].value)
    error = sqrt(means[0].variance + means[1].variance)
    from scipy.stats import norm

    return "harmed" if float(norm.cdf(gain / error)) < ALPHA else "open"


def _told(
    rail: Guardrail, arm: str, comparison: Comparison, test: NonInferiority | None, state: str, currency: str
) -> str:
    named = outcome(rail.outcome)
    if test is None:
        return f"{arm}, {named.label}: cannot be tested yet, because an arm is empty or nobody differs."
    accepted = f"{100 * rail.margin:g} points" if named.unit == "share" else f"{rail.margin:g}"
    between = interval_words(comparison.difference, named.unit, currency)
    if state == "kept":
        return f"{arm}, {named.label}: worse by {accepted} or more is ruled out (change between {between})."
    if state == "harmed":
        return f"{arm}, {named.label}: worse, and {accepted} or more are not ruled out (change between {between})."
    return f"{arm}, {named.label}: worse by {accepted} or more is not ruled out (change between {between})."
