"""``churn drift``: the report as text and as JSON, and one sentence where there is none."""

from __future__ import annotations

from pathlib import Path

from tests.models.conftest import members

from .conftest import Churn, one_sentence


def test_drift_is_printed_and_given_as_json(churn: Churn, tmp_path: Path) -> None:
    table = tmp_path / "members.csv"
    members(700).to_csv(table, index=False)
    churn("import", table, "-w", "Members", "--create")
    nothing = churn("drift")
    assert nothing.code == 2
    assert "no customer was scored" in one_sentence(nothing)
    assert churn("train", "--estimators", "logistic", "--score").code == 0
    text = churn("drift")
    assert text.code == 0
    assert "against model 1: stable." in text.out
    assert "tenure" in text.out
    found = churn("drift", "--run", "1", "--json").json
    assert found["verdict"] == "stable"
    assert {shift["name"] for shift in found["inputs"]} >= {"tenure", "calls", "plan", "region"}
    assert churn("drift", "--run", "5").code == 2
