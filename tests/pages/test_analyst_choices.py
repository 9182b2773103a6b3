"""The Train page's choices for analysts: what is chosen is trained, what was tried is shown."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from churn_core.models import preparation_trial, training
from churn_core.models.preparation_trial import Change, Effect, OptionResult, PreparationTrial
from churn_core.models.recipe import Recipe
from churn_core.models.trials import store_trial
from churn_core.state import workspace_state
from churn_core.warehouse import Warehouse
from churn_core.workspaces import DEMO, open_workspace
from tests.pages.conftest import App, Home
from tests.pages.test_every_page import everything_said
from tests.pages.test_jobs_on_pages import finish
from ui import session
from ui.preparation_blocks import Asked
from ui.train_blocks import _contributions

TRAIN = "pages/models/train.py"


def said_on(visit: AppTest) -> str:
    """Everything on the page, without the marks that keep Markdown from reading it."""
    return everything_said(visit).replace("\\", "")


def effect(value: float, verdict: str) -> Effect:
    change = Change(value=value, low=value - 0.001, high=value + 0.001)
    return Effect(log_loss=change, auc=change, verdict=verdict, mean_predicted=0.31)


def kept_trial(warehouse: Warehouse) -> None:
    trial = PreparationTrial(
        source="orders",
        learners=("logistic", "lightgbm"),
        n_rows=3_000,
        n_customers=1_200,
        n_parts=3,
        churn_rate=0.3,
        log_loss=0.5,
        auc=0.8,
        mean_predicted=0.29,
        options=(
            OptionResult(
                choice="resampling",
                option="smote",
                together=effect(0.004, "worse"),
                by_learner={"logistic": effect(0.001, "no clear difference"), "lightgbm": effect(0.006, "worse")},
                notes=("Learnt from 17,400 rows instead of 11,781; the log-odds are corrected by -1.04.",),
            ),
            OptionResult(choice="missing", option="knn", together=None, by_learner={}, notes=("It did not work.",)),
        ),
    )
    state = workspace_state(warehouse)
    store_trial(
        warehouse,
        kind="preparation",
        source="orders",
        data_version=state.data_version,
        definition_version=state.definition_version,
        result=trial.to_json(),
    )


def test_every_choice_has_a_sentence_and_a_usual_answer(demo_home: Home, app: App) -> None:
    visit = app(TRAIN)
    said = said_on(visit)
    assert "Not tried on this data yet" in said
    assert "With your choices" not in said
    visit.selectbox(key="prepare_resampling").select("smote").run()
    said = said_on(visit)
    assert "Offered because it is asked for, not the default" in said
    assert "With your choices: resampling: SMOTE." in said
    assert not visit.exception


def test_what_is_chosen_is_trained(demo_home: Home, app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Recipe] = []

    def trained(warehouse: Warehouse, *, recipe: Recipe, **more: Any) -> Any:
        asked.append(recipe)
        raise training.NotEnoughData("stopped here; the test knows enough.")

    monkeypatch.setattr(training, "train_model", trained)
    visit = app(TRAIN)
    visit.multiselect(key="estimators_orders").set_value(["logistic", "neural_network"]).run()
    assert "Its contributions are sampled" in said_on(visit)
    visit.selectbox(key="prepare_outliers").select("flag").run()
    visit.button(key="train").click().run()
    runner = session._opened(DEMO).runner
    finish(runner, runner.recent()[0].job_id)
    assert asked[0].estimators == ("logistic", "neural_network")
    assert asked[0].preparation.outliers == "flag"


def test_the_usual_estimators_are_no_choice(demo_home: Home, app: App) -> None:
    visit = app(TRAIN)
    visit.multiselect(key="estimators_orders").set_value(["lightgbm", "logistic"]).run()
    assert "With your choices" not in said_on(visit)
    visit.multiselect(key="estimators_orders").set_value([]).run()
    assert "the usual ones are tried" in said_on(visit)


def test_time_to_search_starts_a_search(demo_home: Home, app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    from churn_core.models import search

    asked: list[float] = []

    def searched(warehouse: Warehouse, *, budget_seconds: float, **more: Any) -> Any:
        asked.append(budget_seconds)
        raise training.NotEnoughData("stopped here; the test knows enough.")

    monkeypatch.setattr(search, "train_searched", searched)
    visit = app(TRAIN)
    visit.number_input(key="search_minutes").set_value(2.0).run()
    assert "search of settings for 2 min" in said_on(visit)
    visit.button(key="train").click().run()
    runner = session._opened(DEMO).runner
    job = finish(runner, runner.recent()[0].job_id)
    assert asked == [120.0]
    assert job.kind == "search"


def test_the_latest_trial_is_shown_with_its_intervals(demo_home: Home, app: App) -> None:
    warehouse = open_workspace(DEMO)
    kept_trial(warehouse)
    visit = app(TRAIN)
    said = said_on(visit)
    assert "logistic regression and LightGBM in equal shares have a log loss of 0.5000" in said
    assert "3,000 rows of 1,200 customers at 3 later days; 30.0 % churned" in said
    assert "Of 1 option none did better than the usual preparation, 1 worse" in said
    assert "the log-odds are corrected by -1.04" in said
    assert "changed since" not in said
    shown = next(table.value for table in visit.dataframe if "Against the usual" in table.value)
    assert shown["Choice"].tolist() == ["Resampling: SMOTE", "Missing values: Nearest neighbours"]
    assert shown["Against the usual"].tolist() == ["worse", "could not be tried"]
    assert shown["Log loss"][0] == "+0.0040 [+0.0030, +0.0050]"
    with warehouse.transaction() as tx:
        tx.bump_data_version()
    assert "has changed since; try again" in said_on(app(TRAIN))


def test_the_latest_search_is_told(demo_home: Home, app: App) -> None:
    warehouse = open_workspace(DEMO)
    state = workspace_state(warehouse)
    assert "The latest search" not in said_on(app(TRAIN))
    steps = [
        {"n_tries": 1, "seconds": 2.0, "log_loss": 0.43, "words": "lightgbm with its usual settings"},
        {"n_tries": 9, "seconds": 31.0, "log_loss": 0.42, "words": "lightgbm with 200 trees"},
    ]
    store_trial(
        warehouse,
        kind="search",
        source="orders",
        data_version=state.data_version,
        definition_version=state.definition_version,
        result={"notes": ["Search of settings, stopped by hand after 9 tries."], "curve": steps},
    )
    visit = app(TRAIN)
    assert "Search of settings, stopped by hand after 9 tries." in said_on(visit)
    shown = next(table.value for table in visit.dataframe if "Best log loss" in table.value)
    assert shown["With"].tolist() == ["LightGBM with its usual settings", "LightGBM with 200 trees"]


def test_the_button_tries_with_the_chosen_estimators(
    demo_home: Home, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def tried(warehouse: Warehouse, *, learners: Any, plan: Any, **more: Any) -> Any:
        asked.append((tuple(learners), plan.scaling))
        raise training.NotEnoughData("stopped here; the test knows enough.")

    monkeypatch.setattr(preparation_trial, "try_preparations", tried)
    visit = app(TRAIN)
    visit.multiselect(key="estimators_orders").set_value(["logistic"]).run()
    visit.selectbox(key="prepare_scaling").select("robust").run()
    visit.button(key="try_preparations").click().run()
    runner = session._opened(DEMO).runner
    assert finish(runner, runner.recent()[0].job_id).kind == "trial"
    assert asked == [(("logistic",), "robust")]
    visit.run()
    assert any("the test knows enough" in error.value for error in visit.error)


def test_a_labelled_table_has_choices_of_its_own(snapshot_home: Home, app: App) -> None:
    visit = app(TRAIN)
    assert not visit.exception
    assert "lightgbm_large" in visit.multiselect(key="estimators_snapshots").value
    assert "BG/NBD" not in " ".join(caption.value for caption in visit.caption if "soft-voting" in caption.value)


def test_sampled_contributions_are_called_so_among_the_candidates() -> None:
    tried = {"logistic": {}, "neural_network": {}, "blend": {}}
    assert [_contributions(name, tried) for name in tried] == ["exact", "sampled", "partly sampled"]
    assert _contributions("blend", {"logistic": {}, "blend": {}}) == "exact"


def test_choices_in_one_sentence() -> None:
    assert Asked(recipe=Recipe(), search_minutes=0).is_usual
    asked = Asked(recipe=Recipe(estimators=("random_forest",)), search_minutes=1.5)
    assert asked.words() == "estimators: random forest; search of settings for 1.5 min"
