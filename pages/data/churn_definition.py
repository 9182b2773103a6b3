"""When has a customer of this shop churned?"""

from __future__ import annotations

import streamlit as st

from ui import definition_blocks as blocks
from ui import session
from ui.widgets import empty_state, page_header

page_header("Churn definition", __doc__ or "")
stamp = session.stamp()

if stamp.state.last_order_at is None and stamp.state.n_snapshots:
    empty_state(
        "Your table brings its own churn label, so there is nothing to define: whoever the label says left, has "
        "churned. A definition is needed only for an order history.",
        "pages/models/train.py",
        "Train a model",
    )
    st.stop()
if stamp.state.last_order_at is None:
    empty_state(
        "There are no orders yet. When they are there, this page proposes from the gaps between them after how many "
        "days without an order a customer counts as churned.",
        "pages/data/import_file.py",
        "Import orders",
    )
    st.stop()

blocks.proposal_block(stamp)
definition = blocks.choice_block(stamp)
st.markdown(blocks.words(definition))
blocks.readiness_block(stamp, definition)
blocks.save_block(stamp, definition)
with st.grid(2, min_column_width=380, gap="large"):
    with st.container():
        blocks.gaps_block(stamp, definition.horizon_days)
    with st.container():
        blocks.months_block(stamp, definition)
