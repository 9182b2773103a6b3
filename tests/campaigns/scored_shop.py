"""A shop that campaigns can be drawn from: customers, orders, scores and reasons written straight into the tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd

from churn_core.campaigns.plan import Arm, Exclusions, Goal, Guardrail, Plan
from churn_core.warehouse import Warehouse

LAST_ORDER = date(2024, 5, 31)
START = LAST_ORDER + timedelta(days=1)

CONTROL = Arm(name="control", share=0.2)
COUPON = Arm(
    name="coupon", share=0.5, action="coupon", channel="email", text="10 % off", contact_cost=0.1, offer_cost=5
)
CALL = Arm(name="call", share=0.3, action="call", channel="phone", contact_cost=4)

PLAN = Plan(
    name="Win back",
    goal=Goal(
        outcome="retained",
        window_days=60,
        smallest_effect=0.05,
        guardrails=(Guardrail(outcome="returned", margin=0.02),),
    ),
    exclusions=Exclusions(invalid_contact=False),
    arms=(CONTROL, COUPON, CALL),
    starts_on=START,
)

SHAPES = {
    "numbers": lambda n: [str(number) for number in range(1, n + 1)],
    "zero-padded": lambda n: [f"{number:010d}" for number in range(n)],
    "uuid": lambda n: [f"{number:08x}-0000-4000-8000-{number * 7919:012x}" for number in range(n)],
    "e-mail": lambda n: [f"customer.{number}@example.org" for number in range(n)],
    "Chinese": lambda n: [f"客户{number}号" for number in range(n)],
}
"""Customer ids as shops write them."""


def fill_shop(warehouse: Warehouse, ids: Sequence[str], *, run_id: int = 1) -> None:
    """Give every customer an address and three orders before the start, and score everybody once."""
    n, draw = len(ids), np.random.default_rng(7)
    times = np.datetime64(LAST_ORDER, "us") - draw.integers(0, 200 * 86_400, 3 * n).astype("timedelta64[s]")
    times[0] = np.datetime64(LAST_ORDER, "us") + np.timedelta64(20, "h")
    with warehouse.transaction() as tx:
        tx.append(
            "customers",
            pd.DataFrame(
                {
                    "customer_id": ids,
                    "name": [f"Name {number}" for number in range(n)],
                    "email": [f"c{number}@example.org" for number in range(n)],
                    "phone": [f"+49 555 {number:06d}" for number in range(n)],
                    "email_consent": True,
                }
            ),
        )
        tx.append(
            "orders",
            pd.DataFrame(
                {
                    "customer_id": np.tile(np.array(ids, dtype=object), 3),
                    "order_id": [f"o{number}" for number in range(3 * n)],
                    "order_time": times,
                    "amount": 20.0,
                }
            ),
        )
        tx.bump_data_version()
    score(warehouse, ids, run_id=run_id)


def score(warehouse: Warehouse, ids: Sequence[str], *, run_id: int) -> None:
    """One more score run; every run has risks and reasons of its own."""
    n, draw = len(ids), np.random.default_rng(run_id)
    risk, value = draw.random(n), np.round(draw.gamma(2, 50, n), 2)
    with warehouse.transaction() as tx:
        tx.execute(
            "INSERT INTO score_runs BY NAME SELECT $run_id AS run_id, $day AS scored_at, $day AS as_of, "
            "'orders' AS source, 3 AS model_version, 1 AS data_version, 1 AS definition_version, $n AS n_customers, "
            "0.0 AS base_log_odds, ['days_since_last_order'] AS feature_names, '{}' AS summary",
            {"run_id": run_id, "day": datetime(START.year, START.month, START.day), "n": n},
        )
        tx.append(
            "scores",
            pd.DataFrame(
                {
                    "run_id": run_id,
                    "customer_id": ids,
                    "risk": risk,
                    "log_odds": np.log(risk / (1 - risk)),
                    "expected_value": value,
                    "value_at_risk": risk * value,
                    "tier": np.select([risk > 0.7, risk > 0.3], ["high", "medium"], "low"),
                    "main_reason": "days_since_last_order",
                    "main_group": "recency",
                }
            ),
        )
        tx.append(
            "reasons",
            pd.DataFrame(
                {
                    "run_id": run_id,
                    "customer_id": ids,
                    "up_1": [f"last order {number} days ago in run {run_id}" for number in range(n)],
                    "up_2": "orders seldom",
                }
            ),
        )
        tx.audit("scored", {"run_id": run_id})


def changed(plan: Plan, **values: object) -> Plan:
    """The plan with some fields given anew."""
    from dataclasses import replace

    return replace(plan, **values)  # type: ignore[arg-type]
