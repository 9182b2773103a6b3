"""Fixtures that several test folders share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from churn_core.warehouse import Warehouse


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
