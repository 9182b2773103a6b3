"""Means, ratios and adjustments against published numbers, by second routes and at their edges."""

from __future__ import annotations

from math import inf, sqrt

import numpy as np
import pytest
from scipy import stats

from churn_core.errors import InputError
from churn_core.stats.cuped import adjust, filled
from churn_core.stats.means import Mean, compare_means, fieller_lift, welch_freedom
from churn_core.stats.moments import JointMoments, Moments
from churn_core.stats.noninferiority import not_worse
from churn_core.stats.ratios import compare_ratios, ratio_mean

SLEEP_1 = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
SLEEP_2 = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
"""Student's sleep data (Student, 1908), as in R's data set ``sleep``."""


def test_welch_agrees_with_r() -> None:
    # R 4, t.test(extra ~ group, data = sleep): t = -1.8608, df = 17.776, p = 0.07939, interval -3.3654832 0.2054832.
    found = compare_means(Moments.of(SLEEP_2), Moments.of(SLEEP_1))
    assert found.p_value == pytest.approx(0.07939, abs=5e-6)
    assert (found.difference.low, found.difference.high) == pytest.approx((-3.3654832, 0.2054832), abs=5e-7)
    assert welch_freedom(Moments.of(SLEEP_2), Moments.of(SLEEP_1)) == pytest.approx(17.776, abs=5e-4)


def test_fieller_ends_are_the_ratios_that_welch_cannot_refute() -> None:
    draw = np.random.default_rng(1)
    control, treatment = draw.gamma(2, 10, 300), draw.gamma(2, 11, 200)
    one, other = Moments.of(control), Moments.of(treatment)
    freedom = welch_freedom(one, other)
    lift = compare_means(one, other).lift
    bound = stats.t.ppf(0.975, freedom)
    for end in (lift.low, lift.high):
        ratio = end + 1
        error = sqrt(other.variance / other.n + ratio**2 * one.variance / one.n)
        assert abs(other.mean - ratio * one.mean) / error == pytest.approx(bound, rel=1e-9)


def test_the_lift_never_contradicts_the_test() -> None:
    draw = np.random.default_rng(2)
    disagreements = 0
    for _ in range(400):
        control, treatment = draw.lognormal(0, 1.5, 60), draw.lognormal(0.3, 1.5, 50)
        found = compare_means(Moments.of(control), Moments.of(treatment))
        if found.lift.low is None:
            continue
        significant = found.p_value < 0.05
        disagreements += significant != (found.lift.low > 0 or found.lift.high < 0)
    assert disagreements <= 2


def test_a_control_next_to_zero_has_no_percent() -> None:
    lift = fieller_lift(Mean(value=0.1, variance=0.01), Mean(value=1.0, variance=0.01), freedom=inf)
    assert (lift.low, lift.high) == (None, None)
    assert "zero" in lift.reason
    assert fieller_lift(Mean(value=0.0, variance=0.01), Mean(value=1.0, variance=0.01), freedom=inf).value is None


def test_one_arm_that_varies_is_enough_and_none_is_not() -> None:
    varied, same = Moments.of([1.0, 2.0, 4.0]), Moments.of([0.0, 0.0, 0.0])
    assert compare_means(same, varied).p_value is not None
    nothing = compare_means(same, same)
    assert (nothing.p_value, nothing.difference.value) == (None, None)
    assert "same value" in nothing.difference.reason
    assert "fewer than two" in compare_means(Moments.of([1.0]), varied).difference.reason


def test_a_missing_value_is_refused_not_averaged_away() -> None:
    with pytest.raises(InputError, match="missing"):
        Moments.of([1.0, float("nan")])
    with pytest.raises(InputError, match="missing"):
        JointMoments.of([1.0, 2.0], [1.0, float("nan")])


def test_moments_add_up_and_come_from_sums() -> None:
    draw = np.random.default_rng(3)
    values = draw.normal(5, 2, 1_000)
    whole = Moments.of(values)
    parts = Moments.of(values[:100]) + Moments.of(values[100:101]) + Moments.of(values[101:]) + Moments.of([])
    assert (parts.n, parts.mean, parts.variance) == pytest.approx((whole.n, whole.mean, whole.variance))
    sums = Moments.of_sums(1_000, values.sum(), (values**2).sum())
    assert (sums.mean, sums.variance) == pytest.approx((whole.mean, whole.variance))


