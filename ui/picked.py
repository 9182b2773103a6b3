"""Customers ticked in a list of several pages: kept while pages are turned, forgotten with another list.

Separate from the table because a table knows only the rows it shows; Streamlit forgets their ticks when they go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import streamlit as st

_STATE = "picked_customers"


@dataclass
class Picked:
    """The ticked customers of one list."""

    of_list: str
    """Key of the list they belong to."""
    ids: list[str] = field(default_factory=list)
    """In the order in which they were ticked."""
    n_cleared: int = 0
    """How often all were taken back; part of the table's key, so that its ticks go as well."""

    def rows(self, shown: Sequence[str]) -> list[int]:
        """Which of the rows shown are ticked."""
        ticked = set(self.ids)
        return [row for row, customer in enumerate(shown) if customer in ticked]

    def take(self, shown: Sequence[str], ticked: Sequence[str]) -> None:
        """Take over what is ticked among the rows shown; the other pages stay as they are."""
        on_page, now = set(shown), set(ticked)
        kept = [customer for customer in self.ids if customer not in on_page or customer in now]
        self.ids = kept + [customer for customer in ticked if customer not in kept]


def picked(of_list: str) -> Picked:
    """What is ticked in a list; nothing when another list was looked at meanwhile."""
    found = st.session_state.get(_STATE)
    if found is None or found.of_list != of_list:
        found = st.session_state[_STATE] = Picked(of_list)
    return found


def clear_picked() -> None:
    """Take all ticks back."""
    found = st.session_state.get(_STATE)
    if found is not None:
        found.ids = []
        found.n_cleared += 1
