"""Who are the best customers, who is slipping away from them, and where does each stand in their own rhythm?"""

from __future__ import annotations

import streamlit as st

from ui import rfm_blocks as blocks
from ui import rfm_moves, rfm_rule_blocks, session
from ui import session_rfm as calls
from ui.widgets import empty_state, page_header

page_header("RFM", __doc__ or "")
stamp = session.stamp()

if stamp.state.last_order_at is None:
    empty_state(
        "Recency, frequency and money need an order history: when each customer ordered, and for how much. With it, "
        "everybody is in a group such as champions or at risk, and in a stage of their own rhythm.",
        "pages/data/import_file.py",
        "Import",
    )
    st.stop()

currency = session.currency()
day = blocks.day_block(stamp)
found = calls.table(stamp, day)
blocks.notes_block(found)
blocks.figures_block(found, currency)

# Only the part that is open is worked out: movement and months look at many days.
groups, movement, lifecycle, thresholds = st.tabs(blocks.PARTS, key="part", bind="query-params", on_change="rerun")
if groups.open:
    with groups:
        blocks.groups_block(stamp, found, currency)
        blocks.grid_block(found, currency)
        blocks.actions_block(stamp, found)
if movement.open:
    with movement:
        rfm_moves.movement_block(stamp, day, currency)
if lifecycle.open:
    with lifecycle:
        rfm_moves.lifecycle_block(stamp, day, currency)
if thresholds.open:
    with thresholds:
        rfm_rule_blocks.limits_block(found, currency)
        rfm_rule_blocks.editor_block(stamp, found)
        rfm_rule_blocks.versions_block(stamp)
