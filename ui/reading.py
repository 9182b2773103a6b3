"""Whether signals are read by group or one by one: one choice, in the address, wherever contributions are shown."""

from __future__ import annotations

import streamlit as st

from churn_core.figures.contributions import Reading

READINGS: tuple[Reading, ...] = ("by group", "every signal")


def reading_choice(*, has_groups: bool) -> Reading:
    """The reading chosen; no question where each signal is a group of its own, as in a labelled table."""
    if not has_groups:
        return READINGS[0]
    reading: Reading = st.segmented_control(
        "Signals", READINGS, key="signals", bind="query-params", required=True, default=READINGS[0],
        format_func=str.capitalize,
        label_visibility="collapsed",
    )  # fmt: skip
    return reading
