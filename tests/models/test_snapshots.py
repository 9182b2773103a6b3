"""Tables with a label: types, twins, folds, out-of-fold answers."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from churn_core.errors import InputError, NotEnoughData, NotFound
from churn_core.intake.snapshot_frame import read_snapshot
from churn_core.models.backtest import backtest_snapshot
from churn_core.models.folds import stratified_folds
from churn_core.models.snapshot_model import FittedSnapshot, SnapshotModel, fit_snapshot
from churn_core.stats.ranking import auc
from churn_core.stats.twins import find_twins

from .conftest import members


@pytest.fixture(scope="module")
def fitted() -> FittedSnapshot:
    return fit_snapshot(read_snapshot(members(), label="churned", id_column="customer"))


def test_columns_get_their_types_from_their_values() -> None:
    frame = members(100).assign(fee=lambda f: f["fee"].astype(str), empty=None, same="x", serial=range(100))
    frame.loc[3, "fee"] = " "
    table = read_snapshot(frame, label="churned", id_column="customer")
    assert table.frame["fee"].dtype.kind == "f"
    assert np.isnan(table.frame["fee"].iloc[3])
    assert list(table.frame.columns) == ["tenure", "calls", "fee", "visits", "plan", "region"]
    assert len(table.notes) == 3
    assert table.frame.index[0] == "M00000"


def test_names_are_left_out_and_said_so() -> None:
    frame = members(100).assign(full_name=[f"Person {number}" for number in range(100)])
    table = read_snapshot(frame, label="churned", id_column="customer")
    assert "full_name" not in table.frame.columns
    assert any("'full_name'" in note and "name or id" in note for note in table.notes)


@pytest.mark.parametrize(
    ("labels", "n_churned"),
    [(["Yes", "No"], 50), ([1, 0], 50), (["True", "False"], 50), (["Churned", "Stayed"], 50),
     (["Attrited Customer", "Existing Customer"], 50), (["是", "否"], 50), ([1.0, 0.0], 50)],
)  # fmt: skip
def test_labels_are_understood(labels: list[object], n_churned: int) -> None:
    frame = members(100).assign(churned=labels * 50)
    assert read_snapshot(frame, label="churned", id_column="customer").churned.sum() == n_churned


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"churned": "Yes"}, NotEnoughData, "holds only 'Yes'"),
        ({"churned": None}, NotEnoughData, "no value"),
        ({"churned": ["red", "green"] * 50}, InputError, "not understood"),
    ],
)
def test_labels_that_cannot_be_used(change: dict[str, object], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        read_snapshot(members(100).assign(**change), label="churned", id_column="customer")


def test_a_misspelt_label_is_suggested() -> None:
    with pytest.raises(NotFound, match="did you mean 'churned'"):
        read_snapshot(members(100), label="churnd")


def test_only_constant_columns() -> None:
    frame = pd.DataFrame({"id": range(40), "left": ["Yes", "No"] * 20, "a": 1, "b": "x"})
    with pytest.raises(NotEnoughData, match="no column besides the label"):
        backtest_snapshot(frame, label="left", id_column="id")


def test_ten_customers_are_too_few() -> None:
    with pytest.raises(NotEnoughData, match="each needs both kinds"):
        backtest_snapshot(members(10).assign(churned=["Yes"] * 3 + ["No"] * 7), label="churned", id_column="customer")


def test_folds_keep_groups_and_shares() -> None:
    draw = np.random.default_rng(0)
    group = np.repeat(np.arange(300), 2)
    churned = np.repeat(draw.random(300) < 0.2, 2)
    folds = stratified_folds(churned, group, n_folds=5, seed=42)
    assert (folds[::2] == folds[1::2]).all()
    shares = [churned[folds == fold].mean() for fold in range(5)]
    assert max(shares) - min(shares) < 0.05


def _shifted(frame: pd.DataFrame) -> pd.DataFrame:
    copies = frame.assign(
        tenure=frame["tenure"] + 1,
        calls=frame["calls"] + 1,
        fee=(frame["fee"] + 25).round(2),
        visits=frame["visits"] + 2,
    )
    copies.loc[copies.index[::10], "plan"] = "renamed"
    copies.loc[copies.index[::7], "visits"] = np.nan
    return copies


def test_shifted_copies_are_found_in_any_order() -> None:
    frame = members().drop(columns=["customer", "churned"])
    both = pd.concat([frame, _shifted(frame)], ignore_index=True)
    order = np.random.default_rng(1).permutation(len(both))
    twins = find_twins(both.iloc[order].reset_index(drop=True))
    assert {name: round(abs(step)) for name, step in twins.shift.items()} == {
        "tenure": 1, "calls": 1, "fee": 25, "visits": 2,
    }  # fmt: skip
    group = np.empty(len(both), dtype=int)
    group[order] = twins.group
    assert (group[:600] == group[600:]).mean() > 0.97
    assert any("same shift" in note for note in twins.notes())


def test_exact_and_nearly_equal_rows_are_found() -> None:
    frame = members().drop(columns=["customer", "churned"])
    near = frame.iloc[:100].assign(fee=frame["fee"].iloc[:100] + 0.01, tenure=frame["tenure"].iloc[:100] + 0.01)
    twins = find_twins(pd.concat([frame, frame.iloc[100:150], near], ignore_index=True))
    assert twins.n_exact == 100
    assert (twins.group[100:150] == twins.group[600:650]).all()
    assert (twins.group[:100] == twins.group[650:]).mean() > 0.95


def test_unrelated_rows_have_no_twins() -> None:
    twins = find_twins(members(2_000).drop(columns=["customer", "churned"]))
    assert len(np.unique(twins.group)) == 2_000
    assert twins.notes() == []


def test_a_coarse_table_is_not_full_of_twins() -> None:
    draw = np.random.default_rng(0)
    frame = pd.DataFrame({"a": draw.integers(0, 2, 500), "b": draw.choice(["x", "y"], 500)})
    assert len(np.unique(find_twins(frame).group)) == 500


def test_twins_do_not_lend_their_memory() -> None:
    """Outcomes at random, each row twice: a model that recognises rows would look clever."""
    draw = np.random.default_rng(2)
    frame = members(400, seed=5).assign(churned=draw.choice(["Yes", "No"], 400))
    doubled = pd.concat([frame, _shifted(frame)], ignore_index=True).drop(columns="customer")
    judged = backtest_snapshot(doubled, label="churned")
    assert judged.evaluations["lightgbm_large"].auc.value < 0.58
    assert any("same shift" in note for note in judged.notes)


def test_planted_causes_are_learnt(fitted: FittedSnapshot) -> None:
    found = fitted.backtest.evaluation
    assert found.auc.value > 0.78
    assert abs(found.mean_predicted - found.churn_rate) < 0.02


def test_every_row_is_answered_by_a_model_that_never_saw_it(fitted: FittedSnapshot) -> None:
    table = read_snapshot(members(), label="churned", id_column="customer")
    answers = fitted.model.contributions(table.frame).total()
    assert auc(table.churned, answers) == pytest.approx(fitted.backtest.evaluation.auc.value, abs=1e-9)


def test_contributions_of_folds_add_up(fitted: FittedSnapshot) -> None:
    table = read_snapshot(members(), label="churned", id_column="customer")
    made = fitted.model.contributions(table.frame)
    for number, blend in enumerate(fitted.model.folds):
        rows = [customer for customer in table.frame.index if fitted.model.fold_of[customer] == number]
        found = made.total()[table.frame.index.isin(rows)]
        assert np.abs(found - blend.log_odds(table.frame.loc[rows])).max() < 1e-6


def test_new_customers_get_the_average_of_the_models(fitted: FittedSnapshot) -> None:
    frame = read_snapshot(members(50, seed=8), label="churned", id_column="customer").frame
    frame.index = [f"new {number}" for number in range(50)]
    made = fitted.model.contributions(frame)
    expected = np.mean([blend.log_odds(frame) for blend in fitted.model.folds], axis=0)
    assert np.abs(made.total() - expected).max() < 1e-6


def test_a_stored_model_answers_the_same(fitted: FittedSnapshot) -> None:
    frame = read_snapshot(members(), label="churned", id_column="customer").frame
    again = SnapshotModel.from_json(json.loads(json.dumps(fitted.model.to_json())))
    assert (again.contributions(frame).values == fitted.model.contributions(frame).values).all()


def test_a_label_in_disguise_is_reported() -> None:
    frame = members(300)
    frame["cancel_code"] = np.where(frame["churned"] == "Yes", 7, 0)
    judged = backtest_snapshot(frame, label="churned", id_column="customer")
    assert any("'cancel_code'" in note and "too good to be true" in note for note in judged.notes)


def test_an_id_that_repeats_is_refused() -> None:
    with pytest.raises(InputError, match="more than once"):
        backtest_snapshot(members(200).assign(customer="same"), label="churned", id_column="customer")
