"""The accuracy table: the same customers for everybody, errors of the differences, clear words when data is missing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.accuracy import main
from benchmarks.accuracy_rows import OURS, Judged, judge_table
from benchmarks.library_defaults import NAMES, default_risks
from churn_core.intake.snapshot_frame import read_snapshot

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "CHURN_REAL_DATA"}
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.accuracy", *arguments],
        cwd=ROOT,
        env={**environment, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def customers() -> pd.DataFrame:
    draw = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "customer": [f"C{number}" for number in range(240)],
            "tenure": draw.exponential(24, 240).round(2),
            "plan": draw.choice(["monthly", "yearly"], 240),
            "nothing": [None] * 239 + [1.0],
        }
    )
    log_odds = 0.5 - 0.08 * frame["tenure"] + np.where(frame["plan"] == "monthly", 1.0, -1.0)
    frame["churned"] = np.where(draw.random(240) < 1 / (1 + np.exp(-log_odds)), "Yes", "No")
    return frame


@pytest.fixture(scope="module")
def judged(customers: pd.DataFrame) -> Judged:
    read = read_snapshot(customers, label="churned", id_column="customer")
    return judge_table(read, "made up", None)


def test_everybody_answers_the_same_customers(judged: Judged) -> None:
    assert [line.model for line in judged.lines] == [OURS, *NAMES]
    assert {line.n for line in judged.lines} == {240}
    assert len({line.actual for line in judged.lines}) == 1
    assert all(0.6 < line.auc < 1.0 and 0.0 < line.auc_error < 0.1 for line in judged.lines)


def test_ours_is_held_against_the_best_default_of_each_measure(judged: Judged) -> None:
    defaults = [line for line in judged.lines if line.model != OURS]
    ours = judged.lines[0]
    entry = judged.against[0]
    assert entry.auc_best == max(defaults, key=lambda line: line.auc).model
    assert entry.auc_gain == pytest.approx(ours.auc - max(line.auc for line in defaults))
    assert entry.log_loss_gain == pytest.approx(min(line.log_loss for line in defaults) - ours.log_loss)
    assert entry.is_as_good == (
        entry.auc_gain >= -0.5 * entry.auc_gain_error and entry.log_loss_gain >= -0.5 * entry.log_loss_gain_error
    )
    assert json.loads(json.dumps(judged.to_json()))["against"][0]["is_as_good"] == entry.is_as_good


@pytest.mark.parametrize("name", NAMES)
def test_defaults_bear_a_column_that_is_empty_in_training(name: str) -> None:
    frame = pd.DataFrame({"x": np.arange(40.0), "empty": np.nan, "kind": ["a", "b"] * 20})
    held = pd.DataFrame({"x": [1.0, 30.0], "empty": [1.0, 2.0], "kind": ["a", "new"]})
    risks = default_risks(name, frame, np.arange(40) >= 20, held)
    assert risks.shape == (2,)
    assert risks[0] <= risks[1]


def test_a_missing_folder_is_said_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def said(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["accuracy", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return f"{ended.value} {capsys.readouterr().err}"

    monkeypatch.delenv("CHURN_REAL_DATA", raising=False)
    assert "use --data FOLDER or set CHURN_REAL_DATA" in said("--only", "telco")
    monkeypatch.setenv("CHURN_REAL_DATA", str(tmp_path))
    assert "Telco-Customer-Churn.csv is not in" in said("--only", "telco")
    assert "unknown data set 'everything'" in said("--only", "everything")


def test_another_table_can_be_judged(customers: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "members.csv"
    customers.to_csv(path, index=False)
    done = run("--table", str(path), "--label", "churned", "--id", "customer", "--json")
    assert done.returncode == 0, done.stderr
    row = json.loads(done.stdout)[0]
    assert [line["model"] for line in row["lines"]] == [OURS, *NAMES]
    assert row["season"] is None
