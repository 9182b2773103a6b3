"""What churned means: gaps, the proposal, the months, the saved versions and what the data allows."""

from __future__ import annotations

import itertools
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churn_core.errors import NotEnoughData
from churn_core.features.definition import (
    STEPS_DAYS,
    active_definition,
    count_at,
    gap_distribution,
    known_until,
    months,
    propose_definition,
    readiness,
    save_definition,
)
from churn_core.intake.derived import refresh_derived
from churn_core.timeline import ChurnDefinition
from churn_core.warehouse import Warehouse

START = datetime(2024, 1, 1)


def add_orders(warehouse: Warehouse, days_by_customer: dict[str, list[int]]) -> None:
    rows = [
        (customer, f"{customer}-{number}", START + timedelta(days=day, hours=10), 10.0)
        for customer, days in days_by_customer.items()
        for number, day in enumerate(days)
    ]
    with warehouse.transaction() as tx:
        tx.append("orders", pd.DataFrame(rows, columns=["customer_id", "order_id", "order_time", "amount"]))
        refresh_derived(tx)


def every(gap: int, n_customers: int, until: int) -> dict[str, list[int]]:
    return {f"c{gap}-{number}": list(range(number % gap, until, gap)) for number in range(n_customers)}


def test_orders_are_known_until_the_midnight_after_the_last_one(warehouse: Warehouse) -> None:
    assert known_until(warehouse) is None
    add_orders(warehouse, {"a": [0, 9]})
    assert known_until(warehouse) == START + timedelta(days=10)


def test_gaps_are_days_between_order_days(warehouse: Warehouse) -> None:
    add_orders(warehouse, {"a": [0, 0, 5, 5, 12], "b": [3]})
    gaps = gap_distribution(warehouse)
    assert gaps.counts == {5: 1, 7: 1}
    assert (gaps.n_customers, gaps.n_repeat_buyers, gaps.n_gaps) == (2, 1, 2)
    assert gaps.share_within(5) == 0.5


def test_recent_gaps_that_could_only_be_short_are_not_counted(warehouse: Warehouse) -> None:
    slow = {f"slow{number}": [number % 50, number % 50 + 150, number % 50 + 300] for number in range(100)}
    late = {f"late{number}": [380, 385, 390, 395] for number in range(100)}
    add_orders(warehouse, slow | late)
    gaps = gap_distribution(warehouse)
    assert gaps.n_gaps_all == 500
    assert set(gaps.counts) == {150}
    assert gaps.follow_up_days == 198


def test_quantiles_agree_with_numpy(demo_shop: Warehouse) -> None:
    gaps = gap_distribution(demo_shop)
    every_gap = np.repeat(list(gaps.counts), list(gaps.counts.values()))
    for share, days in gaps.quantiles.items():
        assert days == np.quantile(every_gap, share, method="inverted_cdf")
        assert gaps.share_within(days) >= share


def test_the_histogram_holds_every_gap_once(demo_shop: Warehouse) -> None:
    gaps = gap_distribution(demo_shop)
    bins = gaps.histogram()
    assert sum(part.n_gaps for part in bins) == gaps.n_gaps
    assert all(left.to_days + 1 == right.from_days for left, right in itertools.pairwise(bins))
    assert bins[0].from_days == 1


def test_without_gaps_there_is_no_quantile(warehouse: Warehouse) -> None:
    add_orders(warehouse, {"a": [1], "b": [2]})
    gaps = gap_distribution(warehouse)
    assert gaps.quantiles == {}
    assert gaps.share_within(30) is None
    assert gaps.histogram() == []
    with pytest.raises(NotEnoughData, match="two different days"):
        gaps.quantile(0.9)


def test_the_horizon_covers_nine_in_ten_repeat_orders(warehouse: Warehouse) -> None:
    add_orders(warehouse, every(20, 190, 1000) | every(50, 10, 1000))
    proposal = propose_definition(warehouse)
    assert proposal.quantile_days == 20
    assert proposal.definition == ChurnDefinition(horizon_days=21, activity_days=21)
    assert "90 % of repeat orders come within 20 days" in proposal.reason


def test_a_short_history_shortens_the_horizon_and_says_so(warehouse: Warehouse) -> None:
    add_orders(warehouse, every(55, 200, 200))
    proposal = propose_definition(warehouse)
    assert proposal.definition.horizon_days == 45
    assert "the history covers only 200 days" in proposal.reason


def test_too_few_gaps_give_a_usual_start(warehouse: Warehouse) -> None:
    add_orders(warehouse, {"a": [0, 10], "b": [5]})
    proposal = propose_definition(warehouse)
    assert proposal.definition.horizon_days == 90
    assert proposal.quantile_days is None
    assert "(1; 50 are needed)" in proposal.reason


def test_an_empty_workspace_has_no_proposal(warehouse: Warehouse) -> None:
    with pytest.raises(NotEnoughData, match="import an order history"):
        propose_definition(warehouse)


def test_the_demo_shop_is_asked_about_90_days(demo_shop: Warehouse) -> None:
    proposal = propose_definition(demo_shop)
    assert proposal.definition.horizon_days == 90
    assert proposal.definition.activity_days in STEPS_DAYS


def test_a_real_shop_is_asked_about_90_days(warehouse: Warehouse, real_data: Path) -> None:
    orders = pd.read_csv(
        real_data / "online_retail_II_orders.csv",
        dtype={"customer_id": str, "order_id": str},
        parse_dates=["order_time"],
        usecols=["customer_id", "order_id", "order_time", "amount"],
    )
    with warehouse.transaction() as tx:
        tx.append("orders", orders)
        refresh_derived(tx)
    proposal = propose_definition(warehouse)
    assert proposal.definition.horizon_days == 90
    assert proposal.definition.activity_days == 180


