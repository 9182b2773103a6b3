"""The search of settings: its end, what it is judged by, and that stopping it keeps the best."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from churn_core.errors import InputError, JobCancelled, NotEnoughData
from churn_core.features.definition import known_until
from churn_core.intake.snapshot_frame import read_snapshot
from churn_core.models.periods import build_periods, usable_cutoffs
from churn_core.models.recipe import Recipe
from churn_core.models.registry import model_versions
from churn_core.models.search import SearchResult, search_orders, search_table, train_searched
from churn_core.models.search_judge import HeldOutFolds, LaterCutoffs
from churn_core.models.search_run import Found, search
from churn_core.models.search_space import SPACES, in_words, settings_of, usual_settings
from churn_core.models.trials import latest_trial
from churn_core.models.walk_forward import WalkForward
from churn_core.warehouse import Warehouse

from .conftest import DEFINITION, fill_orders, fill_snapshots, members

QUICK = Recipe(estimators=("logistic",))


class Stopping:
    """Progress that is cancelled after so many reports, and stays cancelled, as a job does."""

    def __init__(self, after: int) -> None:
        self.left = after
        self.messages: list[str] = []

    def __call__(self, share: float, message: str) -> None:
        self.left -= 1
        if self.left < 0:
            raise JobCancelled("cancelled; nothing was changed.")
        self.messages.append(message)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return members(500)


@pytest.fixture(scope="module")
def judge(table: pd.DataFrame) -> HeldOutFolds:
    read = read_snapshot(table, label="churned", id_column="customer")
    return HeldOutFolds(read.frame, read.churned, None, seed=1)


@pytest.fixture(scope="module")
def found(demo_shop: Warehouse) -> SearchResult:
    return search_orders(demo_shop, DEFINITION, n_trials=4, recipe=QUICK)


def look(judge: HeldOutFolds, **options: object) -> Found:
    asked = {"source": "snapshots", "recipe": QUICK, "usual": {}, "budget_seconds": None, "seed": 3, **options}
    return search(judge, ("logistic",), **asked)  # type: ignore[arg-type]


@pytest.fixture
def ticking(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that moves on by a second whenever it is looked at."""
    now = [0.0]

    def monotonic() -> float:
        now[0] += 1.0
        return now[0]

    monkeypatch.setattr("churn_core.models.search_run.time.monotonic", monotonic)
    return now


def test_the_usual_settings_are_tried_first_and_the_best_is_never_worse(judge: HeldOutFolds) -> None:
    made = look(judge, n_tries=6)
    assert made.n_tries == 6
    assert made.curve[0]["words"] == "logistic with its usual settings"
    assert made.best["logistic"].log_loss <= made.usual_log_loss["logistic"]
    losses = [entry["log_loss"] for entry in made.curve]
    assert losses == sorted(losses, reverse=True)


def test_the_same_number_of_tries_finds_the_same(judge: HeldOutFolds) -> None:
    first, second = look(judge, n_tries=8), look(judge, n_tries=8)
    assert first.best["logistic"].settings == second.best["logistic"].settings
    assert first.best["logistic"].log_loss == second.best["logistic"].log_loss
    assert [entry["words"] for entry in first.curve] == [entry["words"] for entry in second.curve]


def test_the_budget_ends_the_search_within_a_fit(judge: HeldOutFolds, ticking: list[float]) -> None:
    made = look(judge, budget_seconds=60.0)
    assert 1 < made.n_tries < 30
    assert made.seconds <= 60.0 + 6.0
    assert not made.was_stopped


def test_a_budget_too_small_for_one_try_finds_nothing(judge: HeldOutFolds, ticking: list[float]) -> None:
    made = look(judge, budget_seconds=2.0)
    assert made.n_tries == 0
    assert made.recipe(QUICK, ("logistic",)) == QUICK


@pytest.mark.parametrize("options", [{}, {"budget_seconds": 0.0}, {"n_tries": 0}])
def test_a_search_without_an_end_is_refused(judge: HeldOutFolds, options: dict[str, float]) -> None:
    with pytest.raises(InputError, match="a search needs"):
        look(judge, **options)


def test_stopping_keeps_the_best_so_far(judge: HeldOutFolds) -> None:
    stopping = Stopping(after=13)
    made = look(judge, n_tries=50, progress=stopping)
    assert made.was_stopped
    assert 1 <= made.n_tries < 50
    assert "logistic" in made.best
    assert any(message.startswith("best log loss 0.") for message in stopping.messages)


def test_what_was_found_survives_as_a_recipe(judge: HeldOutFolds) -> None:
    base = Recipe(estimators=("logistic",), settings={"logistic": {"n_knots": 1}})
    made = replace(look(judge, n_tries=6), shares={"logistic": 1.0})
    better = replace(made.best["logistic"], settings={"strength": 0.5})
    recipe = replace(made, best={"logistic": better}).recipe(base, ("logistic",))
    assert recipe.settings == {"logistic": {"n_knots": 1, "strength": 0.5}}
    again = Recipe.from_json(json.loads(json.dumps(recipe.to_json())))
    assert again == recipe
    assert again.make("logistic").to_json()["strength"] == 0.5


def test_every_space_holds_settings_that_its_estimator_takes() -> None:
    for source, spaces in SPACES.items():
        for name, space in spaces.items():
            chosen = usual_settings(name, space, {})
            for key, bounds in space.items():
                assert bounds.low <= chosen[key] <= bounds.high, (source, name, key)
            made = Recipe(settings={name: settings_of(name, chosen)}).make(name)
            assert all(getattr(made, key) == value for key, value in chosen.items())
    assert in_words("lightgbm", {"n_trees": 80}) == "lightgbm trees 80"


