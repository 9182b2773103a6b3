"""Expected value counts what stays: the same money as on the Value page and in Demand."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from churn_core.models.periods import Period, build_periods, usable_cutoffs
from churn_core.models.value import ValueModel, fit_value, judge_value
from churn_core.models.worth_period import period_at
from churn_core.models.worth_rhythm import SPEND
from churn_core.timeline import ChurnDefinition
from churn_core.warehouse import Warehouse
from tests.models.conftest import fill_orders

END = datetime(2024, 12, 31)
DEFINITION = ChurnDefinition(horizon_days=60)


@pytest.fixture(scope="module")
def shop() -> Warehouse:
    """Four hundred customers; from every fourth order a quarter of the amount is sent back two days later."""
    warehouse = Warehouse.open(None)
    fill_orders(warehouse, 400)
    with warehouse.transaction() as tx:
        tx.execute(
            "INSERT INTO returns (return_id, customer_id, return_time, amount) SELECT 'r' || order_id, customer_id, "
            "order_time + INTERVAL 2 DAY, 0.5 * amount FROM orders WHERE hash(order_id) % 2 = 0"
        )
        tx.bump_data_version()
    return warehouse


def periods(warehouse: Warehouse) -> list[Period]:
    return build_periods(warehouse, DEFINITION, usable_cutoffs(warehouse, DEFINITION, END, n_most=6))


def test_scores_and_worth_mean_the_same_money(shop: Warehouse) -> None:
    cutoff = END - timedelta(days=60)
    [period] = build_periods(shop, DEFINITION, [cutoff])
    came = period_at(shop, cutoff, 60).outcome[SPEND]
    assert period.future_amount == pytest.approx(came)
    ordered = shop.value("SELECT sum(amount)::DOUBLE FROM orders WHERE order_time >= $c", {"c": cutoff})
    assert 0.65 * ordered < came.sum() < 0.85 * ordered


def test_expected_value_is_learned_and_checked_after_returns(shop: Warehouse) -> None:
    known = periods(shop)
    model = fit_value(known[:-1], horizon_days=60)
    assert model.kind == "regression"
    judged = judge_value([(known[:-2], known[-1])], horizon_days=60)
    assert judged is not None
    stayed = ~known[-1].churned
    assert judged.actual == pytest.approx(known[-1].future_amount[stayed].sum())
    assert judged.ratio == pytest.approx(1.0, abs=0.15)


def test_who_sent_all_of_it_back_stayed_and_brought_nothing() -> None:
    frame = pd.DataFrame({"spend_per_month": [30.0] * 40})
    half = np.where(np.arange(40) % 2 == 0, 60.0, 0.0)
    period = Period(cutoff=END, frame=frame, churned=np.zeros(40, dtype=bool), future_amount=half)
    model = fit_value([period], horizon_days=60)
    assert (model.kind, model.n_rows) == ("rate", 40)
    assert model.expected_amount(frame) == pytest.approx(np.full(40, 30.0))


def test_past_spend_is_carried_forward_without_what_was_sent_back() -> None:
    frame = pd.DataFrame({"spend_per_month": [30.0] * 4, "return_amount_ratio": [np.nan, 0.0, 0.25, 3.0]})
    made = ValueModel(kind="rate", horizon_days=60).expected_amount(frame)
    assert made.tolist() == [60.0, 60.0, 45.0, 0.0]
