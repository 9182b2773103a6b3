"""The line below a list about the net value of contacting: why there is none, or of which scoring it is."""

from __future__ import annotations

import streamlit as st

from ui.errors import plain
from ui.session import Stamp
from ui.session_uplift import net_state


def net_note(stamp: Stamp) -> None:
    """Say why the list has no net values, or what has to be known about those it has, with the way to the page."""
    state = net_state(stamp)
    words = state.told
    if not words and state.is_known:
        low, high = state.silent_days or (0, 0)
        words = (
            f"Net value of contacting: expected margin less its cost, as campaign {state.campaign_name!r} taught; "
            f"empty for customers silent for fewer than {low:.0f} or more than {high:.0f} days, who were not in it."
        )
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(plain(words))
        if stamp.state.last_order_at is not None:
            st.page_link("pages/campaigns/who_to_save.py", label="Who can be saved", icon=":material/arrow_forward:")
