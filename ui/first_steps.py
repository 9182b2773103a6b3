"""The way to the first list: every step from the first file to the scores, which are done and which is next."""

from __future__ import annotations

import streamlit as st

from churn_core.customers.today import Today

PATH = (
    ("import", "Import your orders", "one file with a customer and a date in each row is enough"),
    ("definition", "Say what churned means", "a proposal from your customers' own rhythm waits there"),
    ("train", "Train a model", "one button; it is judged on the past before it is used"),
    ("score", "Score your customers", "done by the training, and again whenever data was imported"),
)
"""Steps by their target: what to do, and what to know of it before."""


def path_block(now: Today) -> None:
    """All steps in their order; the first of what waits is the next one."""
    steps = [step for step in PATH if step[0] != "definition" or now.state.last_order_at or now.state.is_empty]
    targets = [target for target, _, _ in steps]
    waiting = now.steps[0].target if now.steps else ""
    place = targets.index(waiting) if waiting in targets else len(steps)
    with st.container(border=True, gap="small"):
        st.markdown("There is no list yet. These steps lead to it:")
        for nr, (_, what, know) in enumerate(steps):
            st.markdown(_line(nr, what, know, nr - place))


def _line(nr: int, what: str, know: str, distance: int) -> str:
    """A step as a line: done before the next one, bold when it is the next one, quiet when it comes later.

    >>> _line(0, "Import", "one file", -1), _line(1, "Train", "one button", 0)
    (':green[✓] 1. Import :gray[· done]', ':blue[**→**] **2. Train** :gray[· one button]')
    >>> _line(2, "Score", "by itself", 1)
    ':gray[○ 3. Score · by itself]'
    """
    if distance < 0:
        return f":green[✓] {nr + 1}. {what} :gray[· done]"
    if distance == 0:
        return f":blue[**→**] **{nr + 1}. {what}** :gray[· {know}]"
    return f":gray[○ {nr + 1}. {what} · {know}]"
