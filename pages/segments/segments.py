"""Which groups of customers are there, what is each like and worth, and how do they change?"""

from __future__ import annotations

import streamlit as st

from ui import segment_blocks as blocks
from ui import segment_form, session
from ui import segment_member_blocks as members
from ui import segment_moves_blocks as moving
from ui import session_segments as calls
from ui.widgets import empty_state, job_panel, page_header

page_header("Segments", __doc__ or "")
stamp = session.stamp()

if stamp.state.is_empty:
    empty_state(
        "There are no customers to divide yet. An order history is enough: customers who buy alike are put together, "
        "with words for what sets each group apart.",
        "pages/data/import_file.py",
        "Import",
    )
    st.stop()

job_panel(calls.JOB)
found = calls.segmentations(stamp)
if not found:
    st.markdown("No segments were made yet. Take the usual features and the proposed number, or choose your own.")
    segment_form.form_block(stamp)
    st.stop()

currency = session.currency()
chosen = blocks.choice_block(found)
now = calls.money_of(stamp, chosen.segmentation_id)
blocks.figures_block(chosen, now, currency)

overview, on_map, number, movement, again = st.tabs(
    blocks.PARTS, key=blocks.PART, bind="query-params", on_change="rerun"
)
if overview.open:
    with overview:
        blocks.segments_block(stamp, chosen, now, currency)
        members.members_block(stamp, chosen, now)
if on_map.open:
    with on_map:
        blocks.map_block(chosen)
if number.open:
    with number:
        blocks.number_block(stamp, chosen)
if movement.open:
    with movement:
        moving.movement_block(stamp, chosen)
if again.open:
    with again:
        st.subheader("Fit this one again", anchor=False)
        segment_form.form_block(stamp, chosen)
        st.subheader("Divide anew", anchor=False)
        segment_form.form_block(stamp)
