"""The block of the Segments page about one segment: its name, and where to go with its customers."""

from __future__ import annotations

import streamlit as st

from churn_core.customers import segmentation_store as store
from churn_core.customers.segmentation_export import csv_name
from churn_core.customers.segmentation_money import SegmentationMoney, SegmentMoney
from churn_core.customers.segmentation_store import Segmentation
from churn_core.customers.segments import N_NAME_MOST, segment
from churn_core.customers.selection import CustomerFilter
from churn_core.figures.theme import count, counted
from ui import session
from ui import session_segments as calls
from ui.errors import guarded, plain, sentence
from ui.numbered_choice import numbered_choice
from ui.plan_list import open_plan
from ui.session import Stamp
from ui.session_plan import begin_for

AT_RISK = "pages/customers/at_risk.py"
SEGMENT = "of"
"""Parameter of the address."""


def members_block(stamp: Stamp, found: Segmentation, now: SegmentationMoney) -> None:
    """Choose a segment; name it, open its customers, plan a campaign, take the list along."""
    st.subheader("Work with a segment", anchor=False)
    by_no = {entry.no: entry for entry in now.segments}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        no = numbered_choice(
            "Segment", {one: f"{one} {entry.name}" for one, entry in by_no.items()}, SEGMENT, width=420
        )
        chosen = by_no[no]
        with st.popover("Rename", icon=":material/edit:", key=f"rename_{found.segmentation_id}_{no}"):
            key = f"name_{found.segmentation_id}_{no}"
            st.text_input("Name", chosen.name, key=key, max_chars=N_NAME_MOST)
            st.button(
                "Keep the name", type="primary", key=f"keep_{key}", on_click=guarded(_rename),
                args=(found.segmentation_id, no, key),
            )  # fmt: skip
            st.caption(f"Proposed from what sets it apart: {plain(chosen.words)}.")
    _actions(stamp, found, now, chosen)


def _actions(stamp: Stamp, found: Segmentation, now: SegmentationMoney, chosen: SegmentMoney) -> None:
    if not chosen.n_customers:
        st.markdown(sentence("nobody is in this segment any more; fit again to divide the customers anew"))
        return
    warehouse = session.warehouse(stamp.workspace)
    with st.container(horizontal=True, vertical_alignment="center"):
        if chosen.n_scored and chosen.segment_id is not None:
            if st.button(f"Open {count(chosen.n_scored)} in At risk", icon=":material/list:", key="open_members"):
                name = segment(warehouse, chosen.segment_id).name
                st.switch_page(AT_RISK, query_params={"segment": name})
            whom = count(chosen.n_scored) if chosen.n_scored < chosen.n_customers else "them"
            if st.button(f"Plan a campaign for {whom}", icon=":material/campaign:", key="plan_members"):
                open_plan(begin_for(CustomerFilter(segment_id=chosen.segment_id), ()).campaign_id)
        st.download_button(
            f"CSV of {counted(chosen.n_customers, 'customer')}",
            data=calls.csv_of(warehouse, found.segmentation_id, chosen.no),
            file_name=csv_name(found.name, chosen.no, chosen.n_customers),
            mime="text/csv", on_click="ignore", icon=":material/download:", key="members_csv",
        )  # fmt: skip
        st.download_button(
            f"CSV of all {count(now.n_customers)}",
            data=calls.csv_of(warehouse, found.segmentation_id, None),
            file_name=csv_name(found.name, None, now.n_customers),
            mime="text/csv", on_click="ignore", icon=":material/download:", key="all_csv",
        )  # fmt: skip
    said = _not_listed(chosen)
    if said:
        st.caption(said)


def _not_listed(chosen: SegmentMoney) -> str:
    """Who of the segment is not on lists and in campaigns, and why; empty where everybody is."""
    if not chosen.n_scored and not chosen.n_left:
        return "At risk and campaigns list customers who were scored; score them first."
    n_unscored = chosen.n_customers - chosen.n_left - chosen.n_scored
    why = [f"{count(chosen.n_left)} whose label says that they have left"] if chosen.n_left else []
    why += [f"{count(n_unscored)} who were not scored"] if n_unscored else []
    if not why:
        return ""
    in_file = "everybody and says who has left" if chosen.n_left else "everybody"
    return f"At risk and campaigns leave out {' and '.join(why)}; the CSV holds {in_file}."


def _rename(segmentation_id: int, no: int, key: str) -> None:
    store.rename(session.warehouse(), segmentation_id, no, st.session_state[key] or "")
