"""Benchmarks are run as anyone runs them: by name, in a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
Measured = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def measure() -> Measured:
    """Run a benchmark with arguments, its shops in a folder; what it printed."""

    def run(name: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", f"benchmarks.{name}", *arguments],
            cwd=ROOT,
            env={**os.environ, "CHURN_BENCHMARK_WORK": str(folder)},
            capture_output=True,
            text=True,
            check=False,
        )

    return run
