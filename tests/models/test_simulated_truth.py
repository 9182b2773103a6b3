"""On a shop whose truth is known: risks come true, and the planted causes are what the model names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churn_core.features.definition import known_until, save_definition
from churn_core.intake.simulate import ShopPlan, load_shop
from churn_core.models.evaluation import evaluation_from_dict
from churn_core.models.reasons import group_of
from churn_core.models.registry import ModelVersion
from churn_core.models.runs import latest_run
from churn_core.models.scoring import score_customers
from churn_core.models.training import train_model
from churn_core.timeline import ChurnDefinition
from churn_core.warehouse import Warehouse

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Warehouse, ModelVersion, pd.DataFrame]]:
    folder: Path = tmp_path_factory.mktemp("truth")
    opened = Warehouse.open(None)
    load_shop(opened, ShopPlan(n_customers=12_000, seed=21), truth_path=folder / "truth.parquet")
    save_definition(opened, ChurnDefinition(horizon_days=90, activity_days=120))
    version = train_model(opened)
    score_customers(opened, high_from=0.6, medium_from=0.3)
    yield opened, version, pd.read_parquet(folder / "truth.parquet").set_index("customer_id")
    opened.close()


def test_risks_come_true_at_cutoffs_the_model_had_not_seen(
    shop: tuple[Warehouse, ModelVersion, pd.DataFrame],
) -> None:
    _, version, _ = shop
    for period in version.summary["periods"]:
        assert abs(period["mean_predicted"] - period["churn_rate"]) < 0.05
    bins = evaluation_from_dict(version.summary["evaluation"]).calibration
    assert all(abs(part.predicted - part.happened) < 0.08 for part in bins)


def test_all_data_beats_the_rhythm_alone(shop: tuple[Warehouse, ModelVersion, pd.DataFrame]) -> None:
    models = shop[1].summary["backtest"]["models"]
    assert models["blend"]["auc"] > models["bgnbd"]["auc"] + 0.01 > models["recency"]["auc"] + 0.01


def test_those_who_have_left_are_on_top(shop: tuple[Warehouse, ModelVersion, pd.DataFrame]) -> None:
    warehouse, _, truth = shop
    end = known_until(warehouse)
    scored = warehouse.frame("SELECT customer_id, risk FROM scores").set_index("customer_id").join(truth)
    gone = scored["left_at"] < end
    assert scored.loc[gone, "risk"].mean() > 2 * scored.loc[~gone, "risk"].mean()


@pytest.mark.parametrize(
    ("cause", "groups", "least"),
    [
        ("hazard_slow_answer", {"tickets"}, 0.05),
        ("hazard_bad_experience", {"ratings", "tickets"}, 0.05),
        ("hazard_returns", {"returns"}, 0.05),
        ("hazard_discounts", {"discounts"}, 0.02),
        pytest.param(
            "hazard_discounts",
            {"discounts"},
            0.05,
            marks=pytest.mark.xfail(strict=True, reason="discounts weigh least: 0.03 in this shop, known gap"),
        ),
    ],
)
def test_planted_causes_raise_the_risk_where_they_are_seen(
    shop: tuple[Warehouse, ModelVersion, pd.DataFrame], cause: str, groups: set[str], least: float
) -> None:
    warehouse, _, truth = shop
    run = latest_run(warehouse)
    assert run is not None
    stored = warehouse.frame("SELECT customer_id, contributions FROM contributions").set_index("customer_id")
    values = np.vstack(stored["contributions"].to_numpy())
    columns = [index for index, name in enumerate(run.feature_names) if group_of(name) in groups]
    told = pd.Series(values[:, columns].sum(axis=1), index=stored.index)
    planted = truth[cause].reindex(stored.index)
    strong = planted > planted[planted > 0].quantile(0.5)
    assert told[strong].mean() > told[planted == planted.min()].mean() + least
