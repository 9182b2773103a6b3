"""A model's scoring draws its tiers by the policy in force, whatever its kind, in the transaction that stores it."""

from __future__ import annotations

import numpy as np
import pytest

from churn_core.customers.scenario import Scenario
from churn_core.customers.tiers import CapacityRule, policy_with, save, score_workspace
from churn_core.errors import NotEnoughData
from churn_core.warehouse import Warehouse


def test_a_scoring_fills_the_capacity(trained_copy: Warehouse) -> None:
    save(trained_copy, policy_with(trained_copy, capacity=CapacityRule(per_day=7, n_days=3)))
    run = score_workspace(trained_copy)
    assert run.summary["tiers"] == {"high": 21, "medium": 21, "low": run.n_customers - 42}
    assert (run.summary["high_from"], run.summary["medium_from"]) == (None, None)
    least, most = trained_copy.rows(
        "SELECT min(value_at_risk) FILTER (tier = 'high'), max(value_at_risk) FILTER (tier != 'high') FROM scores "
        "WHERE run_id = $run_id",
        {"run_id": run.run_id},
    )[0]
    assert least >= most


def test_a_scoring_that_its_policy_cannot_sort_leaves_nothing_behind(trained_copy: Warehouse) -> None:
    save(trained_copy, policy_with(trained_copy, profit=Scenario(contact_cost=1.0, chance=0.2)))
    before = {name: trained_copy.n_rows(name) for name in ("scores", "score_runs", "reasons", "contributions")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("churn_core.models.value.ValueModel.expected_amount", _unknown)
        with pytest.raises(NotEnoughData, match=r"tier policy \d+ cannot be applied to this scoring"):
            score_workspace(trained_copy)
    assert {name: trained_copy.n_rows(name) for name in before} == before


def _unknown(_: object, frame: object) -> object:
    return np.full(len(frame), np.nan)  # type: ignore[arg-type]
