"""Who is this customer, how likely to leave, and why?"""

from __future__ import annotations

import streamlit as st

from ui import customer_blocks as blocks
from ui import session
from ui import session_customers as calls
from ui.alert_links import customer_alert_block
from ui.layout import side_by_side
from ui.movement_blocks import movement_block
from ui.rhythm_blocks import rhythm_block
from ui.standing_blocks import standing_block
from ui.value_blocks import customer_worth_block
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
score = profile.score
blocks.facts_block(profile, currency)
customer_alert_block(stamp, customer_id)
rhythm_block(stamp, customer_id)
customer_worth_block(stamp, customer_id, currency, score)
standing_block(stamp, customer_id)
if score is None:
    if profile.history:
        movement_block(stamp, profile)
    blocks.timeline_block(stamp, customer_id, currency)
    blocks.attributes_block(profile)
    st.stop()

left, right = side_by_side(2, key="reasons")
with left:
    blocks.reasons_block(stamp, score, customer_id, currency)
with right:
    blocks.history_block(stamp, profile)

# Only the part that is open is worked out: models are asked again when somebody wants to know.
why, moved, what_if, happened, numbers = st.tabs(blocks.PARTS, key="part", bind="query-params", on_change="rerun")
if why.open:
    with why:
        blocks.contributions_block(stamp, score, customer_id, currency)
if moved.open:
    with moved:
        movement_block(stamp, profile)
if what_if.open:
    with what_if:
        what_if_block(stamp, score, customer_id, currency)
if happened.open:
    with happened:
        blocks.timeline_block(stamp, customer_id, currency)
if numbers.open:
    with numbers:
        blocks.features_block(stamp, score, customer_id, currency)
        blocks.attributes_block(profile)
