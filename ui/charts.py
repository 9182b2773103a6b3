"""How a figure stands on a page: its sentence above it, where it wraps, and side by side only where there is room."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from ui.errors import plain

NARROW = 1000
"""Width of the window, in pixels, up to which columns stack; Streamlit itself stacks them below 640 only."""

_TITLE_PIXELS = 40


def chart(figure: go.Figure, *, key: str) -> None:
    """Draw a figure with its title as text above it: plotly cuts a title that is wider than the figure."""
    shown = go.Figure(figure)
    st.markdown(f"**{plain(html.unescape(shown.layout.title.text or ''))}**")
    shown.update_layout(title_text="", margin_t=32 if _has_legend(shown) or shown.layout.annotations else 8)
    shown.update_layout(height=(shown.layout.height or 320) - (0 if _has_legend(shown) else _TITLE_PIXELS))
    st.plotly_chart(shown, theme=None, config={"displayModeBar": False}, key=key)


def side_by_side(spec: int | Sequence[float], *, key: str) -> list[Any]:
    """Columns that stack in a narrow window."""
    with st.container(key=f"side_{key}"):
        row = f".st-key-side_{key} [data-testid='stHorizontalBlock']:has(> [data-testid='stColumn'])"
        st.html(
            f"<style>@media (max-width: {NARROW}px) {{ {row} {{ flex-direction: column; }} "
            f"{row} > [data-testid='stColumn'] {{ width: 100%; flex: 1 1 auto; }} }}</style>"
        )
        return list(st.columns(spec, gap="large"))


def _has_legend(figure: go.Figure) -> bool:
    named = [trace for trace in figure.data if trace.name and trace.showlegend is not False]
    return len(named) > 1 and figure.layout.showlegend is not False
