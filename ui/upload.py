"""An uploaded file on its way in: written to the workspace's folder, opened, and removed when let go.

Separate from the blocks that draw, because the file outlives a single drawing of the page: the visitor changes
choices, and the import job reads it while the page is drawn again and again.
"""

from __future__ import annotations

import shutil
import uuid
import weakref
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from churn_core.intake.formats import open_source
from churn_core.intake.source import ReadOptions, Source
from churn_core.jobs import Progress, no_progress
from churn_core.warehouse import Warehouse

PREFIX = "upload-"


class _Kept:
    """Holds the file of an upload; the file goes when the last holder does."""

    def __init__(self, path: Path) -> None:
        self.remove = weakref.finalize(self, path.unlink, missing_ok=True)


@dataclass(frozen=True, kw_only=True, eq=False)
class Upload:
    """One uploaded file and what was found out about it."""

    name: str
    """Name the visitor's file has."""
    path: Path
    """Where it was written, under a generated name; removed with the last object that holds it."""
    source: Source
    """The opened file."""
    kept: _Kept

    def reopened(self, options: ReadOptions) -> Upload:
        """The same file read in another way."""
        return replace(self, source=open_source(self.path, name=self.name, options=options))


def receive(warehouse: Warehouse, name: str, stream: BinaryIO, *, progress: Progress = no_progress) -> Upload:
    """Write an uploaded stream to the workspace's folder and open it.

    InputError, with the file removed again, when it cannot be read.
    """
    path = warehouse.file(f"{PREFIX}{uuid.uuid4().hex}")
    kept = _Kept(path)
    try:
        with path.open("wb") as target:
            shutil.copyfileobj(stream, target, 1 << 20)
        return Upload(name=name, path=path, source=open_source(path, name=name, progress=progress), kept=kept)
    except BaseException:
        kept.remove()
        raise


def remove_left_behind(warehouse: Warehouse) -> None:
    """Remove uploads that a crash left in the workspace's folder; called when the workspace is opened."""
    if warehouse.folder is not None:
        for path in warehouse.folder.glob(f"{PREFIX}*"):
            path.unlink(missing_ok=True)
