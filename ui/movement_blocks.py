"""The block of the Customer page that answers why the risk moved between two scorings."""

from __future__ import annotations

import streamlit as st

from churn_core.customers import movement as movement_module
from churn_core.customers.movement import Movement
from churn_core.customers.movement_parts import Part
from churn_core.customers.profile import CustomerProfile, PastScore
from churn_core.figures.movement import movement_figure
from churn_core.figures.theme import day
from ui import session
from ui.errors import plain
from ui.layout import side_by_side
from ui.session import Stamp
from ui.widgets import chart


@st.cache_data(show_spinner="Asking both models again", max_entries=64)
def _movement(stamp: Stamp, customer_id: str, from_run: int, to_run: int) -> Movement:
    return movement_module.why_moved(session.warehouse(stamp.workspace), customer_id, from_run=from_run, to_run=to_run)


def movement_block(stamp: Stamp, profile: CustomerProfile) -> None:
    """Why the risk moved between two score runs, by default the last two; with one there is nothing to compare yet."""
    if len(profile.history) < 2:
        st.markdown(":gray[There is one scoring so far. After the next, this part says why the risk moved.]")
        return
    chosen = _two_runs(profile.history)
    if chosen is None:
        st.info("Choose two different score runs to compare.")
        return
    found = _movement(stamp, profile.customer_id, *chosen)
    left, right = side_by_side(2, key="movement")
    with left:
        if found.parts:
            chart(movement_figure(found, mode=session.mode()), key="movement_figure")
        else:
            st.markdown(f"**{plain(found.sentence)}**")
    with right:
        for part in found.parts:
            _part(part)
    for note in found.notes:
        st.caption(plain(note))
    if found.parts:
        st.caption(_how_to_read())


def _two_runs(history: tuple[PastScore, ...]) -> tuple[int, int] | None:
    """The two runs that are compared; None where both are the same."""
    runs = {past.run_id: past for past in history}
    numbers = list(runs)
    with st.container(horizontal=True):
        from_run = st.selectbox(
            "From", numbers, index=len(numbers) - 2, format_func=lambda run: _run_label(runs[run]), key="from_run",
            bind="query-params", width=220,
        )  # fmt: skip
        to_run = st.selectbox(
            "To", numbers, index=len(numbers) - 1, format_func=lambda run: _run_label(runs[run]), key="to_run",
            bind="query-params", width=220,
        )  # fmt: skip
    return None if from_run == to_run else (from_run, to_run)


def _run_label(past: PastScore) -> str:
    return f"{day(past.as_of or past.scored_at)}, run {past.run_id}"


def _part(part: Part) -> None:
    """A part with its points, its sentence and its causes."""
    lines = [f"**{part.label}: {_points(part.shown_points)}**  ", plain(part.words)]
    told = [cause for cause in part.causes if cause.shown_points]
    lines += (
        ["", *(f"- {plain(_capital(cause.words))}: {_points(cause.shown_points)}" for cause in told)] if told else []
    )
    st.markdown("\n".join(lines))


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _points(points: float) -> str:
    return f"{points:+.1f} points" if points else "0 points"


def _how_to_read() -> str:
    return (
        "The parts add up to the difference of the two risks. Time is what would have happened had the customer done "
        "nothing; behaviour is what was done on top of that; the model is the same customer in the eyes of the other "
        "model. Where their order matters, the average over the possible orders is shown."
    )
