"""Blocks side by side where there is room for both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

NARROW = 1000
"""Width of the window, in pixels, up to which columns stack; Streamlit itself stacks them below 640 only."""


def side_by_side(spec: int | Sequence[float], *, key: str) -> list[Any]:
    """Columns that stack in a narrow window."""
    with st.container(key=f"side_{key}"):
        row = f".st-key-side_{key} [data-testid='stHorizontalBlock']:has(> [data-testid='stColumn'])"
        st.html(
            f"<style>@media (max-width: {NARROW}px) {{ {row} {{ flex-direction: column; }} "
            f"{row} > [data-testid='stColumn'] {{ width: 100%; flex: 1 1 auto; }} }}</style>"
        )
        return list(st.columns(spec, gap="large"))
