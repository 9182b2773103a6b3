"""The block of the Segments page about time: who changed segment between two dates, and which segments moved."""

from __future__ import annotations

from datetime import date, datetime

import streamlit as st

from churn_core.customers.segmentation_drift import Move
from churn_core.customers.segmentation_store import Segmentation
from churn_core.figures import segments as figures
from churn_core.figures.theme import UNKNOWN, count, day, percent
from ui import session
from ui import session_segments as calls
from ui.errors import guarded
from ui.folded_table import folded_table
from ui.session import Stamp
from ui.session_rfm import days
from ui.widgets import chart, wait_note, waits_for


def movement_block(stamp: Stamp, found: Segmentation) -> None:
    """Both dates, the Sankey and its table; then how each segment stands against the day it was fitted."""
    known = calls.dates(stamp, found.segmentation_id)
    if len(known) > 1:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            earlier = st.selectbox("From", known[:-1], format_func=day, key=f"from_{found.segmentation_id}", width=170)
            later_ones = [one for one in known if one > earlier]
            later = st.selectbox(
                "To", later_ones, index=len(later_ones) - 1, format_func=day, key=f"to_{found.segmentation_id}",
                width=170,
            )  # fmt: skip
        moved = calls.moves(stamp, found.segmentation_id, earlier, later)
        chart(figures.moves_figure(found, moved, earlier, later, mode=session.mode()), key="moves")
        st.caption(
            "In no segment is who was not a customer yet, or had not ordered for so long that the churn definition no "
            "longer asks about them."
            if found.source == "orders"
            else "In no segment is who is not in the table of that date."
        )
        with st.expander("As a table"):
            folded_table(_move_rows(found, moved), key="moves")
            st.caption("Rows: segment on the first date; columns: on the second. Both with the saved centres.")
    elif found.source == "orders":
        st.markdown("So far it is known for one date only who was where; look up an earlier date below.")
    else:
        st.markdown("So far it is known for one date only who was where; the next import of the table adds another.")
    _drift(stamp, found, known)
    if found.source == "orders":
        _look_up(stamp, found)


def _drift(stamp: Stamp, found: Segmentation, known: tuple[datetime, ...]) -> None:
    st.subheader("Are the segments still what they were?", anchor=False)
    if known[-1] == found.as_of and not found.summary.get("refresh_note"):
        st.markdown(f"The newest date, {day(known[-1])}, is that of the fit: nothing can have moved since.")
    others = [one for one in known[::-1] if one != found.as_of]
    if not others:
        return
    shown = st.selectbox("Date", others, format_func=day, key=f"drift_{found.segmentation_id}", width=170)
    rows = [
        {
            "Segment": f"{entry.no} {entry.name}",
            "At the fit": f"{count(entry.n_then)} ({percent(entry.share_then)})",
            "On that date": f"{count(entry.n_now)} ({percent(entry.share_now)})",
            "Distance": UNKNOWN if entry.distance is None else f"{entry.distance:.2f}",
            "What that means": entry.words,
        }
        for entry in calls.drift(stamp, found.segmentation_id, shown)
    ]
    folded_table(rows, key="drift", left=("What that means",))
    st.caption(
        f"Against the day of the fit, {day(found.as_of)}: customers, and how far the segment's middle has moved over "
        "all features together; 1 is about as far as a single customer typically lies from the middle one. From 0.5 on "
        "it moved, from 1 on it is another.",
        help="Distance of the segment's mean from the saved one in robust units: the middle half of all customers over "
        "1.349.",
    )


def _look_up(stamp: Stamp, found: Segmentation) -> None:
    first, last = days(stamp)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.date_input(
            "Another date", None, first.date(), last.date(), key=f"at_{found.segmentation_id}", width=170,
            format="YYYY-MM-DD",
        )  # fmt: skip
        st.button(
            "Find who was where", key=f"find_{found.segmentation_id}", on_click=guarded(_start),
            args=(found.segmentation_id,), disabled=bool(waits_for()),
        )  # fmt: skip
        wait_note()


def _start(segmentation_id: int) -> None:
    chosen = st.session_state.get(f"at_{segmentation_id}")
    if isinstance(chosen, date):
        calls.start_assign(segmentation_id, datetime(chosen.year, chosen.month, chosen.day))


def _move_rows(found: Segmentation, moved: tuple[Move, ...]) -> list[dict[str, str]]:
    counts = {(move.from_no, move.to_no): move.n_customers for move in moved}
    told: dict[int | None, str] = {
        **{entry.no: f"{entry.no} {entry.name}" for entry in found.segments},
        None: figures.OUTSIDE,
    }
    heads = {no: figures.OUTSIDE if no is None else f"to {no}" for no in told}
    return [
        {"From": name, **{head: count(counts.get((no, to), 0)) for to, head in heads.items()}}
        for no, name in told.items()
        if any(counts.get((no, to)) for to in told)
    ]
