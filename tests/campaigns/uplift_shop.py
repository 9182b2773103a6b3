"""A shop with a finished campaign: those who used to buy with a discount come back because of the coupon."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from churn_core.campaigns.plan import Arm
from churn_core.features.definition import save_definition
from churn_core.intake.derived import refresh_derived
from churn_core.timeline import ChurnDefinition
from churn_core.warehouse import Warehouse
from tests.campaigns.conftest import SMALL_PLAN, START, make_campaign

N = 1_600
ONE = ("dr_logistic",)
"""All learners are tried in the tests of learners; one is quick."""
PLAN = replace(
    SMALL_PLAN,
    arms=(
        Arm(name="control", share=0.5),
        Arm(name="coupon", share=0.5, action="coupon", channel="email", contact_cost=0.5, offer_cost=1.0),
    ),
)
DEFINITION = ChurnDefinition(horizon_days=60, activity_days=730)


def fill(warehouse: Warehouse, *, seed: int = 2) -> None:
    """A shop in which those who used to buy with a discount come back because of the coupon, and others less."""
    draw = np.random.default_rng(seed)
    made = make_campaign(warehouse, PLAN, N)
    assigned = warehouse.frame("SELECT customer_id, arm FROM assignments ORDER BY customer_id")
    is_bargain = draw.random(N) < 0.5
    treated = (assigned["arm"] == "coupon").to_numpy()
    comes = draw.random(N) < 0.35 + treated * np.where(is_bargain, 0.35, -0.15)
    rows = []
    for place, customer in enumerate(assigned["customer_id"]):
        before = sorted(draw.choice(np.arange(20, 300), size=4, replace=False))
        rows += [(customer, START - timedelta(days=int(back)), 40.0, 8.0 * is_bargain[place]) for back in before]
        if comes[place]:
            bought = START + timedelta(days=int(draw.integers(0, 29)))
            rows.append((customer, bought, 40.0, 4.0 * treated[place]))
    rows.append(("someone else", START + timedelta(days=45), 10.0, 0.0))
    orders = pd.DataFrame(rows, columns=["customer_id", "order_time", "amount", "discount_amount"])
    orders["order_time"] = orders["order_time"].astype("datetime64[us]")
    orders["order_id"] = [f"o{number}" for number in range(len(orders))]
    values = pd.DataFrame({"customer_id": assigned["customer_id"], "expected_value": 60.0, "tier": "medium"})
    with warehouse.transaction() as tx:
        tx.append("orders", orders)
        refresh_derived(tx)
        tx.execute("UPDATE assignments SET expected_value = 60.0, tier = 'medium'")
        tx.save_setting("currency", "EUR")
        tx.bump_data_version()
    save_definition(warehouse, DEFINITION)
    score(warehouse, values, made.starts_at or START)


def score(warehouse: Warehouse, values: pd.DataFrame, as_of: datetime, run_id: int = 1) -> None:
    """A score run of these customers at an instant."""
    with warehouse.transaction() as tx:
        tx.execute(
            "INSERT INTO score_runs BY NAME SELECT $run_id AS run_id, $day AS scored_at, $day AS as_of, "
            "'orders' AS source, 1 AS model_version, 1 AS data_version, 1 AS definition_version, $n AS n_customers, "
            "0.0 AS base_log_odds, ['n_orders'] AS feature_names, '{}' AS summary",
            {"run_id": run_id, "day": as_of, "n": len(values)},
        )
        tx.append(
            "scores",
            values.assign(run_id=run_id, risk=0.5, log_odds=0.0, value_at_risk=30.0, main_reason="n_orders"),
        )
