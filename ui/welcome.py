"""What a first visit sees while there is no workspace: what the product does and two ways to begin."""

from __future__ import annotations

import streamlit as st

from churn_core.workspaces import DEMO
from ui import session
from ui.errors import guarded
from ui.widgets import job_panel, job_started
from ui.workspace_picker import new_workspace_form


def welcome() -> None:
    """Draw the first visit."""
    st.title("Churn Early Warning", anchor=False)
    st.markdown(
        "Which customers are about to leave, how much money leaves with them, why, and what to do about it. "
        "Everything stays on this machine."
    )
    is_building = job_panel("demo", runner=session.house_runner())
    if is_building:
        st.caption("The demo shop opens by itself when it is ready, in about a minute.")
    own, demo = st.columns(2, gap="medium")
    with own.container(border=True, height="stretch"):
        st.subheader("Begin with your own shop", anchor=False)
        st.caption("Create a workspace, then import your order history: one file with customer and date is enough.")
        new_workspace_form()
    with demo.container(border=True, height="stretch"):
        st.subheader("Look around in a demo shop", anchor=False)
        st.caption(
            "A simulated shop with 20,000 customers and three years of orders, visits, reviews and e-mails, "
            "trained and scored. It takes about a minute to build."
        )
        st.button("Build the demo shop", on_click=guarded(_build_demo), disabled=is_building)


def _build_demo() -> None:
    """Start building, once."""
    from churn_core.campaigns.demo import build_demo_workspace

    runner = session.house_runner()
    if not runner.unfinished():
        job_started(
            runner.start(
                "demo",
                "Building the demo shop",
                lambda progress: build_demo_workspace(DEMO, value_later=True, progress=progress).to_dict(),
            )
        )
