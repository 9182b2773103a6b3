"""A trial says what each option did to the backtest, on the same rows, and is kept."""

from __future__ import annotations

import json

import numpy as np
import pytest

from churn_core.errors import NotEnoughData, NotFound
from churn_core.figures.preparation import option_words, trial_figure
from churn_core.models.preparation_plan import PreparationPlan
from churn_core.models.preparation_trial import (
    BETTER,
    NOTHING,
    OWN,
    WORSE,
    PreparationTrial,
    try_preparations,
)
from churn_core.models.recipe import Recipe
from churn_core.models.training import load_fitted, train_model
from churn_core.models.trials import latest_trial, store_trial
from churn_core.state import workspace_state
from churn_core.warehouse import Warehouse
from tests.models.conftest import fill_orders, fill_snapshots, members


@pytest.fixture
def table(warehouse: Warehouse) -> Warehouse:
    fill_snapshots(warehouse, members(500))
    return warehouse


def test_options_are_compared_with_the_usual_and_kept(table: Warehouse) -> None:
    told: list[float] = []
    asked = {"missing": ["median"], "scaling": ["none"], "resampling": ["smote"]}
    trial = try_preparations(table, choices=asked, progress=lambda share, message: told.append(share))
    assert [(found.choice, found.option) for found in trial.options] == [
        ("missing", "median"), ("scaling", "none"), ("resampling", "smote"),
    ]  # fmt: skip
    assert trial.n_rows == 500
    assert trial.n_parts == 5
    assert told == sorted(told)
    for found in trial.options:
        effect = found.together
        assert effect is not None
        assert effect.log_loss.low <= effect.log_loss.value <= effect.log_loss.high
        assert set(found.by_learner) == {"logistic", "lightgbm"}
        assert abs(effect.mean_predicted - trial.churn_rate) < 0.06, "balanced or not, the level is right"
    stored = latest_trial(table, "preparation", source="snapshots")
    assert stored is not None
    assert stored.trial_id == trial.trial_id
    assert PreparationTrial.from_json(stored.result, trial_id=stored.trial_id) == trial


def test_what_cannot_matter_changes_nothing(table: Warehouse) -> None:
    trial = try_preparations(table, choices={"missing": ["iterative"], "scaling": ["robust"]}, learners=["lightgbm"])
    missing, scaling = trial.options
    assert scaling.together is not None
    assert scaling.together.verdict == NOTHING
    assert any("no scale can change" in note for note in scaling.notes)
    assert missing.together is not None
    assert missing.together.verdict == NOTHING
    assert missing.notes == ("No value is missing in the training rows.",)


def test_a_harmful_option_is_called_worse(warehouse: Warehouse) -> None:
    frame = members(1_500)
    frame["rare"] = np.where(frame["churned"] == "Yes", "a", "b")
    swapped = np.random.default_rng(0).random(1_500) < 0.25
    frame.loc[swapped, "rare"] = np.where(frame.loc[swapped, "churned"] == "Yes", "b", "a")
    frame["rare"] = frame["rare"] + np.random.default_rng(1).integers(0, 22, 1_500).astype(str)
    fill_snapshots(warehouse, frame)
    trial = try_preparations(warehouse, choices={"rare": ["five_percent"]}, learners=["logistic"])
    effect = trial.options[0].together
    assert effect is not None
    assert effect.verdict == WORSE
    assert effect.log_loss.low > 0 > effect.auc.high
    drawn = trial_figure(trial)
    assert "1 worse" in str(drawn.layout.title.text)
    assert list(drawn.data[0].y) == [option_words(trial.options[0])]


def test_orders_are_judged_at_later_cutoffs(trained_copy: Warehouse) -> None:
    trial = try_preparations(trained_copy, choices={"weights": ["balanced"]}, learners=["logistic"])
    assert trial.source == "orders"
    assert trial.n_parts == 3
    assert trial.n_rows > trial.n_customers, "a customer occurs at several cutoffs and counts once"
    assert 0.6 < trial.auc < 0.97
    stored = latest_trial(trained_copy, "preparation")
    assert stored is not None
    assert not stored.is_stale(workspace_state(trained_copy))
    with trained_copy.transaction() as tx:
        tx.bump_data_version()
    assert stored.is_stale(workspace_state(trained_copy))


def test_choices_made_together_are_judged_as_one(table: Warehouse) -> None:
    plan = PreparationPlan(scaling="none", outliers="winsorise")
    trial = try_preparations(table, choices={}, plan=plan, learners=["logistic"])
    assert [(found.choice, found.option) for found in trial.options] == [(OWN, "plan")]
    single = PreparationPlan(scaling="none")
    assert not try_preparations(table, choices={}, plan=single, learners=["logistic"]).options


def test_a_cancelled_trial_leaves_nothing_behind(table: Warehouse) -> None:
    from churn_core.errors import JobCancelled

    def cancelled(share: float, message: str) -> None:
        if share > 0.5:
            raise JobCancelled("cancelled; nothing was changed.")

    with pytest.raises(JobCancelled):
        try_preparations(table, choices={"scaling": ["none"]}, learners=["logistic"], progress=cancelled)
    assert latest_trial(table, "preparation") is None


def test_unknown_choices_and_too_little_data_are_said(warehouse: Warehouse) -> None:
    with pytest.raises(NotFound, match="scalling"):
        try_preparations(warehouse, choices={"scalling": ["none"]})
    fill_orders(warehouse, 40)
    with pytest.raises(NotEnoughData, match="too little to compare"):
        try_preparations(warehouse)


def test_a_trial_is_about_one_source(warehouse: Warehouse) -> None:
    store_trial(warehouse, kind="preparation", source="orders", data_version=1, definition_version=1, result={"a": 1})
    assert latest_trial(warehouse, "preparation", source="snapshots") is None
    assert latest_trial(warehouse, "search") is None
    found = latest_trial(warehouse, "preparation", source="orders")
    assert found is not None
    assert json.dumps(dict(found.result)) == '{"a": 1}'


def test_a_model_is_trained_with_the_preparation_asked_for(table: Warehouse) -> None:
    plan = PreparationPlan(outliers="flag", resampling="smote")
    version = train_model(table, recipe=Recipe(estimators=("logistic",), preparation=plan))
    assert version.summary["recipe"]["preparation"]["resampling"] == "smote"
    assert abs(version.summary["backtest"]["mean_predicted"] - version.summary["backtest"]["churn_rate"]) < 0.03
    model = load_fitted(table, version.model_version)
    assert "unusual customer" in model.feature_names


def test_verdicts_follow_the_interval() -> None:
    from churn_core.models.preparation_trial import TRIFLE, UNCLEAR, _verdict
    from churn_core.stats.clustered import Difference

    assert _verdict(Difference(value=-0.01, error=0.001)) == BETTER
    assert _verdict(Difference(value=0.01, error=0.001)) == WORSE
    assert _verdict(Difference(value=0.01, error=0.01)) == UNCLEAR
    assert _verdict(Difference(value=0.0001, error=0.00001)) == TRIFLE, "clear, and of no use to anybody"
