"""Running the command line in this process, on files of the simulated shop."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from churn_core.cli import main
from churn_core.warehouse import Warehouse

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output read as JSON."""
        return json.loads(self.out)


Churn = Callable[..., Outcome]


@pytest.fixture
def churn(churn_home: Path, capsys: pytest.CaptureFixture[str]) -> Churn:
    """Run ``churn`` with arguments in an empty home."""

    def run(*arguments: object) -> Outcome:
        capsys.readouterr()
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as stop:
            code = int(stop.code or 0)
        printed = capsys.readouterr()
        return Outcome(code=code, out=printed.out, err=printed.err)

    return run


@pytest.fixture(scope="session")
def order_file(demo_shop: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The orders of the simulated shop as a CSV file."""
    path = tmp_path_factory.mktemp("orders") / "orders.csv"
    orders = demo_shop.frame(
        "SELECT customer_id, order_id, order_time, amount FROM orders ORDER BY order_time, order_id"
    )
    orders.to_csv(path, index=False)
    return path


def one_sentence(outcome: Outcome) -> str:
    """The sentence of a refused command, without progress lines; asserts that it is one and no traceback."""
    assert outcome.code == 2
    assert outcome.out == ""
    assert "Traceback" not in outcome.err
    sentences = [line for line in outcome.err.splitlines() if line.startswith("churn")]
    assert len(sentences) == 1, outcome.err
    return sentences[0]


def run_process(*arguments: object, **settings: Any) -> subprocess.CompletedProcess[str]:
    """Run ``churn`` as a process of its own."""
    import sys

    command = [sys.executable, "-c", "from churn_core.cli import main; raise SystemExit(main())", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=ROOT, **settings)
