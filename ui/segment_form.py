"""The block of the Segments page that divides the customers anew: by what, how, and into how many."""

from __future__ import annotations

import streamlit as st

from churn_core.customers.segmentation import Asked
from churn_core.customers.segmentation_fit import K_MOST, METHODS
from churn_core.customers.segmentation_inputs import USUAL
from churn_core.customers.segmentation_store import Segmentation
from churn_core.customers.segments import N_NAME_MOST
from ui import session_segments as calls
from ui.errors import guarded
from ui.layout import side_by_side
from ui.session import Stamp
from ui.widgets import wait_note, waits_for

PROPOSED = "Proposed"
ABOUT = {
    "kmeans": "Round groups of similar customers; fast at any size.",
    "ward": "Grows a tree from a sample of customers; everybody else joins the segment with the nearest centre.",
    "mixture": "Overlapping groups of any direction, with the probability that a customer belongs to each.",
}


def form_block(stamp: Stamp, again: Segmentation | None = None) -> None:
    """The choices and the button; with ``again``, the features and method of that segmentation stand in them."""
    key = f"seg_{again.segmentation_id if again else 'new'}_"
    by_name = {feature.name: feature for feature in calls.offered(stamp)}
    groups = {feature.group: feature.group_label for feature in by_name.values()}
    stored = [name for name in again.settings["features"] if name in by_name] if again else []
    with st.container(border=True):
        first, second = side_by_side([2, 3], key=f"{key}form")
        with first:
            name = st.text_input("Name", again.name if again else "Segments", key=f"{key}name", max_chars=N_NAME_MOST)
            method = st.segmented_control(
                "Method", list(METHODS), format_func=lambda one: METHODS[one], required=True,
                default=again.method if again else "kmeans", key=f"{key}method",
            )  # fmt: skip
            st.caption(ABOUT[str(method)])
            k = st.selectbox(
                "Number of segments", [PROPOSED, *range(2, K_MOST + 1)],
                index=again.settings["k"] - 1 if again else 0, key=f"{key}k",
                help="The proposal compares silhouette, Calinski-Harabasz, gap and stability on a sample.",
            )  # fmt: skip
        with second:
            chosen_groups = st.multiselect(
                "Features by group", list(groups), format_func=lambda one: groups[one], key=f"{key}groups",
                placeholder="None",
            )  # fmt: skip
            usual = "; ".join(by_name[one].label for one in USUAL if one in by_name)
            names = st.multiselect(
                "Features by hand", list(by_name), default=stored, key=f"{key}features",
                format_func=lambda one: by_name[one].label,
                placeholder=f"{'The usual dozen' if usual else 'All columns of numbers'}, when nothing is chosen",
            )  # fmt: skip
            if usual:
                st.caption(f"The usual dozen, as far as the data has it: {usual}.")
        asked = Asked(
            name=name or "",
            method=str(method),
            groups=tuple(chosen_groups),
            features=tuple(names),
            k=None if k == PROPOSED else int(k),
            continues_id=again.segmentation_id if again else None,
        )
        st.button(
            "Fit again" if again else "Divide the customers", type="primary", key=f"{key}fit",
            disabled=bool(waits_for()), on_click=guarded(calls.start_fit), args=(asked,),
        )  # fmt: skip
        wait_note()
        if again:
            st.caption(
                "Fitting again keeps this segmentation and makes a new one beside it; each new segment says which old "
                "one it continues, and takes over a name that somebody gave."
            )
