"""Inputs of a plan: each shows what the draft holds and is kept in the draft the moment it changes.

Separate from the steps because all of them keep their changes in the same way. An input is filled from the draft
whenever its step is opened, so that a step can be revisited and a reload loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from churn_core.campaigns.plan import STEPS, Plan
from churn_core.campaigns.store import Campaign
from ui import session_plan as calls
from ui.errors import guarded, show_callback_error

Change = Callable[[Plan, Any], Plan]
"""What a new value makes of the plan."""

ERRORS = "plan"
"""Place of the errors of these inputs: shown at the step, not above the page."""


@dataclass(frozen=True, kw_only=True)
class Fields:
    """The inputs of one step of one draft."""

    found: Campaign
    step: str
    """Name of the step."""

    @property
    def number(self) -> int:
        """Number of the step, from 1."""
        return STEPS.index(self.step) + 1

    def key(self, name: str) -> str:
        """Key of an input."""
        return f"{self.found.campaign_id}.{self.step}.{name}"

    def at(self, name: str, value: Any, change: Change) -> dict[str, Any]:
        """Key and callback of an input that shows ``value`` and keeps what is entered."""
        key = self.key(name)
        st.session_state.setdefault(key, value)
        return {"key": key, "on_change": guarded(self._take, place=ERRORS), "args": (key, change)}

    def doing(self, made: Callable[[Plan], Plan], *, forget: tuple[str, ...] = ()) -> dict[str, Any]:
        """Callback of a button that changes the plan; inputs whose keys begin with ``forget`` are filled anew."""
        return {"on_click": guarded(self.keep, place=ERRORS), "args": (made, forget)}

    def keep(self, made: Callable[[Plan], Plan], forget: tuple[str, ...] = ()) -> None:
        """Change the draft."""
        calls.change(self.found.campaign_id, self.number, made)
        for key in [key for key in st.session_state if str(key).startswith(tuple(map(self.key, forget)))]:
            del st.session_state[key]

    def _take(self, key: str, change: Change) -> None:
        """Keep a value; a button pressed in the same moment may have emptied the input, which is then filled anew."""
        if key not in st.session_state:
            return
        value = st.session_state[key]
        calls.change(self.found.campaign_id, self.number, lambda plan: change(plan, value))


def errors_of_fields() -> None:
    """Why the last change could not be kept."""
    if show_callback_error(ERRORS):
        st.caption("This change was not kept; the draft is as it was before.")
