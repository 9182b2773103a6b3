"""A quiet word where money first stands on a page and the shop has said no currency: where to set it.

Separate because many pages show money and each is to say it once at most, in the same words.
"""

from __future__ import annotations

import streamlit as st

from ui import session


def currency_hint(*, is_money: bool = True) -> None:
    """Where the currency is set; nothing when there is one, or when no amount is shown."""
    if is_money and not session.currency():
        st.page_link(
            "pages/settings/settings.py",
            label=":gray[:small[Amounts have no currency yet: choose it in Settings]]",
            icon=":material/payments:",
            width="content",
        )
