"""Today's changes are counted as by hand, and the first step is always the one that unblocks the rest."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import pytest

from churn_core.customers.alert_refresh import refresh_alerts
from churn_core.customers.alert_summary import alert_summary
from churn_core.customers.tiers import save_policy
from churn_core.customers.today import today
from churn_core.warehouse import Warehouse

from .conftest import add_orders, add_run


def _add_model(warehouse: Warehouse, *, version: int = 4, definition: int = 1) -> None:
    with warehouse.transaction() as tx:
        tx.execute(
            "INSERT INTO model_versions (model_version, trained_at, source, estimator, status, data_version, "
            "definition_version, feature_names, summary, artifact, sha256) VALUES ($version, $now, 'orders', 'blend', "
            "'champion', 1, $definition, [], '{}', '{}', '')",
            {"version": version, "now": datetime(2026, 11, 2), "definition": definition},
        )


def _add_definition(warehouse: Warehouse, version: int) -> None:
    with warehouse.transaction() as tx:
        tx.execute(
            "INSERT INTO churn_definitions VALUES ($version, 90, 180, 0, $now)",
            {"version": version, "now": datetime(2026, 11, 2)},
        )


def _targets(warehouse: Warehouse) -> list[str]:
    return [step.target for step in today(warehouse).steps]


def test_changes_between_two_runs_by_hand(warehouse: Warehouse) -> None:
    before = {"stays": 0.9, "left": 0.8, "rises": 0.3, "gone": 0.75, "low": 0.1}
    now = {"stays": 0.8, "left": 0.5, "rises": 0.9, "new": 0.71, "low": 0.1}
    money = {"stays": 100.0, "left": 200.0, "rises": 50.0, "gone": 10.0, "new": None, "low": 20.0}
    add_run(warehouse, before, values=money)
    add_run(warehouse, now, values=money)
    changes = today(warehouse).changes
    assert changes is not None
    assert (changes.n_high_before, changes.n_high_now, changes.n_entered, changes.n_left) == (3, 3, 2, 2)
    assert changes.value_entered == pytest.approx(0.9 * 50)
    assert changes.value_left == pytest.approx(0.8 * 200 + 0.75 * 10)
    assert changes.value_at_risk_before == pytest.approx(90 + 160 + 15 + 7.5 + 2)
    assert changes.value_at_risk_now == pytest.approx(80 + 100 + 45 + 2)
    assert changes.n_high_now == changes.n_high_before + changes.n_entered - changes.n_left
    assert changes.why_not_alike == ""


def test_a_new_policy_does_not_look_like_a_change_of_customers(warehouse: Warehouse) -> None:
    risks = {"a": 0.6, "b": 0.5, "c": 0.1}
    add_run(warehouse, risks)
    add_run(warehouse, risks)
    save_policy(warehouse, high_from=0.45, medium_from=0.3)
    changes = today(warehouse).changes
    assert changes is not None
    assert (changes.n_high_before, changes.n_high_now, changes.n_entered, changes.n_left) == (2, 2, 0, 0)


def test_another_model_between_the_runs_is_said(warehouse: Warehouse) -> None:
    add_run(warehouse, {"a": 0.6})
    add_run(warehouse, {"a": 0.6})
    with warehouse.transaction() as tx:
        tx.execute("UPDATE score_runs SET model_version = 3, definition_version = 2 WHERE run_id = 1")
    changes = today(warehouse).changes
    assert changes is not None
    assert changes.why_not_alike.startswith("The model and the churn definition differ from those")


def test_runs_of_another_source_are_not_compared(warehouse: Warehouse) -> None:
    add_run(warehouse, {"a": 0.6}, source="snapshots", as_of=None)
    add_run(warehouse, {"a": 0.6})
    assert today(warehouse).changes is None


def test_the_first_step_follows_the_state_of_the_workspace(warehouse: Warehouse) -> None:
    assert _targets(warehouse) == ["import"]
    add_orders(warehouse, {"a": [3], "b": [60]})
    assert _targets(warehouse) == ["definition"]
    _add_definition(warehouse, 1)
    assert _targets(warehouse) == ["train"]
    _add_model(warehouse)
    assert _targets(warehouse) == ["score"]
    add_run(warehouse, {"a": 0.1, "b": 0.9})
    assert not today(warehouse).is_behind
    assert _targets(warehouse)[0] == "at_risk"
    add_orders(warehouse, {"c": [2]})
    assert _targets(warehouse)[0] == "score"
    assert today(warehouse).is_behind
    _add_definition(warehouse, 2)
    assert _targets(warehouse)[0] == "train"


def test_a_snapshot_workspace_needs_no_definition(warehouse: Warehouse) -> None:
    with warehouse.transaction() as tx:
        tx.append("snapshots", pd.DataFrame({"customer_id": ["1"], "churned": [True]}))
    assert _targets(warehouse) == ["train"]


def test_who_is_new_in_the_high_tier_comes_before_the_whole_tier(warehouse: Warehouse) -> None:
    add_orders(warehouse, {"a": [3], "b": [60]})
    _add_definition(warehouse, 1)
    _add_model(warehouse)
    add_run(warehouse, {"a": 0.1, "b": 0.9})
    add_run(warehouse, {"a": 0.8, "b": 0.9})
    steps = today(warehouse).steps
    assert [step.target for step in steps][:2] == ["new_high", "at_risk"]
    assert steps[0].why.startswith("1 customer entered")
    assert steps[1].why.startswith("2 customers")


def test_the_alert_queue_comes_before_the_lists_while_somebody_waits_in_it(warehouse: Warehouse) -> None:
    add_orders(warehouse, {"a": [3], "b": [60]})
    _add_definition(warehouse, 1)
    _add_model(warehouse)
    add_run(warehouse, {"a": 0.1, "b": 0.9})
    assert "alerts" not in _targets(warehouse)
    refresh_alerts(warehouse)
    n_waiting = alert_summary(warehouse).n_waiting_for_somebody
    assert n_waiting == 1
    [first, *others] = today(warehouse).steps
    assert first.target == "alerts"
    assert first.why.startswith("1 alert waits:")
    assert others[0].target == "at_risk"


def test_an_import_with_rejected_rows_is_a_step(warehouse: Warehouse) -> None:
    add_orders(warehouse, {"a": [3]})
    with warehouse.transaction() as tx:
        tx.execute("INSERT INTO imports (import_id, n_rejected) VALUES (1, 0), (2, 12)")
    found = today(warehouse)
    assert found.n_rejected == 12
    assert any("12 rows" in step.why for step in found.steps)


def test_money_without_a_currency_is_a_step_until_one_is_set(shop: Warehouse) -> None:
    assert _targets(shop)[-1] == "settings"
    with shop.transaction() as tx:
        tx.save_setting("currency", "GBP")
    assert "settings" not in _targets(shop)


def test_totals_of_today_are_those_of_the_list(shop: Warehouse) -> None:
    found = today(shop)
    assert found.totals is not None
    assert found.totals.n_customers == shop.n_rows("scores")
    assert found.totals.value_at_risk == pytest.approx(shop.value("SELECT sum(value_at_risk) FROM scores"))
