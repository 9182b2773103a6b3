"""``churn value``: values customers, says how right it was, writes the list."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from churn_core.models import worth as worth_model
from churn_core.models import worth_trees
from tests.cli.conftest import Churn, one_sentence


@pytest.mark.usefixtures("churn_home")
def test_value_runs_shows_and_writes(
    churn: Churn, churn_home: Path, demo_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worth_trees, "N_TREES", 10)
    monkeypatch.setattr(worth_model, "N_PERIODS", 3)
    monkeypatch.setattr(worth_model, "N_ROUNDS", 2)
    assert churn("workspaces", "create", "Shop").code == 0
    assert "'churn value --run' values customers" in one_sentence(churn("value"))
    assert "there are no orders yet" in one_sentence(churn("value", "--run"))
    shutil.copy(demo_file, churn_home / "Tea.duckdb")
    monkeypatch.setenv("CHURN_WORKSPACE", "Tea")
    assert "add --run" in one_sentence(churn("value", "--horizon", "60"))
    assert "choose between 7 and 365 days" in one_sentence(churn("value", "--run", "--horizon", "2"))
    made = churn("value", "--run", "--horizon", "60", "--years", "1", "--output", tmp_path, "--json")
    assert made.code == 0
    run = made.json["run"]
    assert run["plan"] == {"horizon_days": 60, "lifetime_years": 1.0, "discount_rate": 0.1}
    assert run["hold_out"]["horizon_days"] == 60
    assert len(run["hold_out"]["deciles"]) == 10
    [file] = tmp_path.glob("customer-values-run1-*rows.csv")
    assert len(file.read_text(encoding="utf-8").splitlines()) == run["n_customers"] + 1
    assert made.json["beside_demand"].startswith("For the 12 weeks from ")
    shown = churn("value", "--top", "3")
    assert made.json["beside_demand"] in shown.out
    assert made.json["beside_demand"] in churn("forecast").out
    assert "predicted" in shown.out
    assert "BG/NBD with Gamma-Gamma" in shown.out
    assert [row["customer_id"] for row in churn("value", "--top", "3", "--json").json["top"]] == [
        row["customer_id"] for row in made.json["top"][:3]
    ]
