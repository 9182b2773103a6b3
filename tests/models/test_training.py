"""Training stores a model that is data, that answers the same again and that refuses to be changed."""

from __future__ import annotations

import json
from datetime import timedelta

import numpy as np
import pytest

from churn_core.errors import InputError, JobCancelled, NotEnoughData, NotFound
from churn_core.features.build import build_features
from churn_core.features.definition import known_until, readiness, save_definition
from churn_core.models.evaluation import evaluation_from_dict
from churn_core.models.order_model import OrderModel
from churn_core.models.recipe import Recipe
from churn_core.models.registry import champion, load_artifact, model_version, model_versions
from churn_core.models.training import load_fitted, train_model
from churn_core.timeline import ChurnDefinition
from churn_core.warehouse import Warehouse

from .conftest import DEFINITION, fill_orders, fill_snapshots, members, plant_orders


def test_the_summary_has_what_the_quality_page_draws(trained_shop: Warehouse) -> None:
    version = champion(trained_shop)
    assert version is not None
    summary = version.summary
    assert summary["method"] == "full"
    assert summary["chosen"] == version.estimator
    assert set(summary["backtest"]["models"]) == {"recency", "bgnbd", "logistic", "lightgbm", "stacking", "blend"}
    overall = evaluation_from_dict(summary["evaluation"])
    assert overall.auc.low < overall.auc.value < overall.auc.high
    assert len(summary["periods"]) >= 2
    for period in summary["periods"]:
        assert evaluation_from_dict(period["evaluation"]).n == period["n"]
        assert max(period["training_cutoffs"]) < period["cutoff"]
    assert summary["libraries"]["lightgbm"]
    assert summary["importance"][0]["mean_absolute"] > 0
    json.dumps(summary, allow_nan=False)


def test_the_expected_value_is_judged_beforehand(trained_shop: Warehouse) -> None:
    version = champion(trained_shop)
    assert version is not None
    held_out = version.summary["value"]["held_out"]
    assert held_out["n_stayers"] > 200
    assert 0.7 < held_out["ratio"] == held_out["predicted"] / held_out["actual"] < 1.4
    assert any(note.startswith("Expected value") for note in version.summary["notes"])


def test_judged_periods_never_share_their_label_window_with_training(trained_shop: Warehouse) -> None:
    from datetime import datetime

    version = champion(trained_shop)
    assert version is not None
    for period in version.summary["periods"]:
        cutoff = datetime.fromisoformat(period["cutoff"])
        ends = [DEFINITION.outcome_known_at(datetime.fromisoformat(text)) for text in period["training_cutoffs"]]
        assert max(ends) <= cutoff


def test_training_again_gives_the_same_model(trained_copy: Warehouse) -> None:
    first = champion(trained_copy)
    assert first is not None
    second = train_model(trained_copy)
    assert second.model_version == first.model_version + 1
    assert load_artifact(trained_copy, second.model_version) == load_artifact(trained_copy, first.model_version)
    assert [version.status for version in model_versions(trained_copy)] == ["champion", "challenger"]


def test_a_stored_model_answers_the_same(trained_shop: Warehouse) -> None:
    model = load_fitted(trained_shop, 1)
    assert isinstance(model, OrderModel)
    end = known_until(trained_shop)
    assert end is not None
    frame = build_features(trained_shop, end, DEFINITION)
    again = OrderModel.from_json(json.loads(json.dumps(model.to_json())))
    assert (again.contributions(frame).total() == model.contributions(frame).total()).all()
    assert (again.value.expected_amount(frame) == model.value.expected_amount(frame)).all()


def test_a_changed_artifact_is_refused(trained_copy: Warehouse) -> None:
    with trained_copy.transaction() as tx:
        tx.execute("UPDATE model_versions SET artifact = replace(artifact, '\"level\":', '\"level\":1')")
    with pytest.raises(InputError, match="was changed after it was trained"):
        load_fitted(trained_copy, 1)


def test_unknown_versions_are_named(warehouse: Warehouse) -> None:
    assert champion(warehouse) is None
    with pytest.raises(NotFound, match="no model version 3"):
        model_version(warehouse, 3)
    with pytest.raises(NotFound, match="no model version 3"):
        load_artifact(warehouse, 3)


def test_a_cancelled_training_leaves_nothing(trained_copy: Warehouse) -> None:
    def cancel(share: float, message: str) -> None:
        if share > 0.45:
            raise JobCancelled("cancelled; nothing was changed.")

    with pytest.raises(JobCancelled):
        train_model(trained_copy, progress=cancel)
    assert len(model_versions(trained_copy)) == 1


def test_nothing_loaded(warehouse: Warehouse) -> None:
    with pytest.raises(NotEnoughData, match="nothing to learn from"):
        train_model(warehouse)
    with pytest.raises(NotEnoughData, match="no orders yet"):
        train_model(warehouse, source="orders")
    with pytest.raises(NotEnoughData, match="no table with a churn column"):
        train_model(warehouse, source="snapshots")


def test_a_small_shop_gets_the_purchase_model(warehouse: Warehouse) -> None:
    fill_orders(warehouse, 500)
    save_definition(warehouse, ChurnDefinition(horizon_days=60))
    version = train_model(warehouse)
    assert version.summary["method"] == version.estimator == "bgnbd"
    assert "eligible" in version.summary["method_reason"]
    evaluation = evaluation_from_dict(version.summary["evaluation"])
    assert evaluation.auc.value > 0.75
    assert abs(evaluation.mean_predicted - evaluation.churn_rate) < 0.08


