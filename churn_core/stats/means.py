"""Two means, such as spend per customer with the zeros: Welch for the difference, Fieller for the lift."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, sqrt
from sys import float_info

from churn_core.errors import InputError
from churn_core.stats.estimate import Comparison, Estimate
from churn_core.stats.moments import Moments
from churn_core.stats.rates import two_sided_z


def compare_means(control: Moments, treatment: Moments, *, confidence: float = 0.95) -> Comparison:
    """The treatment's mean against the control's; a comparison without values where neither arm varies."""
    too_few = min(control.n, treatment.n) < 2
    if too_few or not _varies(control, treatment):
        found = "an arm has fewer than two customers" if too_few else "all customers have the same value"
        nothing = Estimate.undefined(f"not enough data: {found}.")
        return Comparison(
            n_control=control.n,
            n_treatment=treatment.n,
            control=control.mean if control.n else None,
            treatment=treatment.mean if treatment.n else None,
            difference=nothing,
            lift=nothing,
            p_value=None,
            method="not enough data",
        )
    p_value, low, high = welch(control, treatment, confidence=confidence)
    lift = fieller_lift(
        Mean(value=control.mean, variance=control.variance / control.n),
        Mean(value=treatment.mean, variance=treatment.variance / treatment.n),
        freedom=welch_freedom(control, treatment),
        confidence=confidence,
    )
    return Comparison(
        n_control=control.n,
        n_treatment=treatment.n,
        control=control.mean,
        treatment=treatment.mean,
        difference=Estimate(value=treatment.mean - control.mean, low=low, high=high),
        lift=lift,
        p_value=p_value,
        method="Welch test, Fieller interval of the lift",
    )


def welch(control: Moments, treatment: Moments, *, confidence: float = 0.95) -> tuple[float, float, float]:
    """Two-sided p-value and interval of the difference of two means with unequal variances (Welch, 1947).

    InputError when an arm has fewer than two customers or neither varies.
    """
    from scipy.stats import t

    two_sided_z(confidence)
    error = sqrt(control.variance / control.n + treatment.variance / treatment.n)
    freedom = welch_freedom(control, treatment)
    difference = treatment.mean - control.mean
    half = float(t.ppf(0.5 + confidence / 2, freedom)) * error
    return float(2 * t.sf(abs(difference) / error, freedom)), difference - half, difference + half


def welch_freedom(control: Moments, treatment: Moments) -> float:
    """Degrees of freedom of the difference (Satterthwaite, 1946); InputError unless an arm varies, with two each."""
    if min(control.n, treatment.n) < 2 or control.variance + treatment.variance == 0:
        raise InputError("two means are compared from two customers in each arm on, and one of the arms must vary.")
    first, second = treatment.variance / treatment.n, control.variance / control.n
    return (first + second) ** 2 / (first**2 / (treatment.n - 1) + second**2 / (control.n - 1))


def _varies(control: Moments, treatment: Moments) -> bool:
    """Whether the arms vary by more than the last digits of their means, which sums of equal values leave behind."""
    size = max(abs(control.mean), abs(treatment.mean))
    return control.variance + treatment.variance > (8 * float_info.epsilon * size) ** 2


@dataclass(frozen=True, kw_only=True)
class Mean:
    """An estimated mean with the variance of the estimate."""

    value: float
    variance: float
    """Variance of the estimate: the square of its standard error."""

    def __post_init__(self) -> None:
        if not self.variance >= 0:
            raise InputError(f"the variance of a mean is {self.variance}; it cannot be negative or missing.")
        if not isfinite(self.value):
            raise InputError(f"a mean is {self.value}; leave out missing values before adding up.")


def fieller_lift(control: Mean, treatment: Mean, *, freedom: float, confidence: float = 0.95) -> Estimate:
    """Relative difference of two means with the interval of their ratio (Fieller, 1954).

    ``freedom`` is Welch's, or infinity for the normal distribution; then the interval never contradicts the test of
    the difference. Where the control cannot be told from zero there is no bounded interval, and the reason says so;
    a control below zero has no lift, because a gain would be a fall in percent of it.
    """
    from scipy.stats import norm, t

    if control.value == 0:
        return Estimate.undefined("the control's mean is zero, and nothing is a multiple of zero.")
    if control.value < 0:
        return Estimate.undefined("the control's mean is below zero, and a percent of it would turn the sign.")
    if control.variance + treatment.variance == 0:
        nobody = "all customers of an arm are alike, so no interval exists."
        return Estimate(value=treatment.value / control.value - 1, low=None, high=None, reason=nobody)
    quantile = norm.ppf(0.5 + confidence / 2) if freedom == float("inf") else t.ppf(0.5 + confidence / 2, freedom)
    squared = float(quantile) ** 2
    a = control.value**2 - squared * control.variance
    b = control.value * treatment.value
    c = treatment.value**2 - squared * treatment.variance
    value = treatment.value / control.value - 1
    inside = b * b - a * c
    if a <= 0 or inside < 0:
        return Estimate(
            value=value, low=None, high=None, reason="the control's mean cannot be told from zero, so no percent can."
        )
    ends = sorted(((b - sqrt(inside)) / a, (b + sqrt(inside)) / a))
    return Estimate(value=value, low=ends[0] - 1, high=ends[1] - 1)
