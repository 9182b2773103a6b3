"""Who is this customer, how likely to leave, and why?"""

from __future__ import annotations

import streamlit as st

from ui import customer_blocks as blocks
from ui import session
from ui import session_customers as calls
from ui.layout import side_by_side
from ui.movement_blocks import movement_block
from ui.what_if_blocks import what_if_block
from ui.widgets import empty_state, page_header

page_header("Customer", __doc__ or "")
stamp = session.stamp()

if stamp.state.is_empty:
    empty_state(
        "There are no customers yet. They come with the first import of orders, or of a table with a churn column.",
        "pages/data/import_file.py",
        "Import",
    )
    st.stop()

customer_id = blocks.choose_block(stamp)
if customer_id is None:
    st.stop()

currency = session.currency()
profile = calls.customer(stamp, customer_id)
blocks.facts_block(profile, currency)
if profile.score is not None:
    reading = blocks.force_block(stamp, profile.score, customer_id, currency)
    left, right = side_by_side(2, key="reasons")
    with left:
        blocks.reasons_block(stamp, profile.score, customer_id, currency)
    with right:
        blocks.history_block(stamp, profile)
    blocks.contributions_block(profile.score, reading, currency)
movement_block(stamp, profile)
if profile.score is not None:
    what_if_block(stamp, profile.score, customer_id, currency)
blocks.timeline_block(profile, currency)
if profile.score is not None:
    blocks.features_block(stamp, profile.score, customer_id, currency)
blocks.attributes_block(profile)