def test_a_very_small_shop_gets_lateness(warehouse: Warehouse) -> None:
    fill_orders(warehouse, 60)
    save_definition(warehouse, ChurnDefinition(horizon_days=60))
    version = train_model(warehouse)
    assert version.summary["method"] == version.estimator == "lateness"
    evaluation = evaluation_from_dict(version.summary["evaluation"])
    assert evaluation.n == version.summary["periods"][0]["n"] <= 60
    assert evaluation.auc.value > 0.6
    assert any("known outcomes of" in note for note in version.summary["notes"])
    model = load_fitted(warehouse, 1)
    assert isinstance(model, OrderModel)
    end = known_until(warehouse)
    assert end is not None
    frame = build_features(warehouse, end, ChurnDefinition(horizon_days=60))
    made = model.contributions(frame)
    assert made.total() == pytest.approx(model.blend.log_odds(frame), abs=1e-9)
    assert np.corrcoef(made.total(), np.log(frame["lateness_ratio"] + 0.01))[0, 1] > 0.8


def test_one_order_per_customer(warehouse: Warehouse) -> None:
    fill_orders(warehouse, 80, gap=1e6)
    with pytest.raises(NotEnoughData, match="two different days"):
        train_model(warehouse)


@pytest.fixture
def labelled(warehouse: Warehouse) -> Warehouse:
    fill_snapshots(warehouse, members())
    return warehouse


def test_a_labelled_table_is_trained_in_folds(labelled: Warehouse) -> None:
    version = train_model(labelled)
    assert version.source == "snapshots"
    assert set(version.summary["backtest"]["models"]) == {"logistic", "lightgbm", "lightgbm_large", "stacking", "blend"}
    assert "never saw them" in version.summary["method_reason"]
    assert load_artifact(labelled, 1)["model"]["fold_of"].keys() == set(members()["customer"])


def test_the_setting_says_which_question_is_asked(labelled: Warehouse) -> None:
    fill_orders(labelled, 60)
    save_definition(labelled, ChurnDefinition(horizon_days=60))
    assert train_model(labelled).source == "orders"
    with labelled.transaction() as tx:
        tx.save_setting("source", "snapshots")
    assert train_model(labelled).source == "snapshots"


def test_one_outcome_only(warehouse: Warehouse) -> None:
    fill_snapshots(warehouse, members().assign(churned="No"))
    with pytest.raises(NotEnoughData, match="same outcome"):
        train_model(warehouse)


def test_the_first_cutoffs_wait_for_history(trained_shop: Warehouse) -> None:
    version = champion(trained_shop)
    assert version is not None
    start = trained_shop.value("SELECT min(order_time) FROM orders")
    assert version.summary["cutoffs"][0] >= (start + timedelta(days=90)).isoformat()


def test_trained_as_of_a_day_knows_nothing_later(trained_copy: Warehouse) -> None:
    end = known_until(trained_copy)
    assert end is not None
    past = end - timedelta(days=30)
    one = Recipe(estimators=("logistic",))
    version = train_model(trained_copy, as_of=past, recipe=one)
    assert max(version.summary["cutoffs"]) <= (past - timedelta(days=DEFINITION.span_days)).isoformat()
    assert version.summary["known_until"] == past.isoformat()
    plant_orders(trained_copy, 800, past)
    again = train_model(trained_copy, as_of=past, recipe=one)
    assert load_artifact(trained_copy, again.model_version) == load_artifact(trained_copy, version.model_version)
    with pytest.raises(InputError, match="orders are known until"):
        train_model(trained_copy, as_of=end + timedelta(days=10))


@pytest.mark.parametrize(("days", "horizon"), [(85, 30), (265, 90)])
def test_a_history_that_can_judge_nothing_is_not_called_enough(warehouse: Warehouse, days: int, horizon: int) -> None:
    """The latest outcome is known, but no earlier cutoff with history before it could teach a model."""
    fill_orders(warehouse, 3_000, days=days, gap=20.0)
    definition = save_definition(warehouse, ChurnDefinition(horizon_days=horizon))
    ready = readiness(warehouse, definition)
    assert ready.n_eligible >= 1_000
    assert ready.method == "bgnbd"
    assert "only one round" in ready.reason
    version = train_model(warehouse)
    assert "not seen" not in version.summary["method_reason"]


def test_the_reason_agrees_with_the_table(trained_shop: Warehouse) -> None:
    version = champion(trained_shop)
    assert version is not None
    table = {name: found["log_loss"] for name, found in version.summary["backtest"]["models"].items()}
    assert version.estimator == min(table, key=table.__getitem__)
    assert f"{version.estimator} had the least log loss" in version.summary["method_reason"]
    assert f"{len(version.summary['periods'])} past days" in version.summary["method_reason"]


def test_readiness_full_means_that_something_was_judged(warehouse: Warehouse) -> None:
    fill_orders(warehouse, 3_000, days=105, gap=20.0)
    definition = save_definition(warehouse, ChurnDefinition(horizon_days=30))
    assert readiness(warehouse, definition).method == "full"
    version = train_model(warehouse)
    assert version.summary["periods"]
    assert version.summary["evaluation"] is not None


def test_a_labelled_table_says_what_its_model_listens_to(warehouse: Warehouse) -> None:
    fill_snapshots(warehouse, members())
    importance = train_model(warehouse).summary["importance"]
    sizes = [entry["mean_absolute"] for entry in importance]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 0
    assert {entry["name"] for entry in importance} <= set(members().columns)
