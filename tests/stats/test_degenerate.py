"""What breaks other tools: nobody, everybody, equal values, a billion customers, values that are no numbers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from churn_core.errors import InputError
from churn_core.stats import rates
from churn_core.stats.bayes import compare_means_bayes, compare_rates_bayes
from churn_core.stats.means import Mean, compare_means, fieller_lift, welch
from churn_core.stats.moments import JointMoments, Moments, Rate
from churn_core.stats.noninferiority import not_worse
from churn_core.stats.power import smallest_mean_effect, smallest_rate_effect
from churn_core.stats.rates import (
    compare_rates,
    fisher_p,
    koopman_interval,
    least_expected_cell,
    newcombe_interval,
    pooled_z_p,
    rate_lift,
)
from churn_core.stats.ratios import compare_ratios
from churn_core.stats.sample_ratio import check_sample_ratio
from churn_core.stats.sequential import confidence_sequence, group_bounds
from churn_core.stats.strata import RateStratum, mantel_haenszel_difference

BILLION = 1_000_000_000
NOBODY, SOME = Rate(n_hits=0, n=0), Rate(n_hits=2, n=10)


@pytest.mark.parametrize("value", [0.1, 19.99, 1e-7, 123456.789])
def test_equal_amounts_have_no_variance_whatever_their_last_digit(value: float) -> None:
    first, second = Moments.of([value] * 10), Moments.of([value] * 7)
    assert first.variance == second.variance == 0
    assert compare_means(first, second).p_value is None
    sums = [Moments.of_sums(n, n * value, n * value * value) for n in (10, 7)]
    assert compare_means(*sums).p_value is None


def test_rounding_left_by_a_database_is_no_variance() -> None:
    first, second = Moments(n=10, mean=0.1, variance=0.0), Moments(n=7, mean=0.09999999999999999, variance=2.2e-34)
    assert compare_means(first, second).method == "not enough data"


def test_a_ratio_of_one_customer_is_not_enough() -> None:
    draw = np.random.default_rng(1)
    orders = draw.poisson(2, 100) + 1.0
    many = JointMoments.of(orders * 10 + draw.normal(size=100), orders)
    one = JointMoments(n=1, means=(5.0, 2.0), covariances=((0.0, 0.0), (0.0, 0.0)))
    found = compare_ratios(many, one)
    assert found.p_value is None
    assert found.treatment == 2.5
    assert "fewer than two" in found.difference.reason


def test_a_percent_of_a_negative_amount_is_not_told() -> None:
    found = compare_means(Moments(n=1000, mean=-1.0, variance=1.0), Moments(n=1000, mean=-0.5, variance=1.0))
    assert found.difference.value == 0.5
    assert found.lift.value is None
    assert "below zero" in found.lift.reason


def test_no_interval_is_invented_where_nobody_differs() -> None:
    none = RateStratum(control=Rate(n_hits=0, n=10), treatment=Rate(n_hits=0, n=20))
    everybody = RateStratum(control=Rate(n_hits=5, n=5), treatment=Rate(n_hits=5, n=5))
    found = mantel_haenszel_difference([none, everybody])
    assert (found.value, found.low, found.high) == (0.0, None, None)
    assert found.reason
    lift = fieller_lift(Mean(value=1.0, variance=0.0), Mean(value=1.0, variance=0.0), freedom=float("inf"))
    assert (lift.low, lift.high) == (None, None)


@pytest.mark.parametrize(("hits", "n"), [((0, 10), (7, 9)), ((3, 0), (40, 9)), ((5, 5), (5, 5)), ((1, 300), (1, 1000))])
def test_the_exact_test_of_large_tables_is_that_of_small_ones(
    hits: tuple[int, int], n: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    control = Rate(n_hits=hits[0], n=hits[0] + n[0])
    treatment = Rate(n_hits=hits[1], n=hits[1] + n[1])
    foreign = fisher_p(control, treatment)
    monkeypatch.setattr(rates, "EXACT_BY_TABLE_UP_TO", 0)
    assert fisher_p(control, treatment) == pytest.approx(foreign, rel=1e-9)


def test_a_billion_customers_are_compared_exactly() -> None:
    # Three hits on one side of two equal arms: 2 / 2^3 in the limit.
    found = compare_rates(Rate(n_hits=0, n=BILLION), Rate(n_hits=3, n=BILLION))
    assert found.p_value == pytest.approx(0.25, abs=1e-6)
    everybody = Rate(n_hits=BILLION, n=BILLION)
    low, high = koopman_interval(everybody, everybody)
    # z^2 / n is where the score interval of n of n against n of n ends.
    assert low - 1 == pytest.approx(-3.8414588 / BILLION, rel=1e-3)
    assert high - 1 == pytest.approx(3.8414588 / BILLION, rel=1e-3)


def test_arms_far_apart_leave_no_doubt_in_the_bayesian_view() -> None:
    found = compare_rates_bayes(Rate(n_hits=500_000, n=1_000_000), Rate(n_hits=900_000, n=1_000_000))
    assert found.chance_to_beat == pytest.approx(1, abs=1e-9)
    assert found.expected_loss_of_control == pytest.approx(0.4, abs=1e-6)
    back = compare_rates_bayes(Rate(n_hits=900_000, n=1_000_000), Rate(n_hits=500_000, n=1_000_000))
    assert back.expected_loss == pytest.approx(0.4, abs=1e-6)


def test_a_tiny_arm_that_was_hardly_expected_is_no_alarm_by_itself() -> None:
    # Two customers where 0.1 were expected: exactly 0.0048; the chi-square would say 2e-8.
    few = check_sample_ratio({"a": 2, "b": 60, "c": 40}, {"a": 0.001, "b": 0.599, "c": 0.4})
    assert few.p_value == pytest.approx(3 * 0.00482, rel=0.01)
    assert not few.alarm
    assert check_sample_ratio({"a": 12, "b": 60, "c": 40}, {"a": 0.001, "b": 0.599, "c": 0.4}).alarm


@pytest.mark.parametrize(
    "broken",
    [
        lambda: Moments.of([1.0, float("inf")]),
        lambda: Moments(n=3, mean=0.0, variance=float("inf")),
        lambda: Mean(value=float("nan"), variance=1.0),
        lambda: least_expected_cell(NOBODY, SOME),
        lambda: pooled_z_p(NOBODY, SOME),
        lambda: newcombe_interval(SOME, NOBODY),
        lambda: koopman_interval(NOBODY, SOME),
        lambda: rate_lift(SOME, NOBODY),
        lambda: welch(Moments.of([1.0]), Moments.of([1.0, 2.0])),
        lambda: compare_means(Moments.of([1.0, 2.0]), Moments.of([1.0, 3.0]), confidence=95),
        lambda: compare_rates_bayes(SOME, SOME, confidence=1.5),
        lambda: compare_means_bayes(Moments.of([1.0, 2.0]), Moments.of([1.0, 3.0]), confidence=0),
        lambda: smallest_rate_effect(0.1, float("nan")),
        lambda: smallest_mean_effect(1.0, -5),
        lambda: confidence_sequence(float("nan"), 0.1, 100, 200),
        lambda: confidence_sequence(0.1, 0.1, 100, 200, alpha=0),
        lambda: group_bounds(5, "haybittle"),  # type: ignore[arg-type]
        lambda: group_bounds(5, alpha=1.0),
        lambda: not_worse(Mean(value=1, variance=1), Mean(value=1, variance=1), margin=1, direction="up"),  # type: ignore[arg-type]
        lambda: not_worse(Mean(value=1, variance=1), Mean(value=1, variance=1), margin=1, alpha=5),
        lambda: check_sample_ratio({"a": 5, "b": 5}, {"a": float("nan"), "b": 0.5}),
        lambda: check_sample_ratio({"a": -5, "b": 5}, {"a": 0.5, "b": 0.5}),
    ],
)
def test_what_is_no_question_is_refused_in_a_sentence(broken: Callable[[], object]) -> None:
    with pytest.raises(InputError, match=r"[.;] ?"):
        broken()
