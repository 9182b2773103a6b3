"""One key figure in its card, with what stands below it: a note, or a change since the run before."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ui.layout import NARROW


def key_figure(label: str, value: str, note: str | None = None, *, meaning: str | None = None) -> None:
    """A number with a quiet note below."""
    st.metric(
        label, value, delta=note, delta_color="off", delta_arrow="off", border=True, height="stretch", help=meaning
    )


def changing_figure(label: str, value: str, change: str | None, *, meaning: str | None = None) -> None:
    """A number of which more is worse, with its change below; a change starts with its sign, none is said in words."""
    if change is None or not change.strip("+-0. "):
        key_figure(label, value, "unchanged" if change is not None else None, meaning=meaning)
        return
    st.metric(label, value, delta=change, delta_color="inverse", border=True, height="stretch", help=meaning)


def figures_row(key: str) -> DeltaGenerator:
    """A row for key figures: cards of one width; in a narrow window four stand two by two, others three in a row."""
    row = st.container(horizontal=True, key=f"figures_{key}")
    cards, four = f".st-key-figures_{key}", ":has(> div:nth-child(4):last-child)"
    with row:
        st.html(
            f"<style>{cards} > div:has([data-testid='stMetric']) {{ flex: 1 1 140px; }} "
            f"@media (max-width: {NARROW}px) {{ {cards}{four} > div {{ flex-basis: 40%; }} }}</style>"
        )
    return row
