"""Money of a campaign: differences times customers, costs counted, the same by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest

from churn_core.campaigns.money import campaign_money, less
from churn_core.campaigns.plan import Goal, Plan
from churn_core.campaigns.readout import campaign_readout
from churn_core.campaigns.store import Campaign
from churn_core.settings import Settings, save_settings
from churn_core.stats.estimate import Comparison, Estimate
from churn_core.warehouse import Warehouse
from tests.campaigns.planted_campaign import planted, with_costs

Make = Callable[..., Campaign]
Put = Callable[..., None]
LATER = datetime(2024, 9, 1)
CHANCE = {"control": 0.3, "coupon": 0.42}


def compared(value: float, low: float, high: float) -> Comparison:
    return Comparison(
        n_control=1_000, n_treatment=2_000, control=1.0, treatment=1.0 + value, p_value=0.01, method="",
        difference=Estimate(value=value, low=low, high=high), lift=Estimate.undefined("not asked"),
    )  # fmt: skip


def test_money_is_what_a_calculator_says(small_plan: Plan) -> None:
    comparisons = {
        "orders": {"coupon": compared(0.1, 0.05, 0.15)},
        "margin": {"coupon": compared(2.0, 1.0, 3.0)},
        "margin_capped": {"coupon": compared(1.5, 0.9, 2.1)},
    }
    plan = with_costs(small_plan, 0.10, 1.5)
    chosen = Settings(currency="GBP", margin_rate=0.4)
    found = campaign_money(plan, comparisons, n_ordered={"coupon": 800, "control": 300}, n_sent={}, chosen=chosen)
    [arm] = found.arms
    assert (arm.n_contacted, arm.n_offers) == (2_000, 800)
    assert (arm.contact_cost, arm.offer_cost, arm.cost) == pytest.approx((200, 1_200, 1_400))
    assert (arm.orders.value, arm.margin.value, arm.net.value) == pytest.approx((200, 4_000, 2_600))
    assert (arm.net.low, arm.net.high) == pytest.approx((600, 4_600))
    assert (arm.return_on_spend.value, arm.return_on_spend.low) == pytest.approx((4_000 / 1_400, 2_000 / 1_400))
    assert arm.margin_capped is not None
    assert arm.margin_capped.value == pytest.approx(3_000)
    assert (found.currency, found.margin_rate) == ("GBP", 0.4)
    assert "no contacts of it were imported" in found.told


def test_only_those_contacted_cost_a_contact_where_contacts_are_known(small_plan: Plan) -> None:
    comparisons = {name: {"coupon": compared(0.1, 0.0, 0.2)} for name in ("orders", "margin")}
    plan = with_costs(small_plan, 1.0, 0.0)
    found = campaign_money(plan, comparisons, n_ordered={}, n_sent={"coupon": 1_500}, chosen=Settings())
    assert found.arms[0].contact_cost == 1_500
    assert "whom the imported contacts show" in found.told


def test_without_costs_nothing_is_a_multiple_of_them(small_plan: Plan) -> None:
    comparisons = {name: {"coupon": compared(0.1, 0.0, 0.2)} for name in ("orders", "margin")}
    found = campaign_money(small_plan, comparisons, n_ordered={}, n_sent={}, chosen=Settings())
    assert found.arms[0].return_on_spend.value is None
    assert "nothing is a multiple of zero" in found.arms[0].return_on_spend.reason
    assert less(Estimate.undefined("why"), 3.0).value is None


def test_the_readout_counts_offers_and_orders_as_the_tables_do(
    warehouse: Warehouse, made_campaign: Make, put: Put, small_plan: Plan
) -> None:
    save_settings(warehouse, Settings(currency="EUR", margin_rate=0.5))
    made = planted(warehouse, made_campaign, put, with_costs(small_plan, 0.1, 2.0), chance=CHANCE)
    found = campaign_readout(warehouse, made.campaign_id, now=LATER)
    assert found.money is not None
    [arm] = found.money.arms
    n_ordered = warehouse.value(
        "SELECT count(DISTINCT a.customer_id) FROM assignments a JOIN orders o USING (customer_id) WHERE a.arm = "
        "'coupon' AND o.order_time >= a.starts_at AND o.order_time < a.starts_at + INTERVAL 30 DAY"
    )
    n_arm = warehouse.value("SELECT count(*) FROM assignments WHERE arm = 'coupon'")
    assert (arm.n, arm.n_contacted, arm.n_offers) == (n_arm, n_arm, n_ordered)
    margin = next(result for result in found.results if result.metric == "margin")
    spend = next(result for result in found.results if result.metric == "spend")
    assert arm.margin.value == pytest.approx((margin.comparison.difference.value or 0) * n_arm)
    assert margin.comparison.difference.value == pytest.approx((spend.comparison.difference.value or 0) / 2)
    assert "€" in found.verdict
    assert "margin after costs" in found.verdict


def test_without_a_margin_set_nothing_is_called_margin(
    warehouse: Warehouse, made_campaign: Make, put: Put, small_plan: Plan
) -> None:
    made = planted(warehouse, made_campaign, put, with_costs(small_plan, 0.1, 2.0), chance=CHANCE)
    found = campaign_readout(warehouse, made.campaign_id, now=LATER)
    assert "revenue after costs" in found.verdict
    by_name = {result.metric: result.comparison.difference for result in found.results}
    assert "margin" not in by_name
    assert found.money is not None
    [arm] = found.money.arms
    assert found.money.gain == arm.gain == "revenue"
    assert arm.margin.value == pytest.approx((by_name["spend"].value or 0) * arm.n)
    assert "of the revenue alone" in found.money.told


def test_a_cap_is_shown_beside_the_amounts_as_they_are(
    warehouse: Warehouse, made_campaign: Make, put: Put, small_plan: Plan
) -> None:
    goal = Goal(outcome="margin", window_days=30, smallest_effect=1.0, cap=40.0)
    made = planted(warehouse, made_campaign, put, replace(small_plan, goal=goal), chance=CHANCE)
    found = campaign_readout(warehouse, made.campaign_id, now=LATER)
    assert [result.metric for result in found.results[:2]] == ["margin", "margin_uncapped"]
    assert found.results[0].label == "spend per customer (no margin set), at most 40 counted"
    assert "spend per customer (no margin set) than" in found.verdict or "No clear" in found.verdict
    assert "without a cap" in found.results[1].label
    assert found.money is not None
    [arm] = found.money.arms
    assert arm.margin_capped is not None
    assert 0 < (arm.margin_capped.value or 0) < (arm.margin.value or 0)
