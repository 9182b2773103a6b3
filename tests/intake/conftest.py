"""Files and imports that the tests of the intake share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from churn_core.intake.formats import ReadOptions, Source, open_source
from churn_core.intake.load import ImportResult, import_file
from churn_core.intake.mapping import propose_mapping
from churn_core.warehouse import Warehouse

SaveFile = Callable[..., Path]
LoadText = Callable[..., ImportResult]


@pytest.fixture
def save(tmp_path: Path) -> SaveFile:
    """Write text or bytes to a file of a given name."""

    def write(content: str | bytes, name: str = "file.csv", encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    return write


@pytest.fixture
def read(save: SaveFile) -> Callable[..., Source]:
    """Open text or bytes as an uploaded file."""

    def opened(content: str | bytes, name: str = "file.csv", encoding: str = "utf-8", **options: object) -> Source:
        return open_source(save(content, name, encoding), options=ReadOptions(**options))  # type: ignore[arg-type]

    return opened


@pytest.fixture
def load(warehouse: Warehouse, read: Callable[..., Source]) -> LoadText:
    """Import text or bytes with the proposed mapping, or with parts of it changed."""

    def loaded(
        content: str | bytes, name: str = "file.csv", *, kind: str | None = None, **changes: object
    ) -> ImportResult:
        source = read(content, name)
        mapping = propose_mapping(source, kind=kind).mapping
        return import_file(warehouse, source, replace(mapping, **changes))  # type: ignore[arg-type]

    return loaded
