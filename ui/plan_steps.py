"""Which block each step of a plan is: inputs while it is a draft, the frozen text once it is locked."""

from __future__ import annotations

import streamlit as st

from churn_core.campaigns.plan import STEPS
from churn_core.campaigns.store import Campaign
from ui.plan_arms import arms_step
from ui.plan_audience import audience_step
from ui.plan_draw import draw_step, lock_step, locked_step
from ui.plan_exclusions import exclusions_step
from ui.plan_export import export_step
from ui.plan_frame import EXPORT, LOCK, Missing
from ui.plan_goal import goal_step
from ui.plan_power import power_step
from ui.session import Stamp

_INPUTS = {
    "Goal": goal_step,
    "Audience": audience_step,
    "Exclusions": exclusions_step,
    "Arms": arms_step,
    "Power": power_step,
}


def step_block(stamp: Stamp, found: Campaign, step: int, missing: Missing) -> None:
    """The chosen step."""
    name = STEPS[step - 1]
    if step == EXPORT:
        if found.is_draft:
            st.info("The target list can be exported when the plan is locked: then everybody has an arm.")
        else:
            export_step(stamp, found)
    elif not found.is_draft:
        locked_step(found, name)
    elif step == LOCK:
        lock_step(stamp, found, missing)
    elif name == "Draw":
        draw_step(stamp, found, missing)
    else:
        _INPUTS[name](stamp, found)
