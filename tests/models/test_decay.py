"""Runs whose outcome is known by now, against what training promised."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from churn_core.features.definition import active_definition, known_until
from churn_core.models.decay import Decay, decay_of_runs
from churn_core.models.evaluation import Metric
from churn_core.models.registry import champion
from churn_core.models.scoring import score_customers
from churn_core.models.training import train_model
from churn_core.warehouse import Warehouse

from .conftest import DEFINITION


def _decay(auc: float, width: float, promised: float | None) -> Decay:
    metric = Metric(value=auc, low=auc - width, high=auc + width)
    return Decay(
        run_id=1, model_version=1, as_of=datetime(2025, 1, 1), n=1_000, churn_rate=0.3, mean_risk=0.3, auc=metric,
        log_loss=metric, promised_auc=promised, promised_log_loss=0.5,
    )  # fmt: skip


def test_only_a_loss_that_is_large_and_certain_is_called_worse() -> None:
    assert _decay(0.70, 0.02, 0.80).verdict == "worse than promised"
    assert _decay(0.70, 0.12, 0.80).verdict == "as promised"
    assert _decay(0.785, 0.001, 0.80).verdict == "as promised"
    assert _decay(0.85, 0.01, 0.80).verdict == "as promised"
    assert _decay(0.70, 0.02, None).verdict == "too few to say"


def test_an_open_run_says_when_it_will_be_known(trained_shop: Warehouse) -> None:
    found, note = decay_of_runs(trained_shop, "orders")
    end = known_until(trained_shop)
    assert end is not None
    assert found == ()
    assert f"{DEFINITION.outcome_known_at(end):%-d %b %Y}" in note


def test_a_run_come_of_age_is_judged_on_what_happened(trained_copy: Warehouse) -> None:
    end, definition = known_until(trained_copy), active_definition(trained_copy)
    assert end is not None
    assert definition is not None
    as_of = end - timedelta(days=definition.span_days + 5)
    train_model(trained_copy, as_of=as_of)
    run = score_customers(trained_copy, as_of=as_of, high_from=0.6, medium_from=0.3)
    found, note = decay_of_runs(trained_copy, "orders")
    assert [entry.run_id for entry in found] == [run.run_id]
    entry = found[0]
    start, stop = definition.label_window(as_of)
    churned = trained_copy.value(
        "SELECT avg(CASE WHEN later.customer_id IS NULL THEN 1.0 ELSE 0.0 END) FROM scores s LEFT JOIN "
        "(SELECT DISTINCT customer_id FROM orders WHERE order_time >= $start AND order_time < $stop) later "
        "USING (customer_id) WHERE s.run_id = $run",
        {"start": start, "stop": stop, "run": run.run_id},
    )
    version = champion(trained_copy)
    assert version is not None
    assert entry.n == run.n_customers
    assert entry.churn_rate == pytest.approx(churned)
    assert entry.promised_auc == pytest.approx(version.summary["evaluation"]["auc"]["value"])
    assert entry.auc is not None
    assert entry.auc.value > 0.65
    assert "1 run" in note


def test_scores_turned_upside_down_are_worse_than_promised(trained_copy: Warehouse) -> None:
    end = known_until(trained_copy)
    assert end is not None
    as_of = end - timedelta(days=DEFINITION.span_days + 5)
    run = score_customers(trained_copy, as_of=as_of, high_from=0.6, medium_from=0.3)
    with trained_copy.transaction() as tx:
        tx.execute("UPDATE scores SET risk = 1 - risk WHERE run_id = $run", {"run": run.run_id})
    found, note = decay_of_runs(trained_copy, "orders")
    assert found[-1].verdict == "worse than promised"
    assert "train again" in note


def test_a_table_without_time_has_no_later_outcomes(warehouse: Warehouse) -> None:
    found, note = decay_of_runs(warehouse, "snapshots")
    assert found == ()
    assert "without time" in note