def test_orders_are_judged_at_later_cutoffs_only(demo_shop: Warehouse, found: SearchResult) -> None:
    assert len(found.cutoffs) >= 2
    end = known_until(demo_shop)
    assert end is not None
    assert all(DEFINITION.outcome_known_at(cutoff) <= end for cutoff in found.cutoffs)
    earlier = found.cutoffs[-2]
    back = search_orders(demo_shop, DEFINITION, as_of=earlier, n_trials=1, recipe=QUICK)
    assert all(DEFINITION.outcome_known_at(cutoff) <= earlier for cutoff in back.cutoffs)


def test_a_try_at_a_cutoff_learns_nothing_from_later_ones(demo_shop: Warehouse) -> None:
    """Outcomes that only a later cutoff knows are turned round; answers at earlier ones must not move."""
    end = known_until(demo_shop)
    assert end is not None
    periods = build_periods(demo_shop, DEFINITION, usable_cutoffs(demo_shop, DEFINITION, end, n_most=8), n_most=400)
    asked = periods[-3].cutoff

    def answers(rows: list[object]) -> np.ndarray:
        forward = WalkForward(warehouse=demo_shop, definition=DEFINITION, periods=rows, seed=1)  # type: ignore[arg-type]
        judge = LaterCutoffs(forward, [asked])
        assert judge.cutoffs == [asked]
        return judge.answer(0, lambda: QUICK.make("logistic"))

    turned = [
        replace(period, churned=~period.churned, frame=period.frame.assign(days_since_last_order=0.0))
        if DEFINITION.outcome_known_at(period.cutoff) > asked and period.cutoff != asked
        else period
        for period in periods
    ]
    assert any(DEFINITION.outcome_known_at(period.cutoff) > asked for period in periods if period.cutoff != asked)
    np.testing.assert_array_equal(answers(list(periods)), answers(list(turned)))


def test_too_few_cutoffs_say_so(demo_shop: Warehouse) -> None:
    start = demo_shop.value("SELECT min(order_time) FROM orders")
    with pytest.raises(NotEnoughData, match="train without a search"):
        search_orders(demo_shop, DEFINITION, as_of=start + timedelta(days=220), n_trials=2)


def test_a_labelled_table_is_searched_inside_each_fold(table: pd.DataFrame) -> None:
    """A row's outcome plays no part in the settings, weights or fits of the fold that answers it."""
    read = read_snapshot(table, label="churned", id_column="customer")
    made = search_table(read, n_trials=3, recipe=QUICK)
    assert made.fitted is not None
    assert len(made.found) == 5
    assert all(entry.n_tries == 3 for entry in made.found)
    assert any("within the rows that each fold learns from" in note for note in made.fitted.backtest.notes)
    shuffled = read.churned[np.random.default_rng(5).permutation(len(read.churned))]
    chance = search_table(replace(read, churned=shuffled), n_trials=6, recipe=QUICK)
    assert chance.fitted is not None
    assert abs(chance.fitted.backtest.evaluation.auc.value - 0.5) < 0.09


def test_training_with_a_search_keeps_its_record(warehouse: Warehouse, table: pd.DataFrame) -> None:
    fill_snapshots(warehouse, table)
    version = train_searched(warehouse, budget_seconds=None, n_trials=2, recipe=QUICK)
    record = version.summary["search"]
    assert record["n_tries"] == 10
    assert len(record["folds"]) == 5
    assert any(note.startswith("Search of settings") for note in version.summary["notes"])
    trial = latest_trial(warehouse, "search", source="snapshots")
    assert trial is not None
    assert trial.result["n_tries"] == 10
    again = train_searched(warehouse, budget_seconds=None, n_trials=2, recipe=QUICK)
    assert again.summary["backtest"] == version.summary["backtest"]


def test_a_budget_that_is_over_at_once_costs_no_learner(table: pd.DataFrame) -> None:
    read = read_snapshot(table, label="churned", id_column="customer")
    asked = Recipe(estimators=("logistic", "decision_tree"))
    made = search_table(read, budget_seconds=0.001, recipe=asked)
    assert made.fitted is not None
    assert set(made.fitted.backtest.evaluations) == {"logistic", "decision_tree", "stacking", "blend"}
    assert not made.was_stopped


@pytest.mark.parametrize("after", [0, 30])
def test_a_stopped_search_still_trains(warehouse: Warehouse, table: pd.DataFrame, after: int) -> None:
    fill_snapshots(warehouse, table)
    version = train_searched(warehouse, budget_seconds=600.0, recipe=QUICK, progress=Stopping(after))
    assert [entry.model_version for entry in model_versions(warehouse)] == [version.model_version]
    assert version.summary["search"]["was_stopped"]
    assert version.summary["backtest"]["n"] == 500


def test_an_order_history_is_trained_with_what_was_found(warehouse: Warehouse) -> None:
    from churn_core.features.definition import save_definition

    fill_orders(warehouse, 2_000, gap=25.0)
    save_definition(warehouse, DEFINITION)
    stopping = Stopping(after=40)
    version = train_searched(warehouse, budget_seconds=600.0, recipe=QUICK, progress=stopping)
    record = version.summary["search"]
    assert record["was_stopped"]
    assert record["best"]["logistic"]["log_loss"] <= record["best"]["logistic"]["usual_log_loss"]
    judged = [period["cutoff"] for period in version.summary["periods"]]
    assert max(record["cutoffs"]) < min(judged), "the search must not see what the model is judged by"
    assert version.summary["recipe"]["estimators"] == ["logistic"]
    assert any("saw nothing of the outcomes" in note for note in version.summary["notes"])
