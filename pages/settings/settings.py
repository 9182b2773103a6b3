"""How are money and risk counted in this workspace, who is kept out of campaigns, and what was changed when?"""

from __future__ import annotations

import streamlit as st

from ui import settings_blocks as blocks
from ui.holdout_blocks import holdout_block
from ui.layout import side_by_side
from ui.widgets import job_panel, page_header

page_header("Settings", __doc__ or "")
job_panel("score")

money, tiers = side_by_side(2, key="money")
with money:
    st.subheader("Money", anchor=False)
    blocks.money_block()
with tiers:
    st.subheader("Risk tiers", anchor=False)
    blocks.tiers_block()
blocks.score_again_block()

st.subheader("Stable attributes", anchor=False)
blocks.stable_block()

st.subheader("Global holdout", anchor=False)
holdout_block()

st.subheader("This workspace", anchor=False)
blocks.workspace_block()

st.subheader("Latest changes", anchor=False)
blocks.changes_block()
