"""One quiet line that the orders end a while ago, with the way to Import; on the pages that speak of today."""

from __future__ import annotations

import streamlit as st

from churn_core.customers.data_age import stale_words
from churn_core.warehouse import utc_now
from ui.errors import plain
from ui.session import Stamp


def stale_line(stamp: Stamp) -> None:
    """Silent while the orders are fresh, and where there are none."""
    words = stale_words(stamp.state.last_order_at, utc_now())
    if not words:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="stale"):
        st.caption(plain(words), width="content")
        st.page_link("pages/data/import_file.py", label="Import", icon=":material/arrow_forward:", width="content")
