"""Alerts on other pages: how many wait, on Today; the open one of a customer, on the customer's page."""

from __future__ import annotations

import streamlit as st

from churn_core.customers.alert_model import STAKE_KINDS
from churn_core.figures.theme import count, counted, money
from ui import alert_actions as actions
from ui import session_alerts as calls
from ui.alert_panel import customer_alert
from ui.at_work import keep_name
from ui.errors import show_callback_error
from ui.session import Stamp


def waiting_block(stamp: Stamp, currency: str) -> bool:
    """How many alerts wait and what is at stake, with the way to the queue; silent while nobody waits.

    Whether anybody waits.
    """
    found = calls.summary(stamp)
    n_waiting = found.n_waiting_for_somebody
    if not n_waiting:
        return False
    stake = f", {money(found.stake, currency)} {STAKE_KINDS[found.stake_kind]}" if found.stake is not None else ""
    overdue = f"{count(found.n_overdue)} overdue · " if found.n_overdue else ""
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="alerts_waiting"):
        st.markdown(
            f"**{counted(n_waiting, 'alert waits', 'alerts wait')}{stake}**  \n"
            f":gray[{overdue}one after the other, each with why and what next]",
            width="stretch",
        )
        st.page_link(calls.PAGE, label="Open the queue", icon=":material/arrow_forward:", width="content")
    return True


def customer_alert_block(stamp: Stamp, customer_id: str) -> None:
    """The alert of this customer that somebody still has to look at, with everything that can be done with it."""
    show_callback_error(actions.PLACE)
    found = calls.of_customer(stamp, customer_id)
    if found is None:
        actions.said_block(customer_id)
    else:
        customer_alert(stamp, found)
    keep_name()
