"""A campaign read out: what was planted is found, what was not is not, and nothing is told that must not be."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from churn_core.campaigns.comparison import Cell, Outcomes
from churn_core.campaigns.looks import Look, measure_over_time
from churn_core.campaigns.measure import measure, measure_slices, pre_period
from churn_core.campaigns.metrics import Metric
from churn_core.campaigns.one_pass import OnePass
from churn_core.campaigns.plan import Arm, Guardrail, Plan
from churn_core.campaigns.readout import campaign_readout
from churn_core.campaigns.readout_model import ArmResult, CampaignReadout
from churn_core.campaigns.segments import required_cut
from churn_core.campaigns.sequence import LookPlan, end_alpha, latest, sequential
from churn_core.campaigns.small_strata import put_together
from churn_core.campaigns.store import Campaign, create_draft
from churn_core.campaigns.verdicts import result_words
from churn_core.cli import main
from churn_core.errors import InputError
from churn_core.stats.estimate import Comparison, Estimate
from churn_core.stats.moments import JointMoments, Rate
from churn_core.stats.rates import newcombe_interval
from churn_core.warehouse import Warehouse
from tests.campaigns.planted_campaign import planted

Make = Callable[..., Campaign]
Put = Callable[..., None]
LATER = datetime(2024, 9, 1)


def shop(warehouse: Warehouse, make: Make, put: Put, plan: Plan, effect: float = 0.12, **more: Any) -> CampaignReadout:
    """A planted campaign, read out."""
    chance = {"control": 0.3, **{arm.name: 0.3 + effect for arm in plan.treatments}}
    made = planted(warehouse, make, put, plan, chance=chance, **more)
    return campaign_readout(warehouse, made.campaign_id, now=LATER)


def test_a_planted_effect_is_found_with_its_size(
    warehouse: Warehouse, made_campaign: Make, put: Put, small_plan: Plan
) -> None:
    found = shop(warehouse, made_campaign, put, small_plan)
    goal = found.results[0]
    assert (found.status, goal.metric, goal.is_primary) == ("better", "retained", True)
    low, high = goal.comparison.difference.low, goal.comparison.difference.high
    assert low is not None
    assert high is not None
    assert low < 0.12 < high
    assert found.verdict.startswith("Coupon kept ")
    assert "points more customers than the control (between +" in found.verdict
    assert "customers more and" in found.verdict
    assert goal.total is not None
    assert goal.total.value == pytest.approx((goal.comparison.difference.value or 0) * goal.comparison.n_treatment)
    assert (goal.chance_to_be_better or 0) > 0.999
    assert [check.name for check in found.health] == [
        "sample_ratio", "balance", "double_exposure", "same_email", "freshness", "windows",
    ]  # fmt: skip
    assert not found.is_hidden
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["status"] == "better"


def test_harm_is_told_as_harm_and_its_sign_stays(
    warehouse: Warehouse, made_campaign: Make, put: Put, small_plan: Plan
) -> None:
    found = shop(warehouse, made_campaign, put, small_plan, effect=-0.12)
    assert found.status == "worse"
    assert "points fewer customers than the control (between -" in found.verdict
    assert (found.results[0].comparison.difference.value or 0) < 0


def test_where_nothing_was_planted_the_interval_is_told_and_never_no_effect(
    warehouse: Warehouse, made_campaign: Make, put: Put, small_plan: Plan
) -> None:
    found = shop(warehouse, made_campaign, put, small_plan, effect=0.0)
    assert found.status == "no_clear_difference"
    assert found.verdict.startswith("No clear difference in retained customers between coupon and the control")
    assert "the change lies between -" in found.verdict
    assert "no effect" not in found.verdict.lower()


def test_the_readout_and_the_exported_table_give_the_same_numbers(
    warehouse: Warehouse, made_campaign: Make, put: Put, small_plan: Plan, tmp_path: Path, capsys: Any
) -> None:
    found = shop(warehouse, made_campaign, put, small_plan, effect=0.05, n=1_200)
    rows = warehouse.rows(
        "SELECT a.customer_id, a.arm, count(o.order_id) > 0 FROM assignments a LEFT JOIN orders o "
        "ON o.customer_id = a.customer_id AND o.order_time >= a.starts_at AND o.order_time < a.starts_at "
        "+ INTERVAL 30 DAY GROUP BY ALL ORDER BY ALL"
    )
    with (tmp_path / "done.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("customer_id", "arm", "retained"))
        writer.writerows((customer, arm, int(kept)) for customer, arm, kept in rows)
    given = ["experiment", "readout", str(tmp_path / "done.csv"), "--arm", "arm", "--control", "control"]
    assert main([*given, "--metric", "retained:rate", "--json"]) == 0
    other = json.loads(capsys.readouterr().out)["comparisons"][0]
    goal = found.results[0]
    assert other["difference"] == pytest.approx(goal.comparison.difference.value)
    assert other["difference_low"] == pytest.approx(goal.comparison.difference.low)
    assert other["lift_high"] == pytest.approx(goal.comparison.lift.high)
    assert other["p_value"] == pytest.approx(goal.comparison.p_value)
    assert (other["n_control"], other["n_treatment"]) == (goal.comparison.n_control, goal.comparison.n_treatment)


def test_before_the_first_day_nothing_has_started(
    warehouse: Warehouse, made_campaign: Make, put: Put, small_plan: Plan
) -> None:
    found = shop(warehouse, made_campaign, put, small_plan, n=200, known_days=0)
    assert found.status == "not_started"
    assert "starts on 1 March 2024" in found.verdict


def test_a_small_campaign_is_too_small(warehouse: Warehouse, made_campaign: Make, put: Put, small_plan: Plan) -> None:
    found = shop(warehouse, made_campaign, put, small_plan, n=16)
    assert found.status == "too_small"
    assert "A larger campaign is needed." in found.verdict


def test_one_customer_is_no_campaign_but_no_error_either(
    warehouse: Warehouse, made_campaign: Make, put: Put, small_plan: Plan
) -> None:
    found = shop(warehouse, made_campaign, put, small_plan, n=1)
    assert found.status == "too_small"


def test_before_the_end_the_difference_so_far_is_shown_without_a_verdict(
    warehouse: Warehouse, made_campaign: Make, put: Put, small_plan: Plan
) -> None:
    found = shop(warehouse, made_campaign, put, small_plan, known_days=20, effect=0.3)
    assert found.status == "running"
    assert found.verdict.startswith("Still running: 0 of 3,000 customers")
    assert found.sequential is not None
    assert found.sequential.arms[0].points
    assert not any(point.is_whole_window for point in found.sequential.arms[0].points)
    assert found.sequential.arms[0].decided_on is None
    assert found.money is None


def test_waves_may_end_a_campaign_early_only_by_the_interval_over_all_looks(
    warehouse: Warehouse, made_campaign: Make, put: Put, small_plan: Plan
) -> None:
    found = shop(warehouse, made_campaign, put, small_plan, waves=6, known_days=45, effect=0.2)
    assert found.status == "better"
    assert "Told before the planned end by the interval that holds at all looks together." in found.verdict
    assert found.sequential is not None
    assert found.sequential.arms[0].decided_on is not None


def test_a_small_difference_does_not_end_a_campaign_early(
    warehouse: Warehouse, made_campaign: Make, put: Put, small_plan: Plan
) -> None:
    found = shop(warehouse, made_campaign, put, small_plan, waves=6, known_days=45, effect=0.02)
    assert found.status == "running"
    assert found.sequential is not None
    wide, table = latest(found.sequential.arms[0]), found.results[0].comparison.difference
    assert wide is not None
    assert wide.low is not None
    assert table.low is not None
    assert wide.low < table.low
    assert any("not meant to be acted on" in note for note in found.notes)


def test_without_a_control_nothing_can_be_told(
    warehouse: Warehouse, made_campaign: Make, put: Put, small_plan: Plan
) -> None:
    plan = replace(
        small_plan,
        arms=(Arm(name="coupon", share=1.0, action="coupon", channel="email"),),
        no_control_reason="The board wants everybody to get one.",
    )
    found = shop(warehouse, made_campaign, put, plan, n=200)
    assert found.status == "not_measurable"
    assert "The board wants everybody" in found.verdict
    assert found.results == ()
    assert found.control is None


def test_broken_shares_hide_the_verdict(warehouse: Warehouse, made_campaign: Make, put: Put, small_plan: Plan) -> None:
    arms = tuple(replace(arm, share=share) for arm, share in zip(small_plan.arms, (0.3, 0.7), strict=True))
    rows = planted(warehouse, made_campaign, put, small_plan, chance={"control": 0.3, "coupon": 0.5})
    with warehouse.transaction() as tx:
        tx.execute("UPDATE campaigns SET plan = $plan", {"plan": json.dumps(replace(small_plan, arms=arms).to_json())})
    found = campaign_readout(warehouse, rows.campaign_id, now=LATER)
    assert (found.status, found.is_hidden) == ("invalid_srm", True)
    assert "points more" not in found.verdict
    assert "share" in found.verdict
    assert found.segments == ()


def test_an_uneven_other_campaign_hides_the_verdict(
    warehouse: Warehouse, made_campaign: Make, put: Put, small_plan: Plan
) -> None:
    made = planted(warehouse, made_campaign, put, small_plan, chance={"control": 0.3, "coupon": 0.5})
    treated = [row[0] for row in warehouse.rows("SELECT customer_id FROM assignments WHERE arm = 'coupon' LIMIT 600")]
    rows = [{"customer_id": customer, "arm": "coupon"} for customer in treated]
    made_campaign(warehouse, replace(small_plan, name="Other"), assigned=rows, campaign_id="camp-other")
    found = campaign_readout(warehouse, made.campaign_id, now=LATER)
    assert found.status == "invalid_overlap"
    assert "“Other”" in found.verdict


def test_guardrails_are_kept_harmed_or_open(
    warehouse: Warehouse, made_campaign: Make, put: Put, small_plan: Plan
) -> None:
    rails = (Guardrail(outcome="spend", margin=3.0), Guardrail(outcome="orders", margin=0.0001))
    found = shop(warehouse, made_campaign, put, replace(small_plan, goal=replace(small_plan.goal, guardrails=rails)))
    assert {rail.outcome: rail.state for rail in found.guardrails} == {"spend": "kept", "orders": "kept"}
    other = replace(small_plan, goal=replace(small_plan.goal, guardrails=rails), name="Harm")
    with warehouse.transaction() as tx:
        tx.execute("DELETE FROM orders")
        tx.execute("DELETE FROM assignments")
    harmed = shop(warehouse, made_campaign, put, other, effect=-0.15, campaign_id="camp-harm")
    assert {rail.outcome: rail.state for rail in harmed.guardrails} == {"spend": "harmed", "orders": "harmed"}


def test_a_guardrail_that_was_not_measured_is_shown_as_not_known(
    warehouse: Warehouse, made_campaign: Make, put: Put, small_plan: Plan
) -> None:
    rails = (Guardrail(outcome="orders", margin=0.5), Guardrail(outcome="returned", margin=0.02))
    found = shop(warehouse, made_campaign, put, replace(small_plan, goal=replace(small_plan.goal, guardrails=rails)))
    assert {rail.outcome: rail.state for rail in found.guardrails} == {"orders": "kept", "returned": "unknown"}
    told = next(rail for rail in found.guardrails if rail.state == "unknown")
    assert told.test is None
    assert told.comparison.difference.value is None
    assert "nobody knows whether it was harmed" in told.told
    assert not any("return" in note for note in found.notes)


def test_after_the_end_an_early_crossing_is_history_and_the_test_at_the_end_decides() -> None:
    draw = np.random.default_rng(3)
    looks = looks_of(draw, 8, 400, effect=0.15)
    plan = LookPlan(
        n_drawn={"control": 3_200, "coupon": 3_200}, end=date(2024, 6, 1), window_days=30, alpha=0.05, is_in_waves=True
    )
    words: dict[str, Any] = {"control": "control", "treatments": ["coupon"], "label": "retained", "unit": "share"}
    before = sequential(looks[:-1], plan, **words)
    after = sequential(looks, replace(plan, is_over=True), **words)
    assert before is not None
    assert after is not None
    assert before.arms[0].decided_on is not None
    assert "may be acted on before the end" in before.told
    assert "acted on" not in after.told
    assert after.told.endswith("the test at the end above is the verdict.")
    assert f"coupon on {after.arms[0].decided_on:%-d %B %Y}" in after.told


def test_in_waves_the_end_is_judged_at_what_the_looks_left(
    warehouse: Warehouse, made_campaign: Make, put: Put, small_plan: Plan
) -> None:
    made = planted(
        warehouse, made_campaign, put, small_plan, n=900, chance={"control": 0.3, "coupon": 0.3}, waves=3, known_days=60
    )
    found = campaign_readout(warehouse, made.campaign_id, now=LATER)
    assert found.results[0].alpha == pytest.approx(0.049)
    assert all(result.alpha == 0.05 for result in found.results if not result.is_primary)
    assert any("judged at 4.9 % at the end" in note for note in found.notes)


def test_fewer_than_the_plan_needed_are_named_where_nothing_clear_was_found(
    warehouse: Warehouse, made_campaign: Make, put: Put, small_plan: Plan
) -> None:
    plan = replace(small_plan, goal=replace(small_plan.goal, smallest_effect=0.02))
    found = shop(warehouse, made_campaign, put, plan, effect=0.0)
    assert found.campaign is not None
    assert not any("were drawn" in note for note in found.notes)
    with warehouse.transaction() as tx:
        tx.execute("UPDATE campaigns SET counts = $counts", {"counts": json.dumps({"n_needed": 1_000_000})})
    again = campaign_readout(warehouse, found.campaign.campaign_id, now=LATER)
    assert again.status == found.status
    assert any("needed 1,000,000 customers to find 2 points" in note for note in again.notes)


def test_segments_differ_only_where_the_interaction_says_so(
    warehouse: Warehouse, made_campaign: Make, put: Put, small_plan: Plan
) -> None:
    found = shop(warehouse, made_campaign, put, small_plan)
    by_column = {cut.column: cut for cut in found.segments}
    assert set(by_column) == {"tier", "value_band", "main_group"}
    assert [entry.name for entry in by_column["value_band"].slices] == ["high", "middle", "low"]
    assert all((cut.p_adjusted or 0) > 0.05 for cut in found.segments)
    assert "do not differ by more than chance" in by_column["tier"].told
    for cut in found.segments:
        assert sum(entry.comparison.n_treatment for entry in cut.slices) == found.results[0].comparison.n_treatment


def test_slicing_by_what_came_later_is_refused() -> None:
    assert required_cut("tier") == "tier"
    with pytest.raises(InputError, match="only what was stored when the arms were drawn"):
        required_cut("opened")


def test_a_draft_has_no_readout(warehouse: Warehouse) -> None:
    with pytest.raises(InputError, match="still a draft"):
        campaign_readout(warehouse, create_draft(warehouse).campaign_id)


def test_the_alpha_of_the_plan_decides_and_its_intervals_go_with_it(
    warehouse: Warehouse, made_campaign: Make, put: Put, small_plan: Plan
) -> None:
    found = shop(warehouse, made_campaign, put, replace(small_plan, alpha=0.2), effect=0.0)
    goal = found.results[0].comparison
    control, coupon = (
        Rate(n_hits=round(rate * n), n=n)
        for rate, n in ((goal.control or 0, goal.n_control), (goal.treatment or 0, goal.n_treatment))
    )
    low, high = newcombe_interval(control, coupon, confidence=0.8)
    assert (goal.difference.low, goal.difference.high) == pytest.approx((low, high))
    assert any("judged at 20 %" in note for note in found.notes)


def result(value: float, low: float, high: float, *, p: float, metric: str = "retained", **more: Any) -> ArmResult:
    compared = Comparison(
        n_control=1_000, n_treatment=9_000, control=0.389, treatment=0.389 + value, p_value=p, method="",
        difference=Estimate(value=value, low=low, high=high), lift=Estimate.undefined("not asked"),
    )  # fmt: skip
    label, unit = {"retained": ("retained customers", "share"), "spend": ("spend per customer", "currency")}[metric]
    return ArmResult(
        metric=metric, arm="coupon", is_primary=True, comparison=compared, p_adjusted=p, label=label, unit=unit,
        kind="rate" if unit == "share" else "mean", **more,
    )  # fmt: skip


def test_the_sentence_of_each_verdict() -> None:
    better = result(0.021, 0.008, 0.034, p=0.002)
    assert result_words(better, "control") == (
        "Coupon kept 2.1 points more customers than the control (between +0.8 and +3.4): 41.0 % against 38.9 %."
    )
    worse = result(-0.021, -0.034, -0.008, p=0.002)
    assert result_words(worse, "control") == (
        "Coupon kept 2.1 points fewer customers than the control (between -3.4 and -0.8): 36.8 % against 38.9 %."
    )
    unclear = result(0.015, -0.021, 0.050, p=0.4)
    assert result_words(unclear, "control") == (
        "No clear difference in retained customers between coupon and the control: the change lies between -2.1 and "
        "+5.0 points (40.4 % against 38.9 %)."
    )
    several = result(0.02, 0.001, 0.039, p=0.08)
    assert "with several treatments compared that is not clear (adjusted p 0.080)" in result_words(several, "control")
    spend = result(1.5, 0.4, 2.6, p=0.01, metric="spend")
    assert "brought £1.50 more spend per customer than the control (between +£0.40 and +£2.60)" in result_words(
        spend, "control", currency="GBP"
    )


def test_lower_can_be_better_without_turning_a_number() -> None:
    fewer = result(-0.021, -0.034, -0.008, p=0.002, is_lower_better=True)
    assert "2.1 points fewer" in result_words(fewer, "control")
    assert fewer.chance_to_be_better is None


def test_small_strata_are_put_together_and_nobody_is_lost() -> None:
    draw = np.random.default_rng(5)

    def cell(n: int) -> JointMoments:
        return JointMoments.of(draw.normal(size=n), draw.normal(size=n))

    cells: dict[str, dict[str, Cell]] = {
        arm: {"a": cell(60), "b": cell(3), "c": cell(25)} for arm in ("control", "coupon")
    }
    outcomes = Outcomes(metric=Metric(name="spend", kind="mean", column="spend"), cells=cells, n_covariates=1)
    made = put_together(outcomes)
    assert made.strata == ["a", "b + c"]
    assert made.n("coupon") == outcomes.n("coupon") == 88
    tiny = replace(outcomes, cells={arm: {"a": cell(3)} for arm in cells})
    assert put_together(tiny).n_covariates == 0


def looks_of(draw: np.random.Generator, n_looks: int, n_each: int, effect: float = 0.0) -> list[Look]:
    """A campaign, by default without any effect, seen after every wave."""
    rates = {arm: np.zeros(2, dtype=int) for arm in ("control", "coupon")}
    found = []
    for number in range(1, n_looks + 1):
        for arm in rates:
            chance = 0.3 + (effect if arm == "coupon" else 0.0)
            rates[arm] = rates[arm] + (int(draw.binomial(n_each, chance)), n_each)
        cells: dict[str, dict[str, Cell]] = {
            arm: {"": Rate(n_hits=int(hits), n=int(n))} for arm, (hits, n) in rates.items()
        }
        outcomes = Outcomes(metric=Metric(name="retained", kind="rate", column="retained"), cells=cells)
        at = datetime(2024, 3, 1) + timedelta(days=7 * number)
        n_complete = sum(outcomes.n(arm) for arm in cells)
        found.append(Look(day=7 * number, at=at, n_complete=n_complete, is_whole_window=True, outcomes=outcomes))
    return found


@pytest.mark.slow
def test_whole_campaigns_without_effect_end_in_a_finding_in_at_most_five_of_a_hundred() -> None:
    from churn_core.stats.rates import compare_rates

    n_runs, n_looks, n_each = 2_000, 12, 120
    draw = np.random.default_rng(20)
    early = ever = 0
    for _ in range(n_runs):
        looks = looks_of(draw, n_looks, n_each)
        plan = LookPlan(
            n_drawn={"control": n_looks * n_each, "coupon": n_looks * n_each}, end=None, window_days=30, alpha=0.05,
            is_in_waves=True,
        )  # fmt: skip
        made = sequential(looks[:-1], plan, control="control", treatments=["coupon"], label="retained", unit="share")
        assert made is not None
        last = looks[-1].outcomes
        at_end = compare_rates(last.rate("control"), last.rate("coupon")).p_value
        is_early = made.arms[0].decided_on is not None
        early += is_early
        ever += is_early or (at_end is not None and at_end < end_alpha(0.05))
    error = 2 * (0.05 * 0.95 / n_runs) ** 0.5
    assert early / n_runs <= 0.01
    assert ever / n_runs <= 0.05 + error


@pytest.mark.parametrize(("waves", "known_days"), [(1, 40), (1, 12), (3, 38)])
def test_one_reading_of_the_orders_gives_the_sums_of_many(
    warehouse: Warehouse, made_campaign: Make, put: Put, small_plan: Plan, waves: int, known_days: int
) -> None:
    goal = replace(small_plan.goal, outcome="spend", cap=60.0, guardrails=(Guardrail(outcome="order_value", margin=1),))
    made = planted(
        warehouse, made_campaign, put, replace(small_plan, goal=goal), n=500, chance={"control": 0.3, "coupon": 0.4},
        waves=waves, known_days=known_days,
    )  # fmt: skip
    names = ("spend", "retained", "orders", "margin", "order_value")
    once = OnePass(warehouse, made, names, ())
    assert_same(measure(warehouse, made, names, add_up=once).outcomes, measure(warehouse, made, names).outcomes)
    before = pre_period(warehouse, made, within_strata=True)
    assert_same(pre_period(warehouse, made, within_strata=True, add_up=once), before)
    slices = measure_slices(warehouse, made, "spend", add_up=once)
    for column, expected in measure_slices(warehouse, made, "spend").items():
        assert_same(slices[column], expected)
    looks = measure_over_time(warehouse, made, "spend", add_up=once)
    expected_looks = measure_over_time(warehouse, made, "spend")
    assert [look.day for look in looks] == [look.day for look in expected_looks]
    assert_same(dict(enumerate(look.outcomes for look in looks)), dict(enumerate(o.outcomes for o in expected_looks)))


def assert_same(found: Mapping[Any, Outcomes], expected: Mapping[Any, Outcomes]) -> None:
    """The same metrics with the same sums in every arm and stratum."""
    assert list(found) == list(expected)
    for key, outcomes in expected.items():
        assert found[key].strata == outcomes.strata
        for arm, cells in outcomes.cells.items():
            for stratum, cell in cells.items():
                other = found[key].cells[arm][stratum]
                if isinstance(cell, JointMoments) and isinstance(other, JointMoments):
                    assert other.n == cell.n
                    assert other.means == pytest.approx(cell.means)
                    assert np.allclose(other.matrix, cell.matrix)
                else:
                    assert other == cell