def test_months_count_by_hand(warehouse: Warehouse) -> None:
    add_orders(warehouse, {"stays": [10, 35, 70, 100], "leaves": [20], "joins late": [70, 95], "gone": [0]})
    definition = ChurnDefinition(horizon_days=30, activity_days=31)
    counted = months(warehouse, definition)
    assert [(month.cutoff.date(), month.n_eligible, month.n_churned, month.n_stayed) for month in counted] == [
        (date(2024, 2, 1), 3, 2, 1),
        (date(2024, 3, 1), 1, 0, 1),
    ]


def test_open_months_come_without_an_outcome(warehouse: Warehouse) -> None:
    add_orders(warehouse, {"a": [10, 40, 70, 100], "b": [20, 50, 80]})
    definition = ChurnDefinition(horizon_days=30)
    known = months(warehouse, definition)
    both = months(warehouse, definition, include_open=True)
    assert both[: len(known)] == known
    assert [month.cutoff for month in both[len(known) :]] == [datetime(2024, 4, 1)]
    assert not both[-1].is_known
    assert (both[-1].n_eligible, both[-1].n_churned, both[-1].n_stayed) == (2, None, None)


def test_orders_within_the_lead_are_no_sign_of_staying(warehouse: Warehouse) -> None:
    add_orders(warehouse, {"within lead": [10, 33], "after lead": [10, 45], "other": [90]})
    cutoff = datetime(2024, 2, 1)
    without = count_at(warehouse, ChurnDefinition(horizon_days=30), cutoff)
    leading = count_at(warehouse, ChurnDefinition(horizon_days=30, lead_days=7), cutoff)
    assert (without.n_churned, without.n_stayed) == (0, 2)
    assert (leading.n_churned, leading.n_stayed) == (1, 1)


def test_months_agree_with_a_count_in_pandas(demo_shop: Warehouse) -> None:
    definition = ChurnDefinition(horizon_days=90, activity_days=120)
    orders = demo_shop.frame("SELECT customer_id, order_time FROM orders")
    for month in months(demo_shop, definition)[::6]:
        recent = orders[
            (orders.order_time < month.cutoff) & (orders.order_time >= month.cutoff - timedelta(days=120))
        ].customer_id.unique()
        later = orders[
            (orders.order_time >= month.cutoff) & (orders.order_time < month.cutoff + timedelta(days=90))
        ].customer_id.unique()
        assert month.n_eligible == len(recent)
        assert month.n_stayed == len(set(recent) & set(later))
        assert month.n_churned == len(recent) - month.n_stayed


def test_saving_counts_versions_and_not_repetitions(warehouse: Warehouse) -> None:
    assert active_definition(warehouse) is None
    first = save_definition(warehouse, ChurnDefinition(horizon_days=90, activity_days=120))
    again = save_definition(warehouse, ChurnDefinition(horizon_days=90, activity_days=120))
    other = save_definition(warehouse, ChurnDefinition(horizon_days=60))
    back = save_definition(warehouse, first)
    assert (first.version, again.version, other.version, back.version) == (1, 1, 2, 3)
    assert active_definition(warehouse) == back
    assert other.activity_days is None
    assert warehouse.value("SELECT count(*) FROM audit_log WHERE action = 'save churn definition'") == 3


def test_a_shop_with_enough_of_everything_is_ready(warehouse: Warehouse) -> None:
    leavers = {f"left{number}": [number % 100, number % 100 + 20] for number in range(150)}
    add_orders(warehouse, every(20, 1000, 400) | leavers)
    ready = readiness(warehouse, ChurnDefinition(horizon_days=60))
    assert (ready.method, ready.missing) == ("full", "")
    assert ready.n_eligible == 1150
    assert ready.n_churned == 150
    assert ready.cutoff == START + timedelta(days=340)


def test_too_few_churners_leave_the_purchase_model(warehouse: Warehouse) -> None:
    add_orders(warehouse, every(20, 1000, 400))
    ready = readiness(warehouse, ChurnDefinition(horizon_days=60))
    assert ready.method == "bgnbd"
    assert "0 of them churned" in ready.reason
    assert ready.missing


def test_a_single_round_leaves_the_purchase_model(warehouse: Warehouse) -> None:
    leavers = {f"left{number}": [number % 20] for number in range(150)}
    add_orders(warehouse, every(20, 1000, 80) | leavers)
    ready = readiness(warehouse, ChurnDefinition(horizon_days=60))
    assert ready.method == "bgnbd"
    assert "one round" in ready.reason


def test_few_repeat_buyers_leave_the_own_rhythm(warehouse: Warehouse) -> None:
    add_orders(warehouse, every(20, 50, 200) | {f"once{number}": [150] for number in range(2000)})
    ready = readiness(warehouse, ChurnDefinition(horizon_days=150))
    assert ready.method == "lateness"
    assert ready.n_repeat_buyers == 50
    assert "200" in ready.missing


def test_nothing_usable_says_what_to_do(warehouse: Warehouse) -> None:
    assert readiness(warehouse, ChurnDefinition(horizon_days=30)).method == "none"
    add_orders(warehouse, {f"once{number}": [number % 30] for number in range(300)})
    ready = readiness(warehouse, ChurnDefinition(horizon_days=10))
    assert ready.method == "none"
    assert "two different days" in ready.reason
    assert "import" in ready.missing
