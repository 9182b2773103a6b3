"""What lists and totals say about customers whose label says that they have left, and the switch that adds them."""

from __future__ import annotations

from typing import Any

import streamlit as st

from churn_core.customers.at_risk import Totals
from churn_core.customers.selection import CustomerFilter
from churn_core.customers.still_there import nobody_left
from churn_core.figures.theme import count, counted
from ui import session_customers as calls
from ui.session import Stamp


def left_switch(stamp: Stamp, source: str, **place: Any) -> bool:
    """Whether those who have left are meant as well; not asked where nobody has."""
    if source != "snapshots":
        return False
    n_left = calls.totals(stamp, CustomerFilter()).n_left
    return bool(n_left) and st.toggle(f"Also those who have left ({count(n_left)})", **place)


def left_note(found: Totals, *, with_left: bool = False) -> None:
    """That they are left out, or counted; silent where no label says so."""
    if not found.n_left:
        return
    if with_left:
        st.caption(
            f"Those who have left are counted as well: the label says so of {count(found.n_left)} of the "
            f"{count(found.n_scored)} scored."
        )
    elif found.n_there:
        who = counted(found.n_left, "customer")
        st.caption(f"Left out of the list and all totals: {who} whose label says that they have left.")
    else:
        st.caption(nobody_left(found.n_scored))
