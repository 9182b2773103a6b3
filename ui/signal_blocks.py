"""The block of the Train page that offers time-series signals beside the usual features."""

from __future__ import annotations

import streamlit as st

from churn_core.features.signals import SIGNALS, asked_signals, choose_signals
from ui import session
from ui.errors import guarded

KEY = "signals_chosen"


def signals_block(source: str) -> None:
    """Which groups of time-series signals the next training learns from; only where there is an order history."""
    if source != "orders":
        return
    chosen = asked_signals(session.warehouse())
    with st.expander("Time-series signals", expanded=bool(chosen)):
        st.multiselect(
            "Learn from these signals too",
            list(SIGNALS),
            default=list(chosen),
            format_func=lambda name: SIGNALS[name],
            key=KEY,
            on_change=guarded(_choose),
            placeholder="None: the usual features hold windows, trends and the season already",
        )
        st.caption(
            "In backtests no group by itself made the chosen blend clearly better, neither on a real shop nor on a "
            "simulated one; all together they did on the simulated shop alone. So none is used unless you choose it. "
            "Another shop may differ: train with them and without them and compare the versions."
        )


def _choose() -> None:
    choose_signals(session.warehouse(), st.session_state[KEY])
