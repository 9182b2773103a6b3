"""Thresholds: sensible before anybody sets them, versioned and applied whole when somebody does."""

from __future__ import annotations

import pytest

from churn_core.customers.at_risk import count_and_totals
from churn_core.customers.selection import CustomerFilter
from churn_core.customers.tiers import TierPolicy, active_policy, default_policy, save_policy
from churn_core.errors import InputError
from churn_core.warehouse import Transaction, Warehouse

from .conftest import add_run

RISKS = {"a": 0.95, "b": 0.7, "c": 0.69, "d": 0.4, "e": 0.39, "f": 0.01}


def _tiers(warehouse: Warehouse, run_id: int) -> str:
    rows = warehouse.rows("SELECT tier FROM scores WHERE run_id = $run ORDER BY customer_id", {"run": run_id})
    return "".join(row[0][0] for row in rows)


def test_saving_a_policy_re_tiers_the_latest_run_and_leaves_earlier_ones(warehouse: Warehouse) -> None:
    add_run(warehouse, RISKS)
    add_run(warehouse, RISKS)
    saved = save_policy(warehouse, high_from=0.9, medium_from=0.69)
    assert (saved.version, active_policy(warehouse)) == (1, saved)
    assert _tiers(warehouse, 2) == "hmmlll"
    assert _tiers(warehouse, 1) == "hhmmll"
    assert count_and_totals(warehouse, CustomerFilter()).tier("medium").n_customers == 2
    assert save_policy(warehouse, high_from=0.5, medium_from=0.2).version == 2
    assert _tiers(warehouse, 2) == "hhhmml"


def test_sql_and_python_draw_the_same_line(warehouse: Warehouse) -> None:
    add_run(warehouse, RISKS)
    policy = save_policy(warehouse, high_from=0.69, medium_from=0.39)
    assert _tiers(warehouse, 1) == "".join(policy.tier(risk)[0] for risk in RISKS.values())


def test_a_policy_that_fails_half_way_changes_nothing(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    add_run(warehouse, RISKS)
    monkeypatch.setattr(Transaction, "audit", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        save_policy(warehouse, high_from=0.99, medium_from=0.98)
    assert warehouse.n_rows("tier_policies") == 0
    assert _tiers(warehouse, 1) == "hhmmll"


@pytest.mark.parametrize(("high", "medium"), [(0.4, 0.7), (0.5, 0.5), (1.2, 0.4), (0.5, 0.0), (70, 40)])
def test_thresholds_out_of_order_are_refused(warehouse: Warehouse, high: float, medium: float) -> None:
    with pytest.raises(InputError, match="0 < medium < high <= 1"):
        save_policy(warehouse, high_from=high, medium_from=medium)
    assert warehouse.n_rows("tier_policies") == 0


def test_a_policy_is_audited(warehouse: Warehouse) -> None:
    save_policy(warehouse, high_from=0.6, medium_from=0.3)
    assert warehouse.value("SELECT detail->>'$.high_from' FROM audit_log WHERE action = 'tier policy saved'") == "0.6"


def test_without_a_policy_or_a_model_the_default_holds(warehouse: Warehouse) -> None:
    assert active_policy(warehouse) == TierPolicy(high_from=0.7, medium_from=0.4)


@pytest.mark.parametrize("rate", [0.001, 0.02, 0.1, 0.265, 0.5, 0.57, 0.8, 0.95, 0.999])
def test_default_thresholds_are_usable_at_any_churn_rate(rate: float) -> None:
    policy = default_policy(rate)
    assert 0.05 <= policy.medium_from < policy.high_from <= 0.95
    assert policy.high_from >= default_policy(rate / 2).high_from
