"""Fixtures that several test folders share."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from churn_core.warehouse import Warehouse
from tests.made_once import made_once

if TYPE_CHECKING:
    import pandas as pd

# How long an example takes depends on what else the machine does; tests are about answers.
settings.register_profile("churn", deadline=None)
settings.load_profile("churn")


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    """An empty workspace in memory with a folder for files."""
    opened = Warehouse.open(None, folder=tmp_path / "files")
    yield opened
    opened.close()


@pytest.fixture
def churn_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder for workspaces."""
    home = tmp_path / "workspaces"
    monkeypatch.setenv("CHURN_HOME", str(home))
    return home


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the public data sets; tests that need it are skipped where it is missing."""
    folder = Path(os.environ.get("CHURN_REAL_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"the public data sets are not at {folder}; set CHURN_REAL_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def demo_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed workspace file with a simulated shop of 1,500 customers; its ground truth is truth.parquet beside it."""
    from churn_core.intake.simulate import ShopPlan, load_shop

    def make(folder: Path) -> None:
        opened = Warehouse.open(folder / "demo.duckdb")
        load_shop(opened, ShopPlan(n_customers=1_500), truth_path=folder / "truth.parquet")
        opened.checkpoint()
        opened.close()

    return made_once(tmp_path_factory, "demo-file", make) / "demo.duckdb"


@pytest.fixture(scope="session")
def demo_shop(demo_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """The simulated shop, shared by all tests: read it, never write to it."""
    copy = shutil.copy(demo_file, tmp_path_factory.mktemp("shared") / "shop.duckdb")
    opened = Warehouse.open(copy)
    yield opened
    opened.close()


@pytest.fixture
def demo_copy(demo_file: Path, tmp_path: Path) -> Iterator[Warehouse]:
    """A copy of the simulated shop that the test may change."""
    opened = Warehouse.open(shutil.copy(demo_file, tmp_path / "shop.duckdb"))
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def demo_truth(demo_file: Path) -> pd.DataFrame:
    """Ground truth of the simulated shop, indexed by customer id."""
    import pandas as pd

    return pd.read_parquet(demo_file.with_name("truth.parquet")).set_index("customer_id")