def test_the_delta_method_agrees_with_the_bootstrap() -> None:
    draw = np.random.default_rng(5)
    orders = draw.poisson(3, 4_000) + 1
    spend = orders * draw.gamma(3, 8, 4_000)
    made = ratio_mean(JointMoments.of(spend, orders))
    again = [spend[rows].sum() / orders[rows].sum() for rows in (draw.integers(0, 4_000, 4_000) for _ in range(600))]
    assert made.value == pytest.approx(spend.sum() / orders.sum())
    assert sqrt(made.variance) == pytest.approx(np.std(again), rel=0.1)


def test_a_ratio_over_ones_is_a_mean() -> None:
    draw = np.random.default_rng(6)
    control, treatment = draw.normal(10, 3, 5_000), draw.normal(10.2, 3, 5_000)
    ratio = compare_ratios(JointMoments.of(control, np.ones(5_000)), JointMoments.of(treatment, np.ones(5_000)))
    mean = compare_means(Moments.of(control), Moments.of(treatment))
    assert ratio.p_value == pytest.approx(mean.p_value, rel=0.01)
    assert ratio.difference.low == pytest.approx(mean.difference.low, rel=0.01)
    with pytest.raises(InputError, match="denominator"):
        ratio_mean(JointMoments.of([1.0, 2.0], [0.0, 0.0]))


def test_cuped_is_the_regression_on_the_covariate_pooled_over_arms() -> None:
    from statsmodels.regression.linear_model import OLS

    draw = np.random.default_rng(7)
    before = draw.gamma(2, 10, 3_000)
    arm = draw.random(3_000) < 0.5
    spend = 0.8 * before + draw.normal(0, 6, 3_000) + 2.0 * arm
    made = adjust([JointMoments.of(spend[~arm], before[~arm]), JointMoments.of(spend[arm], before[arm])])
    fitted = OLS(spend, np.column_stack([np.ones(3_000), arm, before])).fit()
    assert made.theta[0] == pytest.approx(fitted.params[2], rel=1e-9)
    control, treatment = made.arms
    assert treatment.mean - control.mean == pytest.approx(fitted.params[1], rel=1e-9)
    error = sqrt(control.variance / control.n + treatment.variance / treatment.n)
    assert error == pytest.approx(fitted.bse[1], rel=0.01)
    assert made.variance_ratio == pytest.approx(1 - np.corrcoef(spend - 2 * arm, before)[0, 1] ** 2, abs=0.02)


def test_a_covariate_that_does_not_vary_changes_nothing() -> None:
    draw = np.random.default_rng(8)
    spend = draw.normal(10, 3, 100)
    made = adjust([JointMoments.of(spend[:50], np.ones(50)), JointMoments.of(spend[50:], np.ones(50))])
    assert made.theta == (0.0,)
    assert made.arms[0].mean == pytest.approx(spend[:50].mean())
    assert made.variance_ratio == pytest.approx(1.0)


def test_missing_covariates_get_the_mean_and_say_so() -> None:
    values, missing = filled([4.0, float("nan"), 8.0])
    assert values.tolist() == [4.0, 6.0, 8.0]
    assert missing.tolist() == [0.0, 1.0, 0.0]
    with pytest.raises(InputError, match="missing for every customer"):
        filled([float("nan")])


def test_a_guardrail_is_kept_only_when_the_harm_is_refuted() -> None:
    # By hand: z = (-0.01 + 0.03) / sqrt(2 * 0.0001 / 2) = 2, one-sided p = 0.02275.
    control, treatment = Mean(value=0.50, variance=0.00005), Mean(value=0.49, variance=0.00005)
    found = not_worse(control, treatment, margin=0.03)
    assert found.is_kept
    assert found.p_value == pytest.approx(0.02275, abs=5e-6)
    assert found.worst == pytest.approx(-0.01 - 1.644854 * 0.01, abs=1e-6)
    assert not not_worse(control, treatment, margin=0.012).is_kept
    assert not_worse(treatment, control, margin=0.03, direction="lower").p_value == pytest.approx(found.p_value)
    with pytest.raises(InputError, match="margin"):
        not_worse(control, treatment, margin=0.0)
