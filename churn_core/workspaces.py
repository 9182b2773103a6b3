"""Workspaces as files: list, create, rename, delete.

A workspace is ``<name>.duckdb`` with a folder ``<name>.files`` beside it, under one home folder.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from churn_core.errors import InputError, NotFound, unknown_name
from churn_core.warehouse import Warehouse

DEMO = "Demo shop"

_NAME = re.compile(r"[\w][\w .,&'()-]{0,59}")
_RESERVED = {"con", "prn", "aux", "nul"}


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """One business."""

    name: str
    path: Path
    """Its DuckDB file."""
    size_bytes: int
    changed_at: datetime
    """When the file last changed (UTC)."""


def home() -> Path:
    """Where workspaces live: ``$CHURN_HOME``, else ``data/workspaces`` of the project folder."""
    chosen = os.environ.get("CHURN_HOME")
    return Path(chosen).expanduser() if chosen else Path(__file__).resolve().parent.parent / "data" / "workspaces"


def list_workspaces() -> list[Workspace]:
    """All workspaces, by name."""
    folder = home()
    found = [file for file in folder.glob("*.duckdb") if not file.name.startswith(".")] if folder.is_dir() else []
    files = sorted(found, key=lambda file: file.stem.casefold())
    return [
        Workspace(
            name=file.stem,
            path=file,
            size_bytes=file.stat().st_size,
            changed_at=datetime.fromtimestamp(file.stat().st_mtime, UTC).replace(tzinfo=None),
        )
        for file in files
    ]


def open_workspace(name: str) -> Warehouse:
    """The warehouse of an existing workspace; NotFound when there is none of that name."""
    return Warehouse.open(_existing(name))


def create_workspace(name: str) -> Warehouse:
    """A new, empty workspace; InputError when the name is taken or cannot be a file name."""
    path = _free(name)
    return Warehouse.open(path)


def rename_workspace(name: str, new_name: str) -> None:
    """Give a workspace another name; it is closed first."""
    source = _existing(name)
    target = _free(new_name, allowed=source)
    if target == source:
        return
    Warehouse.open(source).close()
    source.rename(target)
    if source.with_suffix(".files").exists():
        source.with_suffix(".files").rename(target.with_suffix(".files"))


def delete_workspace(name: str, *, typed_name: str) -> None:
    """Delete a workspace with everything in it; the name must be typed to confirm."""
    if typed_name != name:
        raise InputError(f"to delete the workspace, type its name exactly: {name!r}; found {typed_name!r}.")
    path = _existing(name)
    Warehouse.open(path).close()
    path.unlink()
    path.with_name(path.name + ".wal").unlink(missing_ok=True)
    shutil.rmtree(path.with_suffix(".files"), ignore_errors=True)


def _existing(name: str) -> Path:
    path = path_of(name)
    if not path.exists():
        known = [workspace.name for workspace in list_workspaces()]
        if not known:
            raise NotFound(f"there is no workspace {name!r} yet; create one, or build the demo with 'churn demo'.")
        raise unknown_name("workspace", name, known)
    return path


def _free(name: str, *, allowed: Path | None = None) -> Path:
    path = path_of(name)
    taken = {workspace.name.casefold(): workspace.path for workspace in list_workspaces()}
    if name.strip().casefold() in taken and taken[name.strip().casefold()] != allowed:
        raise InputError(f"a workspace named {name.strip()!r} exists already; choose another name.")
    return path


def path_of(name: str) -> Path:
    """The file a workspace of that name has or would have; InputError when it cannot be a name."""
    clean = name.strip()
    if not _NAME.fullmatch(clean) or clean.endswith(".") or clean.casefold() in _RESERVED:
        raise InputError(
            f"{name!r} cannot be a workspace name; use up to 60 letters, digits, spaces and . , & ' ( ) - _, "
            "starting with a letter or digit."
        )
    return home() / f"{clean}.duckdb"
