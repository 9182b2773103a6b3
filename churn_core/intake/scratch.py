"""Folders for the staged copy of a file, and getting rid of those that a killed process left behind.

A staged file can be as large as the upload. Every folder carries the number of the process that uses it; the next
file that is opened removes the folders of processes that are gone.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path

_PREFIX = "churn-intake-"
_YOUNG_SECONDS = 3600


def scratch_folder() -> Path:
    """A new folder below the system's folder for temporary files."""
    root = Path(tempfile.gettempdir())
    for folder in root.glob(f"{_PREFIX}*-*"):
        if _is_left_over(folder):
            shutil.rmtree(folder, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))


def _is_left_over(folder: Path) -> bool:
    """Whether a folder is older than an hour and its process is gone."""
    process = folder.name.removeprefix(_PREFIX).split("-")[0]
    try:
        if time.time() - folder.stat().st_mtime < _YOUNG_SECONDS:
            return False
        if not process.isdigit() or os.name != "posix":
            return False
        os.kill(int(process), 0)
    except (ProcessLookupError, OverflowError):
        return True
    except OSError:
        return False
    return False
