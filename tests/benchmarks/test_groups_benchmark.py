"""The benchmark of groups measures a small shop without judging it, and refuses a step that it does not have."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.groups", *arguments],
        cwd=ROOT,
        env={**os.environ, "CHURN_BENCHMARK_WORK": str(folder), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_small_shop_is_measured_and_not_judged(tmp_path: Path) -> None:
    done = run(tmp_path, "rule", "rfm", "cohorts", "--customers", "300")
    assert done.returncode == 0, done.stderr
    assert re.findall(r"^(\w+) +[\d.]+ s", done.stdout, re.M) == ["rule", "rfm", "cohorts"]
    assert "promised" not in done.stdout


def test_an_unknown_step_is_refused(tmp_path: Path) -> None:
    done = run(tmp_path, "everything")
    assert done.returncode == 2
    assert "'everything'" in done.stderr
