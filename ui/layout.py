"""How a page is laid out: the few rules of style that themes cannot say, and blocks side by side where both fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from churn_core.figures.theme import palette
from ui import session

SIDEBAR_PIXELS = 224
"""Width of the navigation: as wide as its longest entry, so that tables have the rest."""
NARROW = 1000
"""Width of the window, in pixels, up to which columns stack; Streamlit itself stacks them below 640 only."""

_STYLE = """<style>
[data-testid="stMainBlockContainer"] {{ max-width: 1560px; }}
@media (min-width: {narrow}px) {{ [data-testid="stMainBlockContainer"] {{ padding-inline: 2.75rem; }} }}
[data-testid="stMain"] [data-testid="stCaptionContainer"] > p,
[data-testid="stMain"] .stMarkdown [data-testid="stMarkdownContainer"] > :is(p, ul) {{ max-width: 58rem; }}
[data-testid="stMain"] [data-testid="stMarkdownContainer"] p {{ text-wrap: pretty; }}
[data-testid="stMain"] [data-testid="stMarkdownContainer"] :is(h3, h4) {{ text-wrap: balance !important; }}
[data-testid="stMetric"] :is([data-testid="stMetricLabel"], [data-testid="stMetricDelta"]) * {{ white-space: normal; }}
[data-testid="stColumn"] > [data-testid="stVerticalBlock"] > :first-child h3 {{ padding-top: 0; }}
[data-testid="stMain"] [data-testid="stPageLink"] a {{ padding-inline: 0; }}
[data-testid="stMain"] [data-testid="stPageLink"] a:hover {{ background: none; text-decoration: underline; }}
[data-testid="stMain"] [data-testid="stButtonGroup"] button {{ min-height: 2.5rem; }}
[role="tab"][aria-selected="true"] p, [data-testid="stButtonGroup"] [aria-checked="true"] p,
[data-testid="stButtonGroup"] [aria-pressed="true"] p, [data-testid="stSliderThumbValue"] {{ color: {chosen}; }}
[data-testid="stApp"] :is(a, button, summary, [role="tab"]):focus-visible {{
  outline: 2px solid {chosen}; outline-offset: 2px; }}
</style>"""
"""Lines short enough to read and never ending on a lone word, key figures whose words take a second line rather than
being cut, links in line with the text above them, controls of one height in a row, the chosen tab in a colour that
can be read in the dark as well, and a frame around what the keyboard is on."""


def page_style() -> None:
    """The rules of style for every page."""
    st.html(_STYLE.format(narrow=NARROW, chosen=palette(session.mode()).accent))


def side_by_side(spec: int | Sequence[float], *, key: str, last_first: bool = False) -> list[Any]:
    """Columns that stack in a narrow window, the last one on top where ``last_first`` says so."""
    with st.container(key=f"side_{key}"):
        row = f".st-key-side_{key} [data-testid='stHorizontalBlock']:has(> [data-testid='stColumn'])"
        st.html(
            f"<style>@media (max-width: {NARROW}px) {{ "
            f"{row} {{ flex-direction: column{'-reverse' * last_first}; gap: 1rem; }} "
            f"{row} > [data-testid='stColumn'] {{ width: 100%; flex: 1 1 auto; }} }}</style>"
        )
        return list(st.columns(spec, gap="large"))
