"""The benchmark of segments, cohorts and worth measures a small shop, and leaves that shop as it was."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from churn_core.warehouse import Warehouse
from tests.benchmarks.conftest import Measured

N_CUSTOMERS = 400


@pytest.fixture
def shops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("benchmarks.build_shop.WORK", tmp_path)
    return tmp_path


def test_every_step_measures_a_small_shop(shops: Path) -> None:
    from benchmarks.groups import STEPS, prepare

    path = prepare(N_CUSTOMERS)
    assert path.parent == shops
    warehouse = Warehouse.open(path)
    found = {name: step.work(warehouse) for name, step in STEPS.items() if name != "value"}
    warehouse.close()
    assert all(measured["seconds"] > 0 for measured in found.values())
    assert found["refresh"]["n_customers"] == N_CUSTOMERS
    assert (found["kmeans"]["n_segments"], found["kmeans"]["n_features"]) == (6, 12)
    assert 0 < found["rule"]["n_meant"] < N_CUSTOMERS
    assert found["cohorts"]["n_cohorts"] > 12
    assert found["demand"]["n_weeks_known"] > 150
    untouched = Warehouse.open(shops / f"shop_{N_CUSTOMERS}.duckdb")
    assert untouched.n_rows("segmentations") == 0
    untouched.close()


def test_a_small_shop_is_measured_and_not_judged(measure: Measured, tmp_path: Path) -> None:
    done = measure("groups", tmp_path, "rule", "--customers", str(N_CUSTOMERS))
    assert done.returncode == 0, done.stderr
    assert re.search(r"^rule +\d+\.\d\d s .* n_meant \d+", done.stdout, re.M), done.stdout
    assert "promised" not in done.stdout
