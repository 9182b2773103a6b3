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
from churn_core.stats.twins import find_twins
from churn_core.timeline import ChurnDefinition
from churn_core.warehouse import Warehouse


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


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cutoff", "auc", "log_loss"),
    [("2011-05-14", 0.811, 0.492), ("2011-07-13", 0.828, 0.478), ("2011-09-11", 0.806, 0.530)],
)
def test_online_retail(online_retail: Warehouse, cutoff: str, auc: float, log_loss: float) -> None:
    moment = datetime.fromisoformat(cutoff)
    judged = backtest_orders(online_retail, ChurnDefinition(horizon_days=90), moment)
    assert all(earlier <= moment - pd.Timedelta(days=90) for earlier in judged.training_cutoffs)
    assert judged.evaluation.auc.value >= auc
    assert judged.evaluation.log_loss.value <= log_loss
    if cutoff == "2011-09-11":
        assert judged.evaluation.n == 5281


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
