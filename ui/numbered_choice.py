"""A choice whose number, not its name, stands in the address: names may change, links stay."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st


def numbered_choice(label: str, options: Mapping[int, str], parameter: str, *, width: int = 440) -> int:
    """The number chosen, by its words; the first one where the address names none of them.

    The browser keeps a choice by its words. So the box is a new one when these change, and takes the number from
    the address.
    """
    numbers = list(options)
    key = f"choice_{parameter}_{hash(tuple(options.items()))}"
    asked = st.query_params.get(parameter, "")
    place = numbers.index(int(asked)) if asked.isdigit() and int(asked) in options else 0
    if st.session_state.get(key) not in options:
        st.session_state.pop(key, None)
    found = st.selectbox(
        label, numbers, index=place, format_func=lambda number: options.get(number, str(number)), key=key,
        on_change=_remember, args=(key, parameter), width=width,
    )  # fmt: skip
    return int(found)


def _remember(key: str, parameter: str) -> None:
    st.query_params[parameter] = str(st.session_state[key])
