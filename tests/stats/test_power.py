"""Sizes, power and smallest effects against R, and as each other's inverse."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn_core.errors import InputError
from churn_core.stats.power import (
    Design,
    days_needed,
    mean_power,
    rate_power,
    size_for_means,
    size_for_rates,
    smallest_mean_effect,
    smallest_rate_effect,
)


def test_power_agrees_with_r() -> None:
    # R 4, example(power.prop.test) and example(power.t.test):
    # power.prop.test(n = 50, p1 = .50, p2 = .75): power 0.740; (p1 = .50, p2 = .75, power = .90): n = 76.7
    # power.t.test(n = 20, delta = 1, sd = 1): power 0.8689528; (power = .90, delta = 1): n = 22.02110
    assert rate_power(0.50, 0.75, 50, 50, alpha=0.05) == pytest.approx(0.740, abs=5e-4)
    assert size_for_rates(0.50, 0.75, Design(power=0.90)).n_control == 77
    assert rate_power(0.50, 0.75, 76.7, 76.7, alpha=0.05) == pytest.approx(0.90, abs=3e-4)
    assert mean_power(1.0, 1.0, 20, 20, alpha=0.05) == pytest.approx(0.8689528, abs=1e-6)
    assert mean_power(1.0, 1.0, 22.02110, 22.02110, alpha=0.05) == pytest.approx(0.90, abs=1e-6)


@given(
    control=st.floats(0.02, 0.9),
    points=st.floats(0.01, 0.09),
    share=st.floats(0.05, 0.95),
    n_treatments=st.integers(1, 4),
)
def test_the_smallest_effect_is_the_exact_inverse_of_the_size(
    control: float, points: float, share: float, n_treatments: int
) -> None:
    design = Design(control_share=share, n_treatments=n_treatments)
    size = size_for_rates(control, control + points, design)
    exact = size.n_total - 1 - n_treatments
    enough = smallest_rate_effect(control, size.n_total, design)
    too_few = smallest_rate_effect(control, max(exact, 3), design)
    assert enough is not None
    assert enough == pytest.approx(points, rel=0.05)
    assert too_few is None or too_few >= points * (1 - 0.05)


@given(n=st.integers(50, 100_000), more=st.integers(1, 1_000))
def test_more_customers_find_smaller_effects(n: int, more: int) -> None:
    fewer, further = smallest_rate_effect(0.1, n), smallest_rate_effect(0.1, n + more)
    assert fewer is not None
    assert further is not None
    assert further < fewer


def test_arms_and_treatments_cost_what_they_should() -> None:
    equal = size_for_rates(0.10, 0.11)
    uneven = size_for_rates(0.10, 0.11, Design(control_share=0.1))
    several = size_for_rates(0.10, 0.11, Design(n_treatments=3))
    assert equal.n_control == equal.n_treatment == equal.n_total / 2
    assert uneven.n_total > 2 * equal.n_total
    assert uneven.n_treatment / uneven.n_total == pytest.approx(0.9, abs=1e-3)
    assert several.n_control > equal.n_control
    assert several.n_total == several.n_control + 3 * several.n_treatment


def test_means_follow_the_effect_in_standard_deviations() -> None:
    assert size_for_means(2.0, 10.0) == size_for_means(-0.2, 1.0)
    found = smallest_mean_effect(10.0, size_for_means(2.0, 10.0).n_total)
    assert found == pytest.approx(2.0, rel=0.01)


def test_days_are_never_zero() -> None:
    assert days_needed(1, 10_000) == 1
    assert days_needed(1_000, 500) == 14
    with pytest.raises(InputError, match="a week"):
        days_needed(10, 0)


def test_what_cannot_be_planned_is_said() -> None:
    assert smallest_rate_effect(0.5, 6) is None
    with pytest.raises(InputError, match="difference of zero"):
        size_for_rates(0.1, 0.1)
    with pytest.raises(InputError, match="between 0 and 1"):
        size_for_rates(0.0, 0.1)
    with pytest.raises(InputError, match="treatments"):
        Design(n_treatments=0)
    with pytest.raises(InputError, match="control's share"):
        Design(control_share=1.0)
    with pytest.raises(InputError, match="above zero"):
        size_for_means(1.0, 0.0)
