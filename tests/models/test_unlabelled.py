"""Customers of a labelled table whose label is not known: nothing is learned from them, and they are scored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churn_core.customers.movement_states import table_states
from churn_core.customers.tiers import score_workspace
from churn_core.errors import InputError
from churn_core.intake.formats import open_source
from churn_core.intake.load import import_file
from churn_core.intake.mapping import propose_mapping, remembered_mapping
from churn_core.intake.quality import check_quality
from churn_core.intake.snapshot_frame import workspace_snapshot
from churn_core.models.estimators import sigmoid
from churn_core.models.recipe import Recipe
from churn_core.models.snapshot_model import SnapshotModel
from churn_core.models.training import load_fitted, train_model
from churn_core.state import workspace_state
from churn_core.warehouse import Warehouse

from .conftest import members

QUICK = Recipe(estimators=("logistic",))
N, N_OPEN = 300, 60


def open_members() -> pd.DataFrame:
    """Members of whom the first sixty have no label, written in three ways."""
    table = members(N)
    table["churned"] = table["churned"].astype(object)
    table.loc[: N_OPEN - 1, "churned"] = ["", "unknown", "?"] * (N_OPEN // 3)
    return table


def load(warehouse: Warehouse, folder: Path, table: pd.DataFrame, name: str = "members.csv") -> str:
    table.to_csv(folder / name, index=False)
    source = open_source(folder / name)
    mapping = propose_mapping(source, remembered=remembered_mapping(warehouse, source)).mapping
    return import_file(warehouse, source, mapping).message


def test_they_are_kept_counted_and_not_learned_from(warehouse: Warehouse, tmp_path: Path) -> None:
    said = load(warehouse, tmp_path, open_members())
    assert "60 customers have no label in 'churned'" in said
    state = workspace_state(warehouse)
    assert (state.n_snapshots, state.n_labelled) == (N, N - N_OPEN)
    found = {finding.check: finding for finding in check_quality(warehouse).findings}
    assert found["label_missing"].n_affected == N_OPEN
    table = workspace_snapshot(warehouse)
    assert len(table.frame) == len(table.churned) == N - N_OPEN
    assert table.notes[0] == "60 customers have no label: nothing is learned from them, they are scored."
    version = train_model(warehouse, recipe=QUICK)
    assert version.summary["n_training_rows"] == N - N_OPEN
    assert table.notes[0] in version.summary["notes"]


def test_the_model_is_that_of_the_labelled_rows_alone(warehouse: Warehouse, tmp_path: Path) -> None:
    load(warehouse, tmp_path, open_members())
    both = train_model(warehouse, recipe=QUICK)
    with warehouse.transaction() as tx:
        tx.execute("DELETE FROM snapshots WHERE churned IS NULL")
    alone = train_model(warehouse, recipe=QUICK)
    models = [load_fitted(warehouse, version.model_version) for version in (both, alone)]
    assert models[0].to_json() == models[1].to_json()
    assert both.summary["evaluation"] == alone.summary["evaluation"]


def test_they_get_the_average_of_the_models_in_log_odds(warehouse: Warehouse, tmp_path: Path) -> None:
    load(warehouse, tmp_path, open_members())
    version = train_model(warehouse, recipe=QUICK)
    run = score_workspace(warehouse)
    assert run.n_customers == N
    assert any(note.startswith("60 customers were not learned from") for note in run.summary["notes"])
    model = load_fitted(warehouse, version.model_version)
    assert isinstance(model, SnapshotModel)
    scored = dict(warehouse.rows("SELECT customer_id, risk FROM scores"))
    unlabelled = [row[0] for row in warehouse.rows("SELECT customer_id FROM snapshots WHERE churned IS NULL")]
    assert len(unlabelled) == N_OPEN
    frame = pd.concat([table_states(warehouse, customer, dict(model.kinds), {})["now"] for customer in unlabelled])
    average = sigmoid(np.mean([blend.log_odds(frame) for blend in model.folds], axis=0))
    assert np.allclose([scored[customer] for customer in unlabelled], average, atol=1e-6)


def test_a_second_file_may_hold_nothing_but_customers_to_score(warehouse: Warehouse, tmp_path: Path) -> None:
    load(warehouse, tmp_path, members(N))
    train_model(warehouse, recipe=QUICK)
    fresh = members(40, seed=8).assign(customer=lambda frame: "new" + frame["customer"], churned="")
    assert "40 customers have no label" in load(warehouse, tmp_path, fresh, "fresh.csv")
    assert score_workspace(warehouse).n_customers == N + 40


def test_a_first_file_without_any_label_is_refused(warehouse: Warehouse, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no label"):
        load(warehouse, tmp_path, members(40).assign(churned="unknown"))


def test_a_label_that_becomes_known_is_learned_from(warehouse: Warehouse, tmp_path: Path) -> None:
    load(warehouse, tmp_path, open_members())
    load(warehouse, tmp_path, members(N), "later.csv")
    assert len(workspace_snapshot(warehouse).churned) == N
