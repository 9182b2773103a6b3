"""churn forecast: as text and as JSON, and one sentence where there is too little."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from .conftest import Churn, one_sentence


def test_weeks_ahead_are_told_as_text_and_as_json(churn: Churn, tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    days = pd.date_range("2024-01-01", "2024-09-15", freq="8h")
    pd.DataFrame(
        {
            "customer_id": [f"C{number % 40}" for number in range(len(days))],
            "order_id": [f"O{number}" for number in range(len(days))],
            "order_time": days,
            "amount": 20.0,
        }
    ).to_csv(file, index=False)
    assert churn("import", file, "-w", "Shop", "--create").code == 0
    told = churn("forecast", "--weeks", 5)
    assert told.code == 0
    assert "expected in the 5 weeks from 16 Sep 2024" in told.out
    assert "Same week last year" in told.out
    assert "Nobody was scored yet" in told.out
    found = churn("forecast", "--weeks", 5, "--json").json
    assert len(found["orders"]["weeks"]) == 5
    assert abs(found["orders"]["totals"][-1]["expected"] - 5 * 21) < 5
    assert found["revenue"]["totals"][-1]["expected"] > 0
    assert found["at_risk"] is None
    assert {row["name"] for row in found["orders"]["backtest"]} >= {"same_week", "level", "arima", "drift"}
    assert "choose between 4 and 26" in one_sentence(churn("forecast", "--weeks", 40))


def test_a_shop_without_orders_is_told_so(churn: Churn) -> None:
    churn("workspaces", "create", "Empty")
    assert "there are no orders" in one_sentence(churn("forecast"))
