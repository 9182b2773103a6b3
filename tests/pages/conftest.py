"""Visits to the app through its frame, and homes with an empty, a demo and a snapshot workspace."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from churn_core.workspaces import create_workspace, open_workspace
from tests.made_once import made_once

Home = Path
App = Callable[..., AppTest]

ROOT = Path(__file__).resolve().parents[2]
FRAME = str(ROOT / "app.py")
PAGES = [
    "pages/today/today.py",
    "pages/customers/at_risk.py",
    "pages/customers/customer.py",
    "pages/alerts/alerts.py",
    "pages/campaigns/plan.py",
    "pages/campaigns/who_to_save.py",
    "pages/campaigns/readout.py",
    "pages/campaigns/programme.py",
    "pages/campaigns/experiment.py",
    "pages/segments/rfm.py",
    "pages/segments/rules.py",
    "pages/segments/cohorts.py",
    "pages/segments/value.py",
    "pages/segments/demand.py",
    "pages/segments/segments.py",
    "pages/data/import_file.py",
    "pages/data/quality.py",
    "pages/data/churn_definition.py",
    "pages/models/train.py",
    "pages/models/quality.py",
    "pages/models/drivers.py",
    "pages/models/cutoffs.py",
    "pages/models/proof.py",
    "pages/models/health.py",
    "pages/models/versions.py",
    "pages/settings/settings.py",
]


@pytest.fixture(autouse=True)
def _fresh_caches() -> Iterator[None]:
    yield
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture
def app() -> App:
    """Visit a page through the frame; with no page, the start page."""

    def visit(page: str | None = None, **parameters: str) -> AppTest:
        found = AppTest.from_file(FRAME, default_timeout=120)
        for name, value in parameters.items():
            found.query_params[name] = value
        found.run()
        if page:
            found.switch_page(page).run()
        return found

    return visit


@pytest.fixture
def empty_home(churn_home: Path) -> Path:
    """A home with one workspace that holds nothing."""
    create_workspace("Empty shop").close()
    return churn_home


@pytest.fixture(scope="session")
def demo_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small simulated shop, trained and scored, made once."""
    from churn_core.campaigns.demo import build_demo_workspace

    return _home_made_once(
        tmp_path_factory, "demo-home", lambda _: build_demo_workspace(n_customers=2500, n_years=2, seed=7)
    )


@pytest.fixture(scope="session")
def snapshot_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with one labelled table, trained and scored, made once."""

    def make(folder: Path) -> None:
        labelled_table().to_csv(folder / "members.csv", index=False)
        _labelled_workspace(folder / "members.csv")

    return _home_made_once(tmp_path_factory, "snapshot-home", make)


@pytest.fixture
def demo_home(demo_files: Path, churn_home: Path) -> Path:
    """A home with a copy of the demo workspace."""
    shutil.copytree(demo_files, churn_home)
    return churn_home


@pytest.fixture
def snapshot_home(snapshot_files: Path, churn_home: Path) -> Path:
    """A home with a copy of the snapshot workspace."""
    shutil.copytree(snapshot_files, churn_home)
    return churn_home


def labelled_table(n_customers: int = 1500, seed: int = 11) -> pd.DataFrame:
    """A table with a churn column that tenure and support calls explain in part."""
    random = np.random.default_rng(seed)
    tenure = random.integers(1, 72, n_customers)
    calls = random.poisson(1.5, n_customers)
    plan = random.choice(["monthly", "yearly"], n_customers, p=[0.6, 0.4])
    odds = 0.2 - 0.05 * tenure + 0.6 * calls + np.where(plan == "monthly", 0.8, -0.8)
    return pd.DataFrame(
        {
            "customer_id": [f"M-{number:05d}" for number in range(n_customers)],
            "tenure_months": tenure,
            "support_calls": calls,
            "plan": plan,
            "monthly_fee": random.normal(40, 12, n_customers).clip(5).round(2),
            "churned": np.where(random.random(n_customers) < 1 / (1 + np.exp(-odds)), "Yes", "No"),
        }
    )


def _labelled_workspace(file: Path) -> None:
    from churn_core.customers.tiers import score_workspace
    from churn_core.intake.formats import open_source
    from churn_core.intake.load import import_file
    from churn_core.intake.mapping import propose_mapping
    from churn_core.models.training import train_model

    create_workspace("Members")
    warehouse = open_workspace("Members")
    source = open_source(file)
    import_file(warehouse, source, propose_mapping(source).mapping)
    train_model(warehouse)
    score_workspace(warehouse)
    warehouse.close()


def _home_made_once(factory: pytest.TempPathFactory, name: str, build: Callable[[Path], object]) -> Path:
    """A home folder with the workspaces that ``build`` makes, given a folder for its files."""

    def make(folder: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("CHURN_HOME", str(folder / "home"))
            build(folder)

    return made_once(factory, name, make) / "home"


def folded(visit: AppTest, place: int = 0) -> pd.DataFrame:
    """The rows of a table that wraps, as they are read: without escapes for Markdown and hard spaces."""

    def read(text: object) -> str:
        return str(text).replace("\\", "").replace("\N{NO-BREAK SPACE}", " ")

    return visit.table[place].value.map(read).rename(columns=read)
