"""Who needs somebody today, how much is at stake, why, and what next?"""

from __future__ import annotations

import streamlit as st

from ui import alert_actions as actions
from ui import alert_blocks as blocks
from ui import alert_queue as queue
from ui import session
from ui import session_alerts as calls
from ui.alert_bulk import bulk_block
from ui.alert_panel import alert_panel
from ui.alert_policy_blocks import policy_block
from ui.at_work import keep_name
from ui.data_age import stale_line
from ui.errors import show_callback_error
from ui.widgets import empty_state, job_panel, page_header

page_header("Alerts", __doc__ or "")
stamp = session.stamp()
# What comes and goes stands in a place of its own: when it moved the queue, the browser would draw the table anew, with
# the row that was marked before.
above = st.container()
with above:
    job_panel("alerts", "score")

if stamp.state.is_empty:
    empty_state(
        "There are no customers yet. Alerts follow from their orders, and from the scores of a model.",
        "pages/data/import_file.py",
        "Import",
    )
    st.stop()

currency = session.currency()
with above:
    stale_line(stamp)
    blocks.model_block(stamp)
    blocks.figures_block(stamp, currency)
    show_callback_error(actions.PLACE)
left, right = blocks.list_and_panel()
with left:
    chosen, sort = queue.filter_block(stamp)
    found = calls.queue(stamp, chosen, sort, queue.queue_page())
    opened = calls.opened(found)
    queue.told_block(found, sort, currency)
    if found.rows:
        ticked = queue.list_block(found, chosen, opened, currency)
        bulk_block(stamp, found, chosen, sort, ticked)
    else:
        blocks.nothing_block(stamp, chosen)
if opened is not None:
    with right:
        alert_panel(stamp, opened, currency, then=calls.open_next)
blocks.renewal_block(stamp)
blocks.helps_block(stamp)
policy_block(stamp, currency)
keep_name()
