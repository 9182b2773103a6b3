"""The Bayesian view by closed forms and by drawing."""

from __future__ import annotations

from math import exp, lgamma

import numpy as np
import pytest

from churn_core.errors import InputError
from churn_core.stats.bayes import compare_means_bayes, compare_rates_bayes
from churn_core.stats.moments import Moments, Rate


def _chance_by_sum(a1: int, b1: int, a2: int, b2: int) -> float:
    """P(second > first) for Beta(a1, b1) and Beta(a2, b2) as a finite sum (Miller, 2015, Formulas for Bayesian A/B
    testing)."""

    def log_beta(a: float, b: float) -> float:
        return lgamma(a) + lgamma(b) - lgamma(a + b)

    return sum(
        exp(log_beta(a1 + i, b1 + b2) - np.log(b2 + i) - log_beta(1 + i, b2) - log_beta(a1, b1)) for i in range(a2)
    )


@pytest.mark.parametrize(
    ("control", "treatment"), [((100, 1_000), (130, 1_000)), ((0, 10), (3, 12)), ((5, 5), (0, 7)), ((40, 400), (2, 20))]
)
def test_the_chance_to_beat_is_the_closed_form(control: tuple[int, int], treatment: tuple[int, int]) -> None:
    (h1, n1), (h2, n2) = control, treatment
    found = compare_rates_bayes(Rate(n_hits=h1, n=n1), Rate(n_hits=h2, n=n2))
    assert found.chance_to_beat == pytest.approx(_chance_by_sum(1 + h1, 1 + n1 - h1, 1 + h2, 1 + n2 - h2), abs=1e-9)


def test_losses_and_interval_are_those_of_many_draws() -> None:
    draw = np.random.default_rng(1)
    second, first = draw.beta(101, 901, 2_000_000), draw.beta(116, 886, 2_000_000)
    found = compare_rates_bayes(Rate(n_hits=100, n=1_000), Rate(n_hits=115, n=1_000))
    apart = first - second
    assert found.expected_loss == pytest.approx(np.maximum(-apart, 0).mean(), rel=0.01)
    assert found.expected_loss_of_control == pytest.approx(np.maximum(apart, 0).mean(), rel=0.01)
    assert (found.low, found.high) == pytest.approx(np.quantile(apart, [0.025, 0.975]), abs=1e-4)


def test_nothing_known_is_even() -> None:
    found = compare_rates_bayes(Rate(n_hits=0, n=0), Rate(n_hits=0, n=0))
    assert found.chance_to_beat == pytest.approx(0.5)
    # E max(U - V, 0) of two uniform variables is 1/6.
    assert found.expected_loss == pytest.approx(1 / 6)


def test_one_against_ten_thousand_and_a_million_stay_finite() -> None:
    for control, treatment in [((0, 1), (5_000, 10_000)), ((100_000, 1_000_000), (100_900, 1_000_000))]:
        found = compare_rates_bayes(Rate(n_hits=control[0], n=control[1]), Rate(n_hits=treatment[0], n=treatment[1]))
        assert 0 < found.chance_to_beat < 1
        assert found.low < treatment[0] / treatment[1] - control[0] / max(control[1], 1) + 0.5
        difference = found.expected_loss_of_control - found.expected_loss
        mean = (1 + treatment[0]) / (2 + treatment[1]) - (1 + control[0]) / (2 + control[1])
        assert difference == pytest.approx(mean, abs=1e-9)


def test_means_are_normal_around_the_difference() -> None:
    found = compare_means_bayes(Moments(n=100, mean=10.0, variance=50.0), Moments(n=100, mean=11.0, variance=50.0))
    # By hand: z = 1 / sqrt(1) = 1; Phi(1) = 0.841345; loss = phi(1) - 1 * Phi(-1) = 0.241971 - 0.158655.
    assert found.chance_to_beat == pytest.approx(0.841345, abs=1e-6)
    assert found.expected_loss == pytest.approx(0.083315, abs=1e-6)
    assert found.expected_loss_of_control - found.expected_loss == pytest.approx(1.0)
    with pytest.raises(InputError, match="not enough data"):
        compare_means_bayes(Moments(n=1, mean=1.0, variance=0.0), Moments(n=5, mean=1.0, variance=1.0))
