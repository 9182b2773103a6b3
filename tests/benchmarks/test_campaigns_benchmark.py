"""The campaign benchmark draws and exports everybody, and leaves its shop as it was."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from churn_core.warehouse import Warehouse

ROOT = Path(__file__).resolve().parents[2]


def test_a_small_shop_is_drawn_and_exported_whole(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.campaigns", "--customers", "400"],
        cwd=ROOT,
        env={**os.environ, "CHURN_BENCHMARK_WORK": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"^export .* 400 rows", done.stdout, re.M), done.stdout
    assert "promised" not in done.stdout
    warehouse = Warehouse.open(tmp_path / "campaigns_400.duckdb")
    assert warehouse.n_rows("scores") == 400
    assert [warehouse.n_rows(table) for table in ("campaigns", "assignments", "exports")] == [0, 0, 0]
    assert warehouse.folder is not None
    assert not list(warehouse.folder.iterdir())
    warehouse.close()
