"""What a page knows about the visit: which workspace, its warehouse, its jobs, its versions.

Everything cached is keyed by :class:`Stamp`, which changes whenever the workspace's data, definition, model,
scores or settings do; no page and no block opens a file or keeps state by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import streamlit as st

from churn_core.errors import InputError, NotFound
from churn_core.jobs import JobRunner
from churn_core.state import WorkspaceState, workspace_state
from churn_core.warehouse import Warehouse
from churn_core.workspaces import DEMO, list_workspaces, open_workspace
from ui.first_opening import begin_what_waits
from ui.upload import remove_left_behind

WORKSPACE = "workspace"
"""Key of the workspace picker, in the session and in the address."""


@dataclass(frozen=True, kw_only=True)
class Stamp:
    """Key of every cached answer: the workspace and all its versions."""

    workspace: str
    """Name of the workspace."""
    state: WorkspaceState
    """Its versions; equal states give equal answers."""


@dataclass(frozen=True)
class _Opened:
    warehouse: Warehouse
    runner: JobRunner


def workspace_names() -> list[str]:
    """Names of all workspaces."""
    return [workspace.name for workspace in list_workspaces()]


def first_workspace(names: list[str]) -> str | None:
    """The workspace a visit starts with: the one that changed last, the demo only when there is no other."""
    changed = {workspace.name: workspace.changed_at for workspace in list_workspaces() if workspace.name in names}
    return max(changed, key=lambda name: (name != DEMO, changed[name])) if changed else None


def current_workspace() -> str:
    """Name of the workspace this visit looks at; NotFound when there is none."""
    name = st.session_state.get(WORKSPACE)
    if not name:
        raise NotFound("no workspace is open; create one in the sidebar.")
    return str(name)


def warehouse(name: str | None = None) -> Warehouse:
    """The open warehouse of the current (or the named) workspace."""
    return _opened(name or current_workspace()).warehouse


def runner() -> JobRunner:
    """The jobs of the current workspace."""
    return _opened(current_workspace()).runner


def house_runner() -> JobRunner:
    """Jobs that belong to no workspace yet, such as building the demo shop."""
    return _house()


def stamp() -> Stamp:
    """The key of cached answers about the current workspace, as it is now."""
    return Stamp(workspace=current_workspace(), state=workspace_state(warehouse()))


def release(name: str) -> None:
    """Close a workspace before its file is renamed or deleted; InputError while a job runs in it."""
    opened = _opened(name)
    running = [job for job in opened.runner.unfinished() if not job.gives_way]
    if running:
        raise InputError(f"{running[0].label!r} is still running in {name!r}; wait for it or cancel it first.")
    _opened.clear(name)


def currency() -> str:
    """Currency of the current workspace as a code, empty when none was set."""
    return str(warehouse().setting("currency", "") or "")


def mode() -> Literal["light", "dark"]:
    """Whether the visitor looks at the light or the dark theme; figures need to know."""
    return "dark" if st.context.theme.type == "dark" else "light"


def _is_current(opened: _Opened) -> bool:
    """Whether the warehouse was not closed by somebody else meanwhile."""
    path = opened.warehouse.path
    return path is not None and path.exists() and Warehouse.open(path) is opened.warehouse


def _close(opened: _Opened) -> None:
    """Stop the jobs and give the file free."""
    opened.runner.close()
    if _is_current(opened):
        opened.warehouse.close()


@st.cache_resource(show_spinner=False, validate=_is_current, on_release=_close)
def _opened(name: str) -> _Opened:
    opened = open_workspace(name)
    remove_left_behind(opened)
    jobs = JobRunner(opened)
    begin_what_waits(opened, jobs)
    return _Opened(opened, jobs)


@st.cache_resource(show_spinner=False)
def _house() -> JobRunner:
    return JobRunner(Warehouse.open(None))
