"""A table of a few rows whose heads and cells wrap, so that it fits a narrow window whole instead of scrolling.

For what is looked at as a whole: groups, stages, segments. Long lists, and tables that somebody sorts, stay with
``widgets.table``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from ui.errors import plain
from ui.layout import NARROW

_MOST_ROWS, _TALLEST = 16, 560
"""Rows up to which all of them are seen at once, and the height in pixels of what scrolls beyond."""
_STYLE = (
    "<style>{table} :is(th, td) {{ text-align: right !important; padding: 0.4rem 0.5rem; line-height: 1.3; }} "
    "{table} th {{ vertical-align: bottom; }} {table} tr > :first-child {{ min-width: 5.4rem; }} "
    "{table} :is({left}) {{ text-align: left !important; }} "
    "@media (max-width: {narrow}px) {{ {table} :is(th, td) {{ padding: 0.35rem 0.15rem; }} "
    "{table} :is(th, td) p {{ font-size: 0.8125rem; }} }}</style>"
)
"""Figures to the right, heads in line with the last line of each other, and closer together in a narrow window."""


def folded_table(rows: Sequence[Mapping[str, str]], *, key: str, left: Sequence[str] = ()) -> None:
    """Rows of written values: the first column and those named in ``left`` stand left, all others right."""
    names = list(rows[0])
    places = [1, *(names.index(name) + 1 for name in left)]
    to_left = ", ".join(f":is(th, td):nth-child({place})" for place in places)
    with st.container(key=f"folded_{key}"):
        st.html(_STYLE.format(table=f".st-key-folded_{key}", left=to_left, narrow=NARROW))
        st.table(
            pd.DataFrame([{plain(name): _cell(value) for name, value in row.items()} for row in rows]),
            border="horizontal",
            hide_index=True,
            height=_TALLEST if len(rows) > _MOST_ROWS else "content",
            alt=f"Table: {', '.join(name for name in names if name)}",
        )


def _cell(value: str) -> str:
    """A value that Markdown shows as it stands and that is not broken before its percent sign."""
    return plain(value).replace(" %", "\N{NO-BREAK SPACE}%")
