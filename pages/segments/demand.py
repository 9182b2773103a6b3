"""How many orders and how much revenue will the coming weeks bring, with and without the customers at risk?"""

from __future__ import annotations

import streamlit as st

from ui import demand_blocks as blocks
from ui import session
from ui import session_demand as calls
from ui.currency_hint import currency_hint
from ui.errors import sentence
from ui.widgets import empty_state, page_header

page_header("Demand", __doc__ or "")
stamp = session.stamp()
currency = session.currency()

if stamp.state.last_order_at is None:
    empty_state(
        "There are no orders yet. With an order history of at least twelve weeks this page foresees the orders and the "
        "revenue of the coming weeks, beside what would have been foreseen in the past and what came.",
        "pages/data/import_file.py",
        "Import",
    )
    st.stop()

with st.container(horizontal=True, vertical_alignment="bottom"):
    n_weeks = blocks.weeks_input()
    place = st.container()
demand = calls.forecast(stamp, n_weeks)
if isinstance(demand, str):
    empty_state(sentence(demand), "pages/data/import_file.py", "Import")
    st.stop()
with place:
    found = blocks.measure_input(demand)
blocks.figures_block(demand, found, currency)
blocks.weeks_note(stamp, found)
currency_hint(is_money=found.measure == "revenue")
blocks.chart_block(demand, found, currency)
blocks.backtest_block(found)
blocks.weeks_block(demand, found, currency)
