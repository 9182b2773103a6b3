"""A trained and scored shop, and tables with planted causes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churn_core.features.definition import save_definition
from churn_core.models.scoring import score_customers
from churn_core.models.training import train_model
from churn_core.timeline import ChurnDefinition
from churn_core.warehouse import Warehouse
from tests.made_once import made_once

DEFINITION = ChurnDefinition(horizon_days=90, activity_days=730)


@pytest.fixture(scope="session")
def trained_file(demo_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The simulated shop, trained and scored once; closed."""

    def make(folder: Path) -> None:
        opened = Warehouse.open(shutil.copy(demo_file, folder / "shop.duckdb"))
        save_definition(opened, DEFINITION)
        train_model(opened)
        score_customers(opened, high_from=0.6, medium_from=0.3)
        opened.checkpoint()
        opened.close()

    return made_once(tmp_path_factory, "trained-file", make) / "shop.duckdb"


@pytest.fixture(scope="session")
def trained_shop(trained_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """The trained shop, to read only."""
    opened = Warehouse.open(shutil.copy(trained_file, tmp_path_factory.mktemp("read") / "shop.duckdb"))
    yield opened
    opened.close()


@pytest.fixture
def trained_copy(trained_file: Path, tmp_path: Path) -> Iterator[Warehouse]:
    """A copy of the trained shop that the test may change."""
    opened = Warehouse.open(shutil.copy(trained_file, tmp_path / "shop.duckdb"))
    yield opened
    opened.close()


def members(n: int = 600, seed: int = 3) -> pd.DataFrame:
    """A labelled table whose outcome follows tenure, calls and plan."""
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "customer": [f"M{number:05d}" for number in range(n)],
            "tenure": draw.exponential(24, n).round(2),
            "calls": draw.poisson(1.5, n),
            "fee": draw.normal(40, 12, n).clip(5).round(2),
            "visits": draw.gamma(2, 4, n).round(3),
            "plan": draw.choice(["monthly", "yearly"], n, p=[0.6, 0.4]),
            "region": draw.choice(list("ABCDE"), n),
        }
    )
    log_odds = 0.3 - 0.06 * frame["tenure"] + 0.5 * frame["calls"] + np.where(frame["plan"] == "monthly", 0.8, -0.8)
    frame["churned"] = np.where(draw.random(n) < 1 / (1 + np.exp(-log_odds)), "Yes", "No")
    return frame


def fill_snapshots(warehouse: Warehouse, frame: pd.DataFrame, *, value_column: str | None = "fee") -> None:
    """Store a labelled table as the import would."""
    import json

    rows = frame.drop(columns=["customer", "churned"])
    with warehouse.transaction() as tx:
        tx.execute("DELETE FROM snapshots")
        tx.append(
            "snapshots",
            pd.DataFrame(
                {
                    "customer_id": frame["customer"],
                    "churned": frame["churned"] == "Yes",
                    "value_amount": frame[value_column] if value_column else None,
                    "attributes": [json.dumps({k: str(v) for k, v in row.items()}) for row in rows.to_dict("records")],
                    "row_no": np.arange(len(frame)),
                    "import_id": 1,
                }
            ),
        )
        tx.bump_data_version()


def fill_orders(warehouse: Warehouse, n_customers: int, *, days: int = 700, gap: float = 30.0, seed: int = 1) -> None:
    """A small shop: customers who buy at random gaps and some who stop."""
    from churn_core.intake.derived import refresh_derived

    draw = np.random.default_rng(seed)
    rows = []
    end = pd.Timestamp("2025-01-01")
    for number in range(n_customers):
        day = draw.uniform(0, days * 0.7)
        stops = day + draw.exponential(300)
        while day < min(days, stops):
            rows.append((f"c{number}", end - pd.Timedelta(days=days - day), round(draw.gamma(3, 15), 2)))
            day += draw.exponential(gap) + 1
    frame = pd.DataFrame(rows, columns=["customer_id", "order_time", "amount"])
    frame["order_time"] = frame["order_time"].dt.floor("s").astype("datetime64[us]")
    frame["order_id"] = [f"o{number}" for number in range(len(frame))]
    with warehouse.transaction() as tx:
        tx.append("orders", frame)
        refresh_derived(tx)
        tx.bump_data_version()


def plant_orders(warehouse: Warehouse, n: int, at: pd.Timestamp | datetime) -> None:
    """Orders of new customers at one instant."""
    from churn_core.intake.derived import refresh_derived

    frame = pd.DataFrame(
        {
            "customer_id": [f"planted{number}" for number in range(n)],
            "order_id": [f"planted{number}" for number in range(n)],
            "order_time": pd.Series([at] * n).astype("datetime64[us]"),
            "amount": 1.0,
        }
    )
    with warehouse.transaction() as tx:
        tx.append("orders", frame)
        refresh_derived(tx)
        tx.bump_data_version()


@pytest.fixture(scope="session")
def trained_table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """A labelled table, trained and scored."""
    opened = Warehouse.open(tmp_path_factory.mktemp("table") / "table.duckdb")
    fill_snapshots(opened, members())
    train_model(opened)
    score_customers(opened, high_from=0.6, medium_from=0.3)
    yield opened
    opened.close()


@pytest.fixture
def quick_worth(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few trees on few cutoffs: enough to see what values are learned from."""
    monkeypatch.setattr("churn_core.models.worth_trees.N_TREES", 30)
    monkeypatch.setattr("churn_core.models.worth.N_PERIODS", 4)
    monkeypatch.setattr("churn_core.models.worth.N_ROUNDS", 2)


@pytest.fixture
def worth_shop() -> Warehouse:
    """Four hundred customers over two years, of whom some stop; nobody returned anything."""
    warehouse = Warehouse.open(None)
    fill_orders(warehouse, 400)
    return warehouse
