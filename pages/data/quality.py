"""Can this data be trusted, and what would its weak spots do to the model?"""

from __future__ import annotations

import streamlit as st

from ui import quality_blocks as blocks
from ui import session
from ui.widgets import empty_state, next_link, page_header

page_header("Data quality", __doc__ or "")
stamp = session.stamp()
report = blocks.report(stamp)

if not report.tables:
    empty_state(
        "There is nothing to check yet. After the first import this page shows per table what is missing, doubled, "
        "impossible, contradictory or old.",
        "pages/data/import_file.py",
        "Import",
    )
    st.stop()

blocks.verdict_block(report)
blocks.overview_block(report)
next_link(stamp.state)
blocks.findings_block(report)
blocks.daily_block(report)
blocks.filled_block(report)
