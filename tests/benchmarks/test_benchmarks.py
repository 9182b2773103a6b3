"""The benchmarks run on a small shop, measure the same numbers as pandas, and their steps are documented."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.benchmarks.conftest import Measured

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("benchmarks")


def test_features_of_the_large_shop_are_those_of_pandas(measure: Measured, folder: Path) -> None:
    done = measure("run", folder, "pandas", "--customers", "300")
    assert done.returncode == 0, done.stderr
    difference = re.search(r"largest_difference ([0-9.e+-]+|inf)", done.stdout)
    assert difference, done.stdout
    assert float(difference[1]) < 1e-5


def test_the_order_file_is_imported_whole(measure: Measured, folder: Path) -> None:
    done = measure("run", folder, "import", "--customers", "300")
    assert done.returncode == 0, done.stderr
    assert re.search(r"n_rows 2100\b", done.stdout), done.stdout


def test_an_unknown_step_is_refused(measure: Measured, folder: Path) -> None:
    done = measure("run", folder, "everything")
    assert done.returncode == 2
    assert "unknown step 'everything'" in done.stderr


def test_every_step_is_documented() -> None:
    documented = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8"), re.M)
    defined: list[str] = []
    for module in ("steps.py", "groups.py"):
        text = (ROOT / "benchmarks" / module).read_text(encoding="utf-8")
        steps = re.search(r"^STEPS.*?\{(.*?)^\}", text, re.M | re.S)
        assert steps
        defined += re.findall(r'"(\w+)":', steps[1])
    assert documented == defined
