"""Scored customers made by hand: the tables that scoring fills, without a model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from churn_core.warehouse import Warehouse

AS_OF = datetime(2026, 11, 1)
FEATURES = ("days_since_last_order", "n_order_days_90", "n_tickets_90")
GROUPS = {"days_since_last_order": "recency", "n_order_days_90": "frequency", "n_tickets_90": "service"}


def add_run(
    warehouse: Warehouse,
    risks: dict[str, float],
    *,
    values: dict[str, float | None] | None = None,
    as_of: datetime | None = AS_OF,
    source: str = "orders",
    high_from: float = 0.7,
    medium_from: float = 0.4,
    main_reason: dict[str, str | None] | None = None,
) -> int:
    """A score run with these risks; contributions share the distance from the base equally."""
    ids = list(risks)
    risk = np.array([risks[customer] for customer in ids])
    log_odds = np.log(risk / (1 - risk))
    value = [(values or {}).get(customer, 100.0) for customer in ids]
    expected = pd.Series(value, dtype="float64")
    reason = [(main_reason or {}).get(customer, FEATURES[nr % 3]) for nr, customer in enumerate(ids)]
    with warehouse.transaction() as tx:
        run_id = tx.next_number("score_runs", "run_id")
        ages = dict(
            tx.rows(
                "SELECT customer_id, CAST(min(CAST($as_of AS DATE) - CAST(order_time AS DATE)) AS DOUBLE) FROM orders "
                "WHERE order_time < $as_of GROUP BY 1",
                {"as_of": as_of},
            )
        )
        tx.execute(
            "INSERT INTO score_runs VALUES ($run_id, $scored_at, $as_of, $source, 4, $data_version, 1, $n, -0.5, "
            "$features, $summary)",
            {
                "run_id": run_id,
                "scored_at": datetime(2026, 11, 2, 8) + timedelta(days=run_id),
                "as_of": as_of,
                "source": source,
                "data_version": tx.data_version,
                "n": len(ids),
                "features": list(FEATURES),
                "summary": json.dumps({"usual": {"days_since_last_order": [10, 40]}, "notes": []}),
            },
        )
        tx.append(
            "scores",
            pd.DataFrame(
                {
                    "run_id": run_id,
                    "customer_id": ids,
                    "risk": risk,
                    "log_odds": log_odds,
                    "expected_value": expected,
                    "value_at_risk": expected * risk,
                    "tier": ["high" if r >= high_from else "medium" if r >= medium_from else "low" for r in risk],
                    "main_reason": reason,
                    "main_group": [GROUPS.get(str(name)) for name in reason],
                }
            ),
        )
        tx.append(
            "reasons",
            pd.DataFrame(
                {
                    "run_id": run_id,
                    "customer_id": ids,
                    "up_1": [f"{nr} days since last order; usual 10 to 40" for nr in range(len(ids))],
                    "up_2": "=cmd|' /C calc'!A0",
                    "up_3": None,
                    "down_1": "3 orders in 90 days; usual 0 to 1",
                    "down_2": None,
                }
            ),
        )
        shares = (log_odds + 0.5) / len(FEATURES)
        tx.append(
            "contributions",
            pd.DataFrame(
                {
                    "run_id": run_id,
                    "customer_id": ids,
                    "feature_values": [[ages.get(customer, float("nan")), 3.0, float("nan")] for customer in ids],
                    "contributions": [[float(share)] * 3 for share in shares],
                }
            ),
        )
    return run_id


def add_customers(warehouse: Warehouse, rows: Sequence[dict[str, object]]) -> None:
    """Rows of ``customers``; ``attributes`` is given as a dictionary."""
    frame = pd.DataFrame(list(rows))
    if "attributes" in frame:
        frame["attributes"] = [json.dumps(value) if isinstance(value, dict) else None for value in frame["attributes"]]
    with warehouse.transaction() as tx:
        tx.append("customers", frame)


def add_orders(warehouse: Warehouse, days_before: dict[str, Sequence[int]], *, amount: float = 20.0) -> None:
    """Orders so many days before AS_OF, at noon."""
    rows = [
        {
            "customer_id": customer,
            "order_id": f"{customer}/{days}",
            "order_time": AS_OF - timedelta(days=days) + timedelta(hours=12),
            "amount": amount,
            "n_items": 2.0,
        }
        for customer, ages in days_before.items()
        for days in ages
    ]
    with warehouse.transaction() as tx:
        tx.append("orders", pd.DataFrame(rows))
        tx.bump_data_version()


HOSTILE = ("O'Hara", 'say "hi"', "'; DROP TABLE scores; --", "100%_", "💥", "</script><b>x", "=1+1", "00042", "a\nb")
"""Ids and texts that have broken other products."""


@pytest.fixture
def hostile() -> tuple[str, ...]:
    return HOSTILE


@pytest.fixture
def shop(warehouse: Warehouse) -> Warehouse:
    """Forty customers with all kinds of risk, value, country and reason, and one score run."""
    rng = np.random.default_rng(5)
    ids = [f"C{nr:03d}" for nr in range(40)]
    risks = {customer: round(float(risk), 3) for customer, risk in zip(ids, rng.uniform(0.02, 0.98, 40), strict=True)}
    values = {c: (None if nr % 13 == 7 else float(rng.integers(1, 20) * 25)) for nr, c in enumerate(ids)}
    countries = ("France", "Côte d'Ivoire", "50% Land", None)
    add_customers(
        warehouse,
        [
            {
                "customer_id": customer,
                "name": f"Name {nr}",
                "email": f"{customer.lower()}@example.org",
                "country": countries[nr % 4],
                "email_consent": [True, False, None][nr % 3],
                "attributes": {"Plan/Type": ["gold", "silver"][nr % 2], "Age": 20 + nr},
            }
            for nr, customer in enumerate(ids)
        ],
    )
    add_orders(warehouse, {customer: [3 + 5 * (nr % 9), 200] for nr, customer in enumerate(ids) if nr % 10})
    add_run(warehouse, risks, values=values)
    return warehouse
