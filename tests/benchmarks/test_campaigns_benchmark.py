"""The campaign benchmark draws and exports everybody, and leaves its shop as it was."""

from __future__ import annotations

import re
from pathlib import Path

from churn_core.warehouse import Warehouse
from tests.benchmarks.conftest import Measured


def test_a_small_shop_is_drawn_and_exported_whole(measure: Measured, tmp_path: Path) -> None:
    done = measure("campaigns", tmp_path, "--customers", "400")
    assert done.returncode == 0, done.stderr
    assert re.search(r"^export .* 400 rows", done.stdout, re.M), done.stdout
    assert "promised" not in done.stdout
    warehouse = Warehouse.open(tmp_path / "campaigns_400.duckdb")
    assert warehouse.n_rows("scores") == 400
    assert [warehouse.n_rows(table) for table in ("campaigns", "assignments", "exports")] == [0, 0, 0]
    assert warehouse.folder is not None
    assert not list(warehouse.folder.iterdir())
    warehouse.close()
