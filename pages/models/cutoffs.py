"""From which risk on is contacting customers worth its cost, and who counts as high risk?"""

from __future__ import annotations

import streamlit as st

from ui import cutoff_blocks as blocks
from ui import policy_blocks, session
from ui import session_customers as calls
from ui.currency_hint import currency_hint
from ui.widgets import empty_state, page_header

page_header("Cut-offs", __doc__ or "")
stamp = session.stamp()

if not stamp.state.run_id:
    empty_state(
        "Nobody was scored yet. When there is a model and a scoring, this page says for every risk whom contacting "
        "reaches, what it costs and what it saves.",
        "pages/models/train.py",
        "Train",
    )
    st.stop()

currency = session.currency()
currency_hint()
policy = calls.policy(stamp)
blocks.cutoffs_block(stamp, blocks.first_thresholds(stamp, policy.high_from, policy.medium_from), currency)

st.subheader("Risk tiers", anchor=False)
policy_blocks.policy_block(stamp, currency)
policy_blocks.versions_block(stamp)
