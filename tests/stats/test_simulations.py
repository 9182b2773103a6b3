"""What must hold over many experiments: false positives, coverage, power, and looking early."""

from __future__ import annotations

import numpy as np
import pytest

from churn_core.stats.means import compare_means
from churn_core.stats.moments import Moments, Rate
from churn_core.stats.power import Design, size_for_rates
from churn_core.stats.rates import compare_rates
from churn_core.stats.sequential import confidence_sequence, group_bounds

pytestmark = pytest.mark.slow

N_RUNS = 2_000
ERROR = 3.3 * np.sqrt(0.05 * 0.95 / N_RUNS)
"""Monte-Carlo error of a share of 5 % that is hardly ever exceeded."""


@pytest.mark.parametrize(("n_control", "n_treatment"), [(1_000, 1_000), (9_900, 100), (300, 2_700)])
def test_no_effect_is_found_in_five_percent_and_intervals_cover(n_control: int, n_treatment: int) -> None:
    draw = np.random.default_rng(1)
    false, covered = 0, 0
    for _ in range(N_RUNS):
        control = Rate(n_hits=int(draw.binomial(n_control, 0.1)), n=n_control)
        found = compare_rates(control, Rate(n_hits=int(draw.binomial(n_treatment, 0.1)), n=n_treatment))
        false += found.p_value < 0.05
        covered += found.difference.low <= 0 <= found.difference.high
    assert false / N_RUNS <= 0.05 + ERROR
    assert covered / N_RUNS >= 0.95 - ERROR


def test_heavy_tails_keep_their_level_and_lifts_cover_the_truth() -> None:
    draw = np.random.default_rng(2)
    false, covered = 0, 0
    for _ in range(N_RUNS):
        control = np.where(draw.random(800) < 0.4, draw.lognormal(3, 1, 800), 0.0)
        treatment = np.where(draw.random(800) < 0.4, draw.lognormal(3, 1, 800), 0.0)
        found = compare_means(Moments.of(control), Moments.of(treatment))
        false += found.p_value < 0.05
        covered += found.lift.low <= 0 <= found.lift.high
    assert false / N_RUNS == pytest.approx(0.05, abs=ERROR)
    assert covered / N_RUNS == pytest.approx(0.95, abs=ERROR)


def test_the_planned_size_has_the_planned_power_and_the_effect_is_recovered() -> None:
    size = size_for_rates(0.10, 0.13, Design(power=0.8))
    draw = np.random.default_rng(3)
    found, effects = 0, []
    for _ in range(N_RUNS):
        control = Rate(n_hits=int(draw.binomial(size.n_control, 0.10)), n=size.n_control)
        made = compare_rates(control, Rate(n_hits=int(draw.binomial(size.n_treatment, 0.13)), n=size.n_treatment))
        found += made.p_value < 0.05
        effects.append(made.difference.value)
    assert found / N_RUNS == pytest.approx(0.8, abs=3.3 * np.sqrt(0.16 / N_RUNS))
    assert np.mean(effects) == pytest.approx(0.03, abs=0.001)


def test_daily_looks_with_the_sequence_find_nothing_in_at_least_95_percent() -> None:
    draw = np.random.default_rng(4)
    per_day, n_days = 200, 28
    ever = naive = 0
    for _ in range(N_RUNS):
        control = np.cumsum(draw.binomial(per_day, 0.1, n_days))
        treatment = np.cumsum(draw.binomial(per_day, 0.1, n_days))
        n = per_day * np.arange(1, n_days + 1)
        first, second = treatment / n, control / n
        error = np.sqrt(first * (1 - first) / n + second * (1 - second) / n)
        looks = [
            confidence_sequence(float(d), float(e), 2 * int(m), 2 * per_day * n_days)
            for d, e, m in zip(first - second, error, n, strict=True)
        ]
        ever += any(look.low > 0 or look.high < 0 for look in looks)
        naive += bool((np.abs(first - second) / error > 1.96).any())
    assert ever / N_RUNS <= 0.05
    assert naive / N_RUNS > 0.2


def test_planned_looks_keep_their_level() -> None:
    draw = np.random.default_rng(5)
    bounds = np.array(group_bounds(5))
    steps = draw.normal(size=(20_000, 5)).cumsum(axis=1) / np.sqrt(np.arange(1, 6))
    assert (np.abs(steps) >= bounds).any(axis=1).mean() == pytest.approx(0.05, abs=3.3 * np.sqrt(0.0475 / 20_000))
