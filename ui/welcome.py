"""What a first visit sees while there is no workspace: what the product does and two ways to begin."""

from __future__ import annotations

import streamlit as st

from ui.workspace_picker import new_workspace_form


def welcome() -> None:
    """Draw the first visit."""
    st.title("Churn Early Warning", anchor=False)
    st.markdown(
        "Which customers are about to leave, how much money leaves with them, why, and what to do about it. "
        "Everything stays on this machine."
    )
    with st.container(border=True, width=560):
        st.subheader("Begin with your own shop", anchor=False)
        st.caption("Create a workspace, then import your order history: one file with customer and date is enough.")
        new_workspace_form()
