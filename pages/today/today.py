"""What changed, what is at stake, and what should be done first?"""

from __future__ import annotations

import streamlit as st

from ui import session
from ui import session_customers as calls
from ui import today_blocks as blocks
from ui.alert_links import waiting_block
from ui.data_age import stale_line
from ui.first_steps import path_block
from ui.layout import side_by_side
from ui.left_note import left_note
from ui.widgets import job_panel, page_header

page_header("Today", __doc__ or "")
stamp = session.stamp()
now = calls.today(stamp)
job_panel("score")

stale_line(stamp)
alerts_wait = waiting_block(stamp, session.currency())
if now.run is None:
    path_block(now)
    blocks.steps_block(now, after_alerts=alerts_wait)
    st.stop()

currency = session.currency()
blocks.figures_block(now, currency)
if now.totals is not None:
    left_note(now.totals)
st.caption(blocks.compared_with(now))
blocks.drift_block(stamp)
left, right = side_by_side([3, 2], key="today", last_first=True)
with left:
    blocks.stakes_block(stamp, now, currency)
with right:
    blocks.steps_block(now, after_alerts=alerts_wait)
blocks.first_customers_block(stamp, currency)
blocks.freshness_block(now)
