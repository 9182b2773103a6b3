"""The section of the Settings page about the global holdout: who is kept out of all campaigns, since when, and why."""

from __future__ import annotations

from datetime import date, timedelta

import streamlit as st

from churn_core.campaigns.holdout import (
    LEAST_HELD_OUT,
    MOST_ALLOWED,
    Holdout,
    HoldoutProposal,
    end_holdout,
    holdout_history,
    present,
    propose_share,
    reshuffle,
    start_holdout,
)
from churn_core.figures.theme import count, counted, day, percent
from ui import session
from ui.errors import guarded, plain, show_callback_error
from ui.session import Stamp
from ui.widgets import table

WHAT_IT_IS = (
    "A few customers, drawn by chance, are kept out of all campaigns. Comparing them with everybody else says what the "
    "whole programme is worth, which no single campaign can say. They stay the same until somebody asks for a new draw."
)
SMALL = f"Fewer than {LEAST_HELD_OUT:,} are held out, so the effect of the whole programme will be known only roughly."
USUAL_MONTHS = 6
PLANNED = {True: "On a day", False: "Never"}
_ERRORS = "holdout"


def holdout_block() -> None:
    """Start a holdout, or see the one in force and reshuffle or end it."""
    show_callback_error(_ERRORS)
    stamp = session.stamp()
    history = _history(stamp)
    running = next((found for found in history if found.ended_at is None), None)
    st.markdown(WHAT_IT_IS)
    if running is None:
        _start(stamp, _proposal(stamp))
    else:
        _in_force(stamp, running)
    if history:
        table([_row(found) for found in history], most_rows=6)


def _start(stamp: Stamp, proposal: HoldoutProposal) -> None:
    if not proposal.n_customers:
        st.caption("Nobody is held out. Import customers or orders first.")
        return
    if proposal.share is None:
        st.caption(plain(f"Nobody is held out, and none is proposed: {proposal.why}"))
    else:
        st.caption(plain(f"Nobody is held out. Proposed: {proposal.why}"))
    with st.popover("Start a holdout", icon=":material/shield_person:", key="holdout_start"):
        st.number_input(
            "Share of customers held out, %",
            min_value=0.1,
            max_value=100 * MOST_ALLOWED,
            value=round(100 * (proposal.share or 0.05), 1),
            step=0.5,
            format="%.1f",
            key="holdout_share",
        )
        _reshuffle_input(stamp)
        st.button(
            "Start", type="primary", key="holdout_start_now", on_click=guarded(_do_start, place=_ERRORS)
        )  # fmt: skip


def _in_force(stamp: Stamp, running: Holdout) -> None:
    st.markdown(
        f"**{count(running.n_held_out)}** of {counted(running.n_customers, 'customer')} "
        f"({percent(running.n_held_out / running.n_customers)}) are held out since {day(running.started_at)}."
    )
    told = []
    if running.n_waiting:
        told.append(f"{counted(running.n_waiting, 'new customer')} will be drawn before the next campaign.")
    if running.is_due:
        st.markdown(
            f":orange[:material/event_repeat:] The reshuffle planned for {day(running.reshuffle_at)} is due; it "
            "happens when you ask for it."
        )
    elif running.reshuffle_at:
        told.append(f"A new draw is planned for {day(running.reshuffle_at)}.")
    if running.is_small:
        told.append(SMALL)
    if told:
        st.caption(" ".join(told))
    with st.container(horizontal=True):
        with st.popover("Reshuffle", icon=":material/shuffle:", key="holdout_reshuffle"):
            st.markdown(
                f"Everybody is drawn anew with {100 * running.share:g} %, knowing nothing of this draw. Who was held "
                "out until now may be contacted again; both draws stay on record. Running campaigns keep whom they "
                "have."
            )
            _reshuffle_input(stamp)
            st.button(
                "Draw anew", type="primary", key="holdout_reshuffle_now", on_click=guarded(_do_reshuffle, place=_ERRORS)
            )  # fmt: skip
        with st.popover("End", icon=":material/stop_circle:", key="holdout_end"):
            st.markdown("From now on nobody is kept out, and the programme as a whole is not measured any more.")
            st.button("End the holdout", key="holdout_end_now", on_click=guarded(_do_end, place=_ERRORS))


def _reshuffle_input(stamp: Stamp) -> None:
    now = _present(stamp)
    choice = st.segmented_control(
        "New draw", list(PLANNED), format_func=PLANNED.__getitem__, default=True, required=True, key="holdout_planned",
        help="So that the same customers do not miss all offers for ever. It is announced on that day, never done by "
        "itself.",
    )  # fmt: skip
    if not choice:
        return
    st.date_input(
        "Planned for",
        value=now + timedelta(days=30 * USUAL_MONTHS),
        min_value=now + timedelta(days=1),
        max_value=now + timedelta(days=3650),
        format="YYYY-MM-DD",
        key="holdout_reshuffle_on",
    )


def _planned_day() -> date | None:
    """The day that was chosen; None for never."""
    return st.session_state["holdout_reshuffle_on"] if st.session_state["holdout_planned"] else None


def _row(found: Holdout) -> dict[str, str]:
    return {
        "Generation": str(found.generation),
        "Held out": count(found.n_held_out),
        "Drawn": count(found.n_customers),
        "Asked for": percent(found.share),
        "From": day(found.started_at),
        "Until": day(found.ended_at) if found.ended_at else "in force",
        "By": plain(found.person),
    }


@st.cache_data(show_spinner=False, max_entries=8)
def _history(stamp: Stamp) -> tuple[Holdout, ...]:
    return holdout_history(session.warehouse(stamp.workspace))


@st.cache_data(show_spinner=False, max_entries=8)
def _proposal(stamp: Stamp) -> HoldoutProposal:
    return propose_share(session.warehouse(stamp.workspace))


def _present(stamp: Stamp) -> date:
    return present(session.warehouse(stamp.workspace)).date()


def _do_start() -> None:
    found = start_holdout(
        session.warehouse(),
        round(st.session_state["holdout_share"] / 100, 6),
        _planned_day(),
    )
    st.toast(f"{count(found.n_held_out)} of {counted(found.n_customers, 'customer')} are held out from now on.")


def _do_reshuffle() -> None:
    planned = _planned_day()
    found = reshuffle(session.warehouse(), planned, is_last=planned is None)
    st.toast(f"Drawn anew: {count(found.n_held_out)} of {counted(found.n_customers, 'customer')} are held out.")


def _do_end() -> None:
    end_holdout(session.warehouse())
    st.toast("The holdout has ended.")
