"""Cached calls of the Value page into the core, and the work that the page can start."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import streamlit as st

from churn_core.customers import worth, worth_export, worth_stake, worth_view
from churn_core.customers.worth import WorthPlan
from churn_core.customers.worth_stake import Stake
from churn_core.customers.worth_view import WorthRun
from churn_core.customers.worth_waiting import JOB as KIND
from ui import session
from ui.first_opening import LABEL, valuing
from ui.session import Stamp
from ui.widgets import job_started

if TYPE_CHECKING:
    import pandas as pd

    from churn_core.warehouse import Warehouse

N_ROWS = 25
"""Customers on one page of the list."""


@st.cache_data(show_spinner=False, max_entries=8)
def latest(stamp: Stamp) -> WorthRun | None:
    """The newest run of values; None before the first."""
    return worth_view.latest_worth(session.warehouse(stamp.workspace))


@st.cache_data(show_spinner=False, max_entries=8)
def stake(stamp: Stamp) -> Stake | None:
    """Where the value at risk is; None when nobody was scored."""
    return worth_stake.value_at_stake(session.warehouse(stamp.workspace)) if stamp.state.run_id else None


@st.cache_data(show_spinner=False, max_entries=8)
def proposed(stamp: Stamp) -> WorthPlan:
    """What was asked last, or a first proposal."""
    return worth.proposed_plan(session.warehouse(stamp.workspace))


@st.cache_data(show_spinner=False, max_entries=64)
def rows(stamp: Stamp, sort: str, page_nr: int) -> pd.DataFrame:
    """One page of the list, the first being 1."""
    warehouse = session.warehouse(stamp.workspace)
    return worth_view.worth_page(warehouse, sort=sort, offset=(page_nr - 1) * N_ROWS, limit=N_ROWS)


@st.cache_data(show_spinner=False, max_entries=64)
def of_customer(stamp: Stamp, customer_id: str) -> dict[str, Any] | None:
    """What one customer is worth; None where that is not known."""
    return worth_view.worth_of(session.warehouse(stamp.workspace), customer_id)


def export_of(warehouse: Warehouse, sort: str, worth_id: int) -> Callable[[], bytes]:
    """What a download button calls when it is clicked: the whole list as seen on the page, or an error."""

    def write() -> bytes:
        export = worth_export.write_worth(warehouse, warehouse.file("x").parent, sort=sort, worth_id=worth_id)
        try:
            return export.path.read_bytes()
        finally:
            export.path.unlink(missing_ok=True)

    return write


def start_valuing(plan: WorthPlan) -> None:
    """Value all past buyers in the background."""
    job_started(session.runner().start(KIND, LABEL, valuing(session.warehouse(), plan)))
