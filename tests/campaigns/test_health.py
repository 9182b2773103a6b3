"""Health checks: each is ok, a caution or red where it should be, and the balance alarms as rarely as it says."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest

from churn_core.campaigns.balance import ALARM_BELOW, balance, balance_check
from churn_core.campaigns.comparison import Cell, Outcomes
from churn_core.campaigns.health import double_exposure, freshness, same_email, sample_ratio, windows
from churn_core.campaigns.measure import Measured
from churn_core.campaigns.metrics import Metric
from churn_core.campaigns.overlap import OtherCampaign, Overlap
from churn_core.stats.moments import JointMoments
from churn_core.stats.multiple import cauchy_combined

SHARES = {"control": 0.5, "coupon": 0.5}
NOW = datetime(2024, 6, 1)


def measured(**more: object) -> Measured:
    usual: dict[str, object] = {
        "campaign_id": "camp", "window_days": 30, "known_until": datetime(2024, 5, 1),
        "n_assigned": {"control": 500, "coupon": 500}, "n_started": {"control": 500, "coupon": 500},
        "n_complete": {"control": 500, "coupon": 500}, "last_end": datetime(2024, 4, 1), "days_left": 0,
        "outcomes": {},
    }  # fmt: skip
    return Measured(**usual | more)  # type: ignore[arg-type]


def met(elsewhere: dict[str, int] | None = None, email: dict[str, int] | None = None) -> Overlap:
    nobody = {"control": 0, "coupon": 0}
    found = elsewhere or nobody
    return Overlap(
        n_assigned={"control": 5_000, "coupon": 5_000},
        n_also_elsewhere=found,
        others=(OtherCampaign(campaign_id="camp-2", name="Autumn", n_customers=found),) if elsewhere else (),
        n_shared_email=email or nobody,
    )


def test_arms_as_planned_are_well_and_broken_ones_are_red() -> None:
    assert sample_ratio({"control": 500, "coupon": 500}, {"control": 498, "coupon": 501}, SHARES).level == "ok"
    red = sample_ratio({"control": 500, "coupon": 700}, {"control": 500, "coupon": 700}, SHARES)
    assert red.level == "red"
    assert "8.33 points" in red.told
    lost = sample_ratio({"control": 5_000, "coupon": 5_000}, {"control": 5_000, "coupon": 4_000}, SHARES)
    assert lost.level == "red"
    assert "the customers compared" in lost.told


def test_an_arm_that_the_plan_does_not_know_is_red() -> None:
    found = sample_ratio({"control": 500, "coupon": 500, "letter": 20}, {}, SHARES)
    assert found.level == "red"
    assert "'letter'" in found.told


def test_double_exposure_is_red_only_where_the_arms_differ_in_it() -> None:
    assert double_exposure(met()).level == "ok"
    even = double_exposure(met({"control": 300, "coupon": 310}))
    assert even.level == "warn"
    assert "“Autumn”" in even.told
    assert double_exposure(met({"control": 0, "coupon": 310})).level == "red"
    assert double_exposure(met({"control": 0, "coupon": 12})).level == "warn"


def test_shared_addresses_are_a_caution_and_red_above_one_in_a_hundred() -> None:
    assert same_email(met()).level == "ok"
    assert same_email(met(email={"control": 20, "coupon": 20})).level == "warn"
    assert same_email(met(email={"control": 90, "coupon": 90})).level == "red"


def test_data_that_ends_before_windows_that_have_passed_is_a_caution() -> None:
    assert freshness(measured(), None, NOW).level == "ok"
    behind = measured(known_until=datetime(2024, 3, 20), days_left=12)
    found = freshness(behind, datetime(2024, 3, 21), NOW)
    assert found.level == "warn"
    assert "import newer orders" in found.told
    assert "19 March 2024" in found.told
    assert freshness(behind, None, datetime(2024, 3, 25)).level == "ok"
    assert freshness(measured(known_until=None, last_end=None, days_left=None), None, NOW).level == "warn"


def test_windows_that_are_not_over_are_counted() -> None:
    assert windows(measured()).level == "ok"
    found = windows(measured(n_complete={"control": 100, "coupon": 90}, days_left=9))
    assert found.level == "warn"
    assert "190 of 1,000" in found.told
    assert "9 days of data" in found.told


def before(draw: np.random.Generator, n: int, shift: float = 0.0) -> dict[str, Outcomes]:
    """Five covariates that depend on each other, in three strata that explain a part of them."""
    strata = draw.integers(0, 3, n)
    arm = np.empty(n, dtype=object)
    for stratum in range(3):
        members = np.flatnonzero(strata == stratum)
        draw.shuffle(members)
        arm[members] = np.where(np.arange(len(members)) % 2 == 0, "control", "coupon")
    common = draw.normal(size=n) + strata
    made = {}
    for name in ("orders", "spend", "risk", "expected_value", "margin"):
        values = common + draw.normal(size=n) + shift * (arm == "coupon")
        cells: dict[str, dict[str, Cell]] = {
            side: {f"s{stratum}": JointMoments.of(values[(arm == side) & (strata == stratum)]) for stratum in range(3)}
            for side in ("control", "coupon")
        }
        made[name] = Outcomes(metric=Metric(name=name, kind="mean", column=name), cells=cells)
    return made


def test_arms_that_were_alike_are_told_to_be_and_others_are_pointed_out() -> None:
    draw = np.random.default_rng(3)
    assert balance_check(before(draw, 2_000), "control", ["coupon"]).level == "ok"
    off = balance_check(before(draw, 2_000, shift=0.4), "control", ["coupon"])
    assert off.level == "warn"
    assert "one sound draw in 100" in off.told
    assert "standard deviations" in off.told
    assert balance_check({}, "control", ["coupon"]).level == "warn"
    assert balance_check({}, None, ["coupon"]).level == "ok"


def test_the_standardised_difference_is_that_of_whole_customers() -> None:
    draw = np.random.default_rng(4)
    found = balance(before(draw, 4_000, shift=0.5), "control", ["coupon"])
    assert found.worst is not None
    # One standard normal shared, one own, and strata 0, 1, 2 with variance 2/3.
    assert found.worst.standardised == pytest.approx(0.5 / (2 + 2 / 3) ** 0.5, abs=0.08)


def test_several_p_values_are_combined_as_in_the_published_example() -> None:
    # The documented example of the R package ACAT (Liu & Xie, 2020): ACAT(c(2e-02, 4e-04, 0.2, 0.1, 0.8)).
    assert cauchy_combined([2e-02, 4e-04, 0.2, 0.1, 0.8]) == pytest.approx(0.001953404, abs=5e-10)
    assert cauchy_combined([1.0, 0.5]) <= 1.0
    assert 0 < cauchy_combined([1e-20, 0.5]) < 1e-19


def test_moments_of_parts_add_up_to_those_of_the_whole() -> None:
    draw = np.random.default_rng(6)
    table = draw.normal(size=(3, 90)) * [[1], [5], [0.1]] + [[3], [-2], [100]]
    whole = JointMoments.of(*table)
    parts = JointMoments.of(*table[:, :17]) + JointMoments.of(*table[:, 17:])
    assert parts.n == whole.n
    assert parts.means == pytest.approx(whole.means)
    assert np.allclose(parts.matrix, np.cov(table))
    empty = JointMoments(n=0, means=(0.0,) * 3, covariances=((0.0,) * 3,) * 3)
    assert empty + whole == whole == whole + empty


@pytest.mark.slow
def test_the_alarm_of_the_balance_comes_in_sound_draws_about_as_often_as_it_says() -> None:
    draw = np.random.default_rng(12)
    n_runs = 3_000
    alarms = sum(
        (balance(before(draw, 300), "control", ["coupon"]).p_value or 1.0) < ALARM_BELOW for _ in range(n_runs)
    )
    assert 0.5 * ALARM_BELOW <= alarms / n_runs <= 1.7 * ALARM_BELOW
