"""Levels on public data, honestly reached: past to future, or in folds that keep twins together."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churn_core.intake.snapshot_frame import read_snapshot
from churn_core.models.backtest import Backtest, backtest_orders, backtest_snapshot
from churn_core.models.searched_table import fit_searched
from churn_core.stats.twins import find_twins
from churn_core.timeline import ChurnDefinition
from churn_core.warehouse import Warehouse

LEVELS: dict[str, tuple[float, float | None]] = {
    "2011-01-14": (0.790, None),
    "2011-03-15": (0.785, None),
    "2011-05-14": (0.811, 0.492),
    "2011-07-13": (0.828, 0.478),
    "2011-09-11": (0.806, 0.530),
}
"""Cutoff -> least AUC, and most log loss where a full window a year ago exists."""
AUTOGLUON = {"telco": (0.8485, 0.4121), "e_commerce": (0.9659, 0.1609)}
"""AUC and log loss of AutoGluon 60 seconds a fold, best quality, twins kept together."""


@pytest.fixture(scope="module")
def online_retail(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    from churn_core.intake.formats import open_source
    from churn_core.intake.load import import_file
    from churn_core.intake.mapping import propose_mapping

    opened = Warehouse.open(None, folder=tmp_path_factory.mktemp("retail"))
    source = open_source(real_data / "online_retail_II_orders.csv")
    import_file(opened, source, propose_mapping(source).mapping)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def e_commerce(real_data: Path) -> pd.DataFrame:
    return pd.read_excel(real_data / "E_Commerce_Dataset.xlsx", sheet_name="E Comm", engine="calamine")


@pytest.fixture(scope="module")
def at_cutoffs(online_retail: Warehouse) -> dict[str, Backtest]:
    definition = ChurnDefinition(horizon_days=90)
    return {cutoff: backtest_orders(online_retail, definition, datetime.fromisoformat(cutoff)) for cutoff in LEVELS}


@pytest.mark.slow
def test_online_retail_ranks_and_is_calibrated(at_cutoffs: dict[str, Backtest]) -> None:
    for cutoff, (auc, log_loss) in LEVELS.items():
        judged = at_cutoffs[cutoff]
        moment = datetime.fromisoformat(cutoff)
        assert all(earlier <= moment - pd.Timedelta(days=90) for earlier in judged.training_cutoffs)
        assert judged.evaluation.auc.value >= auc, cutoff
        if log_loss is not None:
            assert judged.evaluation.log_loss.value <= log_loss, cutoff
    assert at_cutoffs["2011-09-11"].evaluation.n == 5281


@pytest.mark.slow
def test_the_season_brings_the_level_within_three_points(at_cutoffs: dict[str, Backtest]) -> None:
    known = [judged for judged in at_cutoffs.values() if judged.details["season"]["is_known"]]
    assert [f"{judged.cutoff:%m-%d}" for judged in known] == ["05-14", "07-13", "09-11"]
    gaps = [abs(judged.evaluation.mean_predicted - judged.evaluation.churn_rate) for judged in known]
    assert np.mean(gaps) < 0.03


@pytest.mark.slow
def test_the_range_holds_what_happened_and_is_wider_when_the_season_is_unknown(at_cutoffs: dict[str, Backtest]) -> None:
    widths: dict[bool, list[float]] = {True: [], False: []}
    for judged in at_cutoffs.values():
        season = judged.details["season"]
        found = season["range"]
        assert found["predicted_low"] < judged.evaluation.churn_rate < found["predicted_high"]
        widths[season["is_known"]].append(found["predicted_high"] - found["predicted_low"])
        assert any(note.startswith("Season:") and "may leave" in note for note in judged.notes)
        assert season["is_known"] or season["offset"] == 0.0
    assert max(widths[True]) < min(widths[False])


@pytest.mark.slow
def test_online_retail_active_customers(online_retail: Warehouse) -> None:
    definition = ChurnDefinition(horizon_days=90, activity_days=90)
    judged = backtest_orders(online_retail, definition, datetime(2011, 9, 11))
    assert judged.evaluation.n == 1896
    assert judged.evaluation.auc.value >= 0.770
    assert judged.evaluation.log_loss.value <= 0.520


@pytest.mark.slow
def test_telco(real_data: Path) -> None:
    frame = pd.read_csv(real_data / "Telco-Customer-Churn.csv", dtype=str)
    judged = backtest_snapshot(frame, label="Churn", id_column="customerID", folds=5, seed=42)
    assert judged.evaluation.n == 7043
    assert judged.evaluation.auc.value >= 0.845
    assert judged.evaluation.log_loss.value <= 0.418


@pytest.mark.slow
def test_e_commerce_with_twins_in_one_fold(e_commerce: pd.DataFrame) -> None:
    judged: Backtest = backtest_snapshot(e_commerce, label="Churn", id_column="CustomerID", folds=5, seed=42)
    assert 0.957 <= judged.evaluation.auc.value < 0.975, "more would be memory"
    assert any("same shift" in note for note in judged.notes)
    assert any("expect the former" in note for note in judged.notes)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["telco", "e_commerce"])
def test_nested_choice_reaches_what_automl_reaches(name: str, real_data: Path, request: pytest.FixtureRequest) -> None:
    """Everything - fits, weights, choice of the candidate - inside the rows that each fold learns from."""
    if name == "telco":
        frame = pd.read_csv(real_data / "Telco-Customer-Churn.csv", dtype=str)
        read = read_snapshot(frame, label="Churn", id_column="customerID")
    else:
        read = read_snapshot(request.getfixturevalue("e_commerce"), label="Churn", id_column="CustomerID")
    found = fit_searched(read).fitted.backtest.evaluation
    auc, log_loss = AUTOGLUON[name]
    assert found.auc.value >= auc
    assert found.log_loss.value <= log_loss


def test_the_twins_of_e_commerce_are_found_from_the_data(e_commerce: pd.DataFrame) -> None:
    frame = read_snapshot(e_commerce, label="Churn", id_column="CustomerID").frame
    twins = find_twins(frame)
    assert (twins.group[:2815] == twins.group[2815:]).mean() > 0.95
    assert twins.shift["CashbackAmount"] == pytest.approx(25)
    assert twins.shift["CouponUsed"] == pytest.approx(1)
    order = np.random.default_rng(0).permutation(len(frame))
    shuffled = find_twins(frame.iloc[order].reset_index(drop=True))
    assert len(np.unique(shuffled.group)) == pytest.approx(len(np.unique(twins.group)), abs=30)


def test_telco_has_no_shifted_copies(real_data: Path) -> None:
    frame = pd.read_csv(real_data / "Telco-Customer-Churn.csv", dtype=str)
    twins = find_twins(read_snapshot(frame, label="Churn", id_column="customerID").frame)
    assert twins.n_shifted == 0
    assert len(np.unique(twins.group)) > 6_900
