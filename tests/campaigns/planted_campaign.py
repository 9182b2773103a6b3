"""A campaign whose effect is planted: customers, and their orders before and after the start as an import brings them.

Made by hand rather than drawn, so that what a test expects stands in the test.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from churn_core.campaigns.assignment import assign_arms
from churn_core.campaigns.plan import Plan
from churn_core.campaigns.store import Campaign
from churn_core.warehouse import Warehouse

Make = Callable[..., Campaign]
Put = Callable[..., None]


def customers(plan: Plan, n: int, *, seed: int = 1, waves: int = 1, salt: str = "camp-spring") -> pd.DataFrame:
    """Customers drawn in the plan's shares inside tiers, with what a draw stores of them."""
    draw = np.random.default_rng(seed)
    ids = [f"c{number:05d}" for number in range(n)]
    tier = draw.choice(["high", "low"], n)
    rows = pd.DataFrame(
        {
            "customer_id": ids,
            "arm": assign_arms(ids, plan.shares, salt=salt, strata=list(tier)) if len(plan.arms) > 1 else "coupon",
            "stratum": tier,
            "tier": tier,
            "value_band": draw.choice(["high", "middle", "low"], n),
            "main_group": draw.choice(["recency", "spend"], n),
            "risk": draw.random(n),
            "expected_value": draw.gamma(2, 20, n),
            "wave": draw.integers(1, waves + 1, n),
        }
    )
    start = datetime.combine(plan.starts_on, datetime.min.time()) if plan.starts_on else datetime(2024, 3, 1)
    rows["starts_at"] = [start + timedelta(days=7 * (int(wave) - 1)) for wave in rows["wave"]]
    return rows


def orders(rows: pd.DataFrame, chance: dict[str, float], *, known_days: int, seed: int = 2) -> pd.DataFrame:
    """Orders before the start, and with a chance per arm one within 29 days after it; known for so many days."""
    draw = np.random.default_rng(seed)
    first = rows["starts_at"].min()
    made: list[tuple[str, datetime, float]] = []
    for customer, arm, start in zip(rows["customer_id"], rows["arm"], rows["starts_at"], strict=True):
        made.extend(
            (customer, start - timedelta(days=float(draw.uniform(0.1, 29))), float(draw.gamma(2, 20)))
            for _ in range(draw.poisson(0.8))
        )
        if draw.random() < chance[arm]:
            made.append((customer, start + timedelta(days=float(draw.uniform(0, 29))), float(draw.gamma(2, 20))))
    until = first + timedelta(days=known_days)
    made = [order for order in made if order[1] < until]
    made.append(("somebody", until - timedelta(hours=1), 5.0))
    frame = pd.DataFrame(made, columns=["customer_id", "order_time", "amount"]).round({"amount": 2})
    frame["order_id"] = [f"o{number}" for number in range(len(frame))]
    frame["order_time"] = frame["order_time"].dt.floor("s").astype("datetime64[us]")
    return frame


def planted(
    warehouse: Warehouse,
    make: Make,
    put: Put,
    plan: Plan,
    *,
    n: int = 3_000,
    chance: dict[str, float],
    known_days: int = 40,
    waves: int = 1,
    seed: int = 1,
    campaign_id: str = "camp-spring",
) -> Campaign:
    """The campaign with its customers and orders in the workspace."""
    rows = customers(plan, n, seed=seed, waves=waves, salt=campaign_id)
    made = make(warehouse, plan, assigned=rows, campaign_id=campaign_id)
    put(warehouse, "orders", orders(rows, chance, known_days=known_days, seed=seed + 1))
    return made


def with_costs(plan: Plan, contact: float, offer: float) -> Plan:
    """The plan with costs in its treatments."""
    arms = [arm if arm.is_control else replace(arm, contact_cost=contact, offer_cost=offer) for arm in plan.arms]
    return replace(plan, arms=tuple(arms))
