"""Cached calls of the Cut-offs page into the core, keyed by the workspace's stamp."""

from __future__ import annotations

import streamlit as st

from churn_core.customers import risk_counts as counting
from churn_core.customers import scenario as scenarios
from churn_core.customers import tiers
from churn_core.customers.risk_counts import RiskCounts
from churn_core.customers.scenario import Scenario
from churn_core.customers.tier_policy import TierPolicy
from churn_core.customers.tiers import SavedPolicy, TierCount
from ui import session
from ui.session import Stamp


@st.cache_data(show_spinner="Counting customers by risk", max_entries=8)
def risk_counts(stamp: Stamp) -> RiskCounts:
    """The latest run, counted once; every threshold is answered from it."""
    return counting.risk_counts(session.warehouse(stamp.workspace))


@st.cache_data(show_spinner=False, max_entries=64)
def tier_counts(stamp: Stamp, policy: TierPolicy) -> tuple[TierCount, ...]:
    """How many customers each tier would get."""
    return tiers.tier_counts(session.warehouse(stamp.workspace), policy)


@st.cache_data(show_spinner=False, max_entries=8)
def saved_policies(stamp: Stamp) -> list[SavedPolicy]:
    """All versions of the tier policy, newest first."""
    return tiers.saved_policies(session.warehouse(stamp.workspace))


def saved_scenarios(stamp: Stamp) -> dict[str, Scenario]:
    """The remembered scenarios, as they are now."""
    return scenarios.saved_scenarios(session.warehouse(stamp.workspace))
