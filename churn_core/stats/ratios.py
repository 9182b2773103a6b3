"""Ratio metrics, such as spend per order where customers were randomised: the delta method, customer by customer.

A t-test over orders would take a customer's orders as independent and understate the error.
"""

from __future__ import annotations

from math import inf, sqrt
from sys import float_info

from churn_core.errors import InputError
from churn_core.stats.estimate import Comparison, Estimate
from churn_core.stats.means import Mean, fieller_lift
from churn_core.stats.moments import JointMoments
from churn_core.stats.rates import two_sided_z


def ratio_mean(moments: JointMoments) -> Mean:
    """Ratio of the mean of the first column to that of the second, with its variance by the delta method.

    ``var = (s_yy - 2 r s_xy + r^2 s_xx) / (n x_mean^2)`` (Deng, Knoblich & Lu, 2018). InputError when the denominator
    is zero for everybody.
    """
    numerator, denominator = moments.means[0], moments.means[1]
    if denominator == 0:
        raise InputError("the denominator of the ratio is zero for all customers of an arm; choose another metric.")
    ratio = numerator / denominator
    spread = moments.matrix
    variance = spread[0, 0] - 2 * ratio * spread[0, 1] + ratio * ratio * spread[1, 1]
    return Mean(value=ratio, variance=max(0.0, float(variance)) / (moments.n * denominator**2))


def compare_ratios(control: JointMoments, treatment: JointMoments, *, confidence: float = 0.95) -> Comparison:
    """The treatment's ratio against the control's, by the normal distribution; two customers in each arm at least."""
    if min(control.n, treatment.n) < 2:
        nothing = Estimate.undefined("not enough data: an arm has fewer than two customers.")
        return Comparison(
            n_control=control.n,
            n_treatment=treatment.n,
            control=_ratio_value(control),
            treatment=_ratio_value(treatment),
            difference=nothing,
            lift=nothing,
            p_value=None,
            method="not enough data",
        )
    first, second = ratio_mean(treatment), ratio_mean(control)
    return compare_estimates(
        second,
        first,
        n_control=control.n,
        n_treatment=treatment.n,
        method="delta method, Fieller interval of the lift",
        confidence=confidence,
    )


def _ratio_value(moments: JointMoments) -> float | None:
    """The ratio itself; None of nobody, or where the denominator is zero for everybody."""
    return moments.means[0] / moments.means[1] if moments.n and moments.means[1] != 0 else None


def compare_estimates(
    control: Mean, treatment: Mean, *, n_control: int, n_treatment: int, method: str, confidence: float = 0.95
) -> Comparison:
    """Two independent estimates with known standard errors, by the normal distribution."""
    from scipy.stats import norm

    error = sqrt(control.variance + treatment.variance)
    difference = treatment.value - control.value
    size = max(abs(control.value), abs(treatment.value))
    if error <= 8 * float_info.epsilon * size / sqrt(max(1, n_control + n_treatment)):
        nothing = Estimate.undefined("not enough data: all customers have the same value.")
        return Comparison(
            n_control=n_control,
            n_treatment=n_treatment,
            control=control.value,
            treatment=treatment.value,
            difference=nothing,
            lift=nothing,
            p_value=None,
            method="not enough data",
        )
    half = two_sided_z(confidence) * error
    return Comparison(
        n_control=n_control,
        n_treatment=n_treatment,
        control=control.value,
        treatment=treatment.value,
        difference=Estimate(value=difference, low=difference - half, high=difference + half),
        lift=fieller_lift(control, treatment, freedom=inf, confidence=confidence),
        p_value=float(2 * norm.sf(abs(difference) / error)),
        method=method,
    )
