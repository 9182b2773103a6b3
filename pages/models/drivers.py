"""What drives the risk, for everybody and for a group?"""

from __future__ import annotations

import streamlit as st

from ui import drivers_blocks as blocks
from ui import session
from ui import session_customers as calls
from ui.customer_filter import filter_block
from ui.today_blocks import next_page
from ui.widgets import empty_state, page_header

page_header("Drivers", __doc__ or "")
stamp = session.stamp()
now = calls.today(stamp)

if now.run is None:
    empty_state(
        "Nobody was scored yet. When there is a model and a scoring, this page says what moves the risks, and what "
        "makes one group of customers riskier than the rest.",
        *next_page(now),
    )
    st.stop()

chosen = filter_block(stamp, now.run.source, is_list=False)
if blocks.is_nobody(stamp, chosen):
    empty_state("No customer matches all of these filters. Take one of them back, or clear them all.")
    st.stop()

found = blocks.found_drivers(stamp, chosen)
blocks.group_block(found)
blocks.means_block(found, blocks.reading_block(found))
st.subheader("Customer by customer", anchor=False)
blocks.swarm_block(stamp, chosen, found)
st.subheader("One signal", anchor=False)
blocks.dependence_block(stamp, chosen, found, session.currency())
