"""Which customers are about to leave, and how much money goes with them?"""

from __future__ import annotations

import streamlit as st

from ui import at_risk_blocks as blocks
from ui import session
from ui import session_customers as calls
from ui.customer_filter import filter_block
from ui.left_note import left_note
from ui.net_note import net_note
from ui.rhythm_blocks import late_link
from ui.session_rfm import take_asked_choice
from ui.today_blocks import next_page
from ui.widgets import empty_state, page_header

take_asked_choice()
page_header("At risk", __doc__ or "")
stamp = session.stamp()
now = calls.today(stamp)

if now.run is None:
    empty_state(
        "Nobody was scored yet. When there is a model and a scoring, this list ranks every eligible customer by "
        "risk and money, with the reasons in words.",
        *next_page(now),
    )
    late_link(stamp)
    st.stop()

blocks.notes_block(now.run)
currency = session.currency()
chosen = filter_block(stamp, now.run.source)
blocks.chosen_block(stamp, chosen)
totals = calls.totals(stamp, chosen)
blocks.figures_block(totals, currency)
left_note(totals, with_left=chosen.with_left)

if totals.n_customers == 0:
    empty_state("No customer matches all of these filters. Take one of them back, or clear them all.")
    st.stop()

selected = blocks.list_block(stamp, chosen, totals, currency)
blocks.actions_block(stamp, chosen, totals, selected)
net_note(stamp)
