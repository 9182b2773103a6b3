"""The flag of unusual customers is an input like any other: spoken of, looked at for drift, exported and refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from churn_core.customers.subject import inputs, subject
from churn_core.customers.what_if import Supposition, what_if
from churn_core.errors import ChurnError
from churn_core.models.drift import drift
from churn_core.models.estimators import make_estimator
from churn_core.models.families import family_label, family_of
from churn_core.models.model_file import export_model, import_model
from churn_core.models.preparation_plan import PreparationPlan
from churn_core.models.preparation_unusual import UNUSUAL
from churn_core.models.recipe import Recipe
from churn_core.models.scoring import score_customers
from churn_core.models.training import train_model
from churn_core.warehouse import Warehouse

from .conftest import fill_snapshots, members

WORDS = "unlike most customers in several numbers"
FLAGGED = Recipe(estimators=("logistic",), preparation=PreparationPlan(outliers="flag"))


@pytest.fixture(scope="module")
def flagged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """A labelled table where unusual customers leave, trained with the flag and scored, with new customers in it."""
    warehouse = Warehouse.open(None, folder=tmp_path_factory.mktemp("flagged"))
    frame = members(500)
    odd = frame.index[:6]
    frame.loc[odd, ["tenure", "fee", "visits"]] = [400.0, 300.0, 90.0]
    frame.loc[odd, "churned"] = "Yes"
    frame.loc[frame.index[14:24], "churned"] = None
    fill_snapshots(warehouse, frame)
    train_model(warehouse, recipe=FLAGGED)
    score_customers(warehouse, high_from=0.6, medium_from=0.3)
    yield warehouse
    warehouse.close()


def test_the_flag_is_kept_with_the_run_and_spoken_of_in_words(flagged: Warehouse) -> None:
    run_names = flagged.rows("SELECT feature_names FROM score_runs")[0][0]
    place = run_names.index(UNUSUAL) + 1
    kept = dict(flagged.rows(f"SELECT feature_values[{place}], count(*) FROM contributions GROUP BY 1"))
    assert kept.keys() == {0.0, 1.0}
    assert 5 <= kept[1.0] <= 30
    told = flagged.rows(
        f"SELECT count(*), min(feature_values[{place}]) FROM reasons JOIN contributions USING (run_id, customer_id) "
        "WHERE $words IN (up_1, up_2, up_3, down_1, down_2)",
        {"words": WORDS},
    )
    n_told, least = told[0]
    assert n_told > 0
    assert least == 1.0, "only of those who are flagged"
    assert family_label(family_of(UNUSUAL)) == "Unlike other customers"


def test_drift_and_what_if_know_the_flag(flagged: Warehouse) -> None:
    assert drift(flagged).verdict == "stable"
    asked = subject(flagged, "M00000")
    assert asked.completed(inputs(flagged, asked))[UNUSUAL].tolist() == [1.0]
    with pytest.raises(ChurnError, match=UNUSUAL):
        what_if(flagged, asked, Supposition(values=((UNUSUAL, 0.0),)))
    ordinary = what_if(flagged, asked, Supposition(values=(("tenure", 24.0), ("fee", 40.0), ("visits", 8.0))))
    assert abs(ordinary.risk_after - ordinary.risk_before) > 0.01


def test_a_model_with_the_flag_goes_out_and_comes_back(flagged: Warehouse, tmp_path: Path) -> None:
    path = export_model(flagged, 1, tmp_path / "model.json")
    other = Warehouse.open(None, folder=tmp_path / "other")
    assert import_model(other, path).feature_names[-2:] == (UNUSUAL, "model of the fold")
    other.close()


def test_rules_count_customers_and_not_rows_made_for_balance() -> None:
    frame = members(600)
    churned = (frame["churned"] == "Yes").to_numpy() & (frame["tenure"] < 30).to_numpy()
    kept = frame.drop(columns=["customer", "churned"])
    for how in ("over", "under", "smote"):
        recipe = Recipe(preparation=PreparationPlan(resampling=how))
        tree = recipe.make("decision_tree").fit(kept, churned, seed=1)
        assert sum(rule.n for rule in tree.inner.rules()) == len(kept)
    plain = make_estimator("decision_tree").fit(kept, churned, seed=1)
    assert sum(rule.n for rule in plain.rules()) == len(kept)
