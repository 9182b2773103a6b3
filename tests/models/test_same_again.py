"""The same data, seed and libraries give the same model and the same risks, bit for bit, in any process."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from churn_core.models.registry import model_versions
from churn_core.warehouse import Warehouse

from .conftest import fill_snapshots, members

ROOT = Path(__file__).resolve().parents[2]
IN_A_NEW_PROCESS = """
import json, sys
from churn_core.models.registry import model_version
from churn_core.models.scoring import score_customers
from churn_core.models.training import train_model
from churn_core.warehouse import Warehouse

warehouse = Warehouse.open(sys.argv[1])
version = train_model(warehouse)
run = score_customers(warehouse, high_from=0.6, medium_from=0.3)
risks = warehouse.rows(
    "SELECT customer_id, risk, log_odds, expected_value FROM scores WHERE run_id = $run ORDER BY customer_id",
    {"run": run.run_id},
)
warehouse.close()
print(json.dumps([version.sha256, [[name, risk.hex(), odds.hex(), str(value)] for name, risk, odds, value in risks]]))
"""


def elsewhere(path: Path, hash_seed: str) -> list[object]:
    """Train and score the workspace in a process with another order of sets and dictionaries of text."""
    done = subprocess.run(
        [sys.executable, "-c", IN_A_NEW_PROCESS, str(path)],
        capture_output=True, text=True, check=True, cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": hash_seed},
    )  # fmt: skip
    found: list[object] = json.loads(done.stdout)
    return found


def test_training_and_scoring_again_in_another_process_changes_no_bit(trained_file: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(trained_file, tmp_path / "shop.duckdb"))
    digest, risks = elsewhere(path, "11")
    again = Warehouse.open(path)
    newest, oldest = model_versions(again)
    before = again.rows(
        "SELECT customer_id, risk, log_odds, expected_value FROM scores WHERE run_id = 1 ORDER BY customer_id"
    )
    again.close()
    assert newest.model_version == 2
    assert digest == newest.sha256 == oldest.sha256
    assert newest.summary == oldest.summary
    assert len(before) > 500
    assert risks == [[name, risk.hex(), odds.hex(), str(value)] for name, risk, odds, value in before]


def test_a_labelled_table_gives_the_same_model_in_any_process(tmp_path: Path) -> None:
    answers = []
    for number, hash_seed in enumerate(("1", "2")):
        path = tmp_path / f"members{number}.duckdb"
        warehouse = Warehouse.open(path)
        fill_snapshots(warehouse, members(150))
        warehouse.close()
        answers.append(elsewhere(path, hash_seed))
    assert answers[0] == answers[1]
