"""Whom does contacting change, and whom is it worth contacting?"""

from __future__ import annotations

import streamlit as st

from ui import session
from ui import session_uplift as calls
from ui import uplift_blocks as blocks
from ui.widgets import empty_state, job_panel, page_header

page_header("Who can be saved", __doc__ or "")
stamp = session.stamp()
found = calls.studied(stamp)

if not found:
    only_orders = "" if stamp.state.last_order_at else " It is learnt from order histories; this workspace holds none."
    empty_state(
        "No campaign with a control group has been drawn yet. A finished one teaches who orders because of being "
        f"contacted, who would have ordered anyway, and whom contact puts off.{only_orders}",
        None if stamp.state.last_order_at else "pages/data/import_file.py",
        "Import",
    )
    if stamp.state.last_order_at is not None:
        blocks.proposal_block(calls.proposal(stamp, None))
    st.stop()

chosen, arm = blocks.choice_block(found)
is_running = job_panel("uplift")
learnt = calls.latest(stamp, chosen.campaign_id, arm)
currency = session.currency()

if learnt is None:
    empty_state(
        "Nothing was learnt from this campaign yet. Learning compares those who were contacted with the control, as "
        "they were known before the start, and takes a few seconds to a minute."
    )
    if not is_running:
        blocks.learn_button(chosen, arm, again=False)
    st.stop()

blocks.verdict_block(learnt, currency)
if not learnt.has_evidence:
    blocks.proposal_block(calls.proposal(stamp, chosen.campaign_id, arm))
blocks.curves_block(learnt, currency)
blocks.net_value_block(stamp, learnt, currency)
blocks.learners_block(learnt)
if not is_running:
    blocks.learn_button(chosen, arm, again=True)
