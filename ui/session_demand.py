"""The cached call of the Demand page into the core, keyed by the workspace's stamp."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from churn_core.customers import demand
from churn_core.errors import NotEnoughData
from ui import session

if TYPE_CHECKING:
    from churn_core.customers.demand import Demand
    from ui.session import Stamp


@st.cache_data(show_spinner="Asking every method at past weeks …", max_entries=16)
def forecast(stamp: Stamp, n_weeks: int) -> Demand | str:
    """Orders and revenue of the weeks ahead; a sentence where there is too little to foresee them from."""
    try:
        return demand.forecast_demand(session.warehouse(stamp.workspace), n_weeks)
    except NotEnoughData as error:
        return str(error)
