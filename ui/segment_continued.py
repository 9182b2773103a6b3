"""The block of the Segments page that asks, after fitting again, which old segment each new one continues."""

from __future__ import annotations

import streamlit as st

from churn_core.customers import segmentation_match
from churn_core.customers.segmentation_store import Segmentation, segmentations
from churn_core.figures.theme import UNKNOWN, count
from ui import session
from ui.errors import guarded
from ui.folded_table import folded_table

NONE = "none, it is new"


def continued_block(found: Segmentation) -> None:
    """The pairs as they stand, and saying otherwise."""
    with st.expander("Which old segment does each one continue?", expanded=True):
        folded_table(_rows(found), key="continued", left=("Continues",))
        st.caption(
            "Paired so that the customers in both are most in total; a pair counts when it shares a third of both. "
            "A name that somebody gave goes with its segment."
        )
        olds = {one.segmentation_id: one for one in segmentations(session.warehouse())}
        old = olds.get(found.continues_id or 0)
        if old is None:
            st.caption("The segmentation that was fitted again is deleted; the pairs stay as they were.")
            return
        _change(found, old)


def _change(found: Segmentation, old: Segmentation) -> None:
    names = {entry.no: f"{entry.no} {entry.name}" for entry in found.segments}
    old_names = {0: NONE, **{entry.no: f"{entry.no} {entry.name}" for entry in old.segments}}
    now = {entry.no: entry.old_no or 0 for entry in found.continued}
    key, numbers = f"continued_{found.segmentation_id}", list(old_names)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        no = st.selectbox("Segment", list(names), format_func=names.__getitem__, key=key, width=320)
        chosen = st.selectbox(
            "Continues", numbers, index=numbers.index(now[no]), format_func=old_names.__getitem__,
            key=f"{key}_{no}_{now[no]}", width=320,
        )  # fmt: skip
        st.button(
            "Set", key=f"{key}_set", on_click=guarded(_say), args=(found.segmentation_id, no, chosen),
            disabled=chosen == now[no],
        )  # fmt: skip


def _rows(found: Segmentation) -> list[dict[str, str]]:
    return [
        {
            "Segment": f"{entry.no} {found.segment(entry.no).name}",
            "Continues": NONE if entry.old_no is None else f"{entry.old_no} {entry.old_name}",
            "In both": UNKNOWN if entry.old_no is None else count(entry.n_shared),
            "Of the new": count(entry.n_new),
            "Of the old": UNKNOWN if entry.old_no is None else count(entry.n_old),
        }
        for entry in found.continued
    ]


def _say(segmentation_id: int, no: int, old_no: int) -> None:
    segmentation_match.say_continued(session.warehouse(), segmentation_id, no, old_no or None)
