"""Do customers who came together come back, what do they bring, and who is late by their own rhythm?"""

from __future__ import annotations

import streamlit as st

from ui import cohort_blocks as blocks
from ui import rhythm_blocks as rhythms
from ui import session
from ui.widgets import empty_state, page_header

page_header("Cohorts", __doc__ or "")
stamp = session.stamp()

if stamp.state.last_order_at is None:
    empty_state(
        "Cohorts are told from orders with a day, and there are none yet. With them, this page shows who comes back "
        "and who is late by their own rhythm; no model is needed.",
        "pages/data/import_file.py",
        "Import",
    )
    st.stop()

currency = session.currency()
triangle, curves, late = st.tabs(blocks.PARTS, key="part", bind="query-params", on_change="rerun")
if triangle.open:
    with triangle:
        blocks.triangle_block(stamp, currency)
if curves.open:
    with curves:
        blocks.curves_block(stamp)
if late.open:
    with late:
        rhythms.late_block(stamp, currency)
