"""The list of the Alerts page: its filters, its rows, and what can be done with the ticked ones.

A click on a row, or the arrow keys, open an alert beside the list; the boxes at the left tick rows for work in bulk.
Which alert is open stands in the address, ticks are kept by number: rows move when somebody ends an alert.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from churn_core.customers.alert_model import SORTS, STAKE_KINDS, Alert, AlertFilter, AlertList, usual_sort
from churn_core.customers.alert_rules import RULES
from churn_core.figures.theme import count, counted, money, palette
from ui import session
from ui import session_alerts as calls
from ui.alert_actions import is_something_said, said_block
from ui.alert_words import due_of, outcome_of, state_of, why_of
from ui.at_work import name_at_work, name_field
from ui.customer_table import N_ROWS_SEEN, ROW_PIXELS, whole_amount
from ui.picked import Picked, picked
from ui.session import Stamp

QUEUES: dict[str, tuple[str, ...]] = {
    "to do": ("open", "taken"),
    "put off": ("snoozed",),
    "done": ("done",),
    "expired": ("expired",),
    "all": (),
}
"""Parts of the queue, as they stand in the address, with the statuses they hold."""
ANYBODY, MINE, NOBODY = "Anybody", "Mine", "Nobody's"
ORDERS = {SORTS[name].capitalize(): name for name in ("stake", "due", "raised")}
ENDED_ORDERS = {SORTS[name].capitalize(): name for name in ("closed", "stake", "raised")}
"""What alerts that are over can be ordered by."""
_ENDED_ORDER = ("customer", "name", "due", "outcome", "why", "stake", "state")
"""Columns of a list in which everything is over: when and how it ended come first."""
_PAGE, _LIST = "queue_page", "queue_list"
_CLEARED: dict[str, Any] = {
    "queue_find": "", "queue_owner": ANYBODY, "queue_rule": None, "overdue": False, "free": False, _PAGE: 1,
}  # fmt: skip


def filter_block(stamp: Stamp) -> tuple[AlertFilter, str]:
    """The inputs in one row: the choice of alerts they describe, and its order."""
    at: dict[str, Any] = {"bind": "query-params", "on_change": _other_list}
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        part = st.segmented_control(
            "Queue", list(QUEUES), key="queue", default="to do", required=True, format_func=str.capitalize, **at
        )
        people = [ANYBODY, MINE, NOBODY, *(name for name in calls.owners(stamp) if name != name_at_work())]
        owner = st.selectbox("Owner", people, key="queue_owner", width=130, **at)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        search = st.text_input(
            "Search", key="queue_find", placeholder="Id or name", icon=":material/search:", width=186, **at
        )
        is_over = usual_sort(AlertFilter(statuses=QUEUES[part or "to do"])) == "closed"
        orders, order_key = (ENDED_ORDERS, "queue_over_by") if is_over else (ORDERS, "queue_by")
        n_more = sum(key in st.query_params for key in ("queue_rule", "overdue", "free", order_key))
        with st.popover(f"More ({n_more})" if n_more else "More", icon=":material/tune:", key="queue_more"):
            order = st.selectbox("Order", list(orders), key=order_key, **at)
            rules = {entry.label: name for name, entry in RULES.items()}
            rule = st.selectbox("Raised by", list(rules), index=None, key="queue_rule", placeholder="Any rule", **at)
            overdue = st.toggle("Only overdue", key="overdue", **at)
            free = st.toggle("Only who may be contacted", key="free", **at)
            st.button("Clear all filters", key="queue_clear", type="tertiary", on_click=clear)
        name_field()
    chosen = AlertFilter(
        statuses=QUEUES[part or "to do"],
        owner={ANYBODY: None, MINE: name_at_work(), NOBODY: ""}.get(owner, owner),
        rule=rules.get(rule or "", ""),
        overdue_only=overdue,
        held_back=False if free else None,
        search=search or "",
    )
    return chosen, orders[order]


def clear() -> None:
    """Take every filter back but the part of the queue."""
    for key, value in _CLEARED.items():
        if key in st.session_state:
            st.session_state[key] = value
    calls.open_alert(None)


def is_filtered(chosen: AlertFilter) -> bool:
    """Whether more than a part of the queue was chosen."""
    return chosen != AlertFilter(statuses=chosen.statuses)


def queue_page() -> int:
    """Number of the page of the queue that is looked at."""
    asked = st.session_state.get(_PAGE) or st.query_params.get(_PAGE, "1")
    return max(1, int(asked)) if str(asked).isdigit() else 1


def list_block(found: AlertList, chosen: AlertFilter, opened: Alert | None, currency: str) -> list[int]:
    """The rows with their pages; numbers of the ticked alerts of all pages."""
    ticked = picked(f"alerts {session.current_workspace()} {chosen}")
    shown = [str(entry.alert_id) for entry in found.rows]
    key = _placed(shown, [entry.version for entry in found.rows], ticked, opened)
    with st.container(key=_LIST):
        # A cell is always selected, the open alert's: the tools above the table would never go away.
        st.html(f"<style>.st-key-{_LIST} [data-testid='stElementToolbar'] {{ display: none; }}</style>")
        state: Any = st.dataframe(
            _styled(found, opened, currency),
            key=key,
            on_select=partial(_open_picked, key, [entry.alert_id for entry in found.rows]),
            selection_mode=["multi-row", "single-cell"],
            hide_index=True,
            height="content" if len(shown) <= N_ROWS_SEEN else ROW_PIXELS * (N_ROWS_SEEN + 1) + 2,
            row_height=ROW_PIXELS,
            placeholder="",
            column_config=_columns(found),
            column_order=_ENDED_ORDER if not any(entry.is_live for entry in found.rows) else None,
            alt="Alerts, one row each; a click opens one beside the list",
        )
    ticked.take(shown, [shown[row] for row in state.selection.rows])
    if found.n_pages > 1:
        if queue_page() != found.page:
            # An address may name a page that there is no more; the pages would stand at the first one.
            st.session_state[_PAGE] = found.page
        st.pagination(found.n_pages, key=_PAGE, bind="query-params", on_change=calls.open_alert, args=(None,))
    return [int(number) for number in ticked.ids]


def told_block(found: AlertList, sort: str, currency: str) -> None:
    """What the list comes to and, beside it, what was done last; the order gives way to that."""
    row: dict[str, Any] = {"horizontal": True, "vertical_alignment": "center", "horizontal_alignment": "distribute"}
    with st.container(**row, key="queue_told"):
        st.html("<style>.st-key-queue_told { min-height: 2.1rem; }</style>")
        st.caption(_told(found, sort, currency), width="content")
        said_block()


def _told(found: AlertList, sort: str, currency: str) -> str:
    kind = STAKE_KINDS.get(found.stake_kind, "")
    stake = f" · {money(found.stake_all, currency)} {kind}" if found.stake_all is not None else ""
    first = (found.page - 1) * calls.N_ROWS
    part = f"{count(first + 1)} to {count(first + len(found.rows))} of " if found.n_pages > 1 else ""
    order = SORTS["risk" if sort == "stake" and not found.stake_kind else sort]
    told = f"{part}{counted(found.n_all, 'alert')}{stake}"
    return told if is_something_said() else f"{told} · {order}"


def _styled(found: AlertList, opened: Alert | None, currency: str) -> Any:
    """The rows as written; the open one stands out."""
    today = calls.today()
    frame = pd.DataFrame(
        {
            "customer": [entry.customer_id for entry in found.rows],
            "name": [entry.name for entry in found.rows],
            "stake": [entry.stake for entry in found.rows],
            "due": [due_of(entry, today) for entry in found.rows],
            "why": [why_of(entry) for entry in found.rows],
            "outcome": [outcome_of(entry) for entry in found.rows],
            "state": [state_of(entry) for entry in found.rows],
        }
    )
    colours = palette(session.mode())
    here = next((place for place, entry in enumerate(found.rows) if opened and entry == opened), None)
    style = f"background-color: {colours.accent_soft}; color: {colours.text}"
    open_row = lambda row: [style if row.name == here else ""] * len(row)  # noqa: E731
    return frame.style.apply(open_row, axis=1).format({"stake": partial(whole_amount, currency=currency)})


def _columns(found: AlertList) -> dict[str, Any]:
    column = st.column_config
    kind = STAKE_KINDS[found.stake_kind] if found.stake_kind else ""
    n_live = sum(entry.is_live for entry in found.rows)
    states = {entry.status if entry.status == "snoozed" else entry.is_live for entry in found.rows}
    when = {True: "Due", "snoozed": "Comes back", False: "Ended"}[states.pop()] if len(states) == 1 else "Day"
    is_short = when == "Due" and not any(entry.is_overdue for entry in found.rows)
    return {
        "customer": column.TextColumn("Customer", width=78),
        "name": column.TextColumn("Name", width=96) if any(entry.name for entry in found.rows) else None,
        # Without any money known the column would be empty.
        "stake": column.NumberColumn("At stake", width=60, help=f"Money at stake: {kind}") if kind else None,
        "due": column.TextColumn(when, width=72 if is_short else 100),
        "why": column.TextColumn("Why", width=100, help="The rule that named the customer, and how many more did"),
        "outcome": column.TextColumn("Outcome", width=90) if n_live < len(found.rows) else None,
        "state": column.TextColumn("With", width=98, help="Who works on it, or did"),
    }


def _placed(shown: list[str], versions: list[int], ticked: Picked, opened: Alert | None) -> str:
    """Key of the table, with ticks and the marked cell where their alerts are now.

    They are put there only when the rows, what they say, or what is open have changed. The table is a new one when an
    alert has changed or ticks are taken back: the browser would lose the first click after that.
    """
    here = str(opened.alert_id) if opened else ""
    rows, cells = ticked.rows(shown), [(shown.index(here), "customer")] if here in shown else []
    said = sum(versions)
    key = f"{_LIST}_{ticked.n_cleared}_{said}"
    if st.session_state.get(f"{_LIST}_stands") == (shown, said, here, ticked.n_cleared, ticked.of_list):
        return key
    if not rows and key in st.session_state and st.session_state[key]["selection"]["rows"]:
        ticked.n_cleared += 1
        key = f"{_LIST}_{ticked.n_cleared}_{said}"
    st.session_state[f"{_LIST}_stands"] = (shown, said, here, ticked.n_cleared, ticked.of_list)
    st.session_state[key] = {"selection": {"rows": rows, "columns": [], "cells": cells}}
    return key


def _open_picked(key: str, shown: list[int]) -> None:
    cells = st.session_state[key]["selection"]["cells"]
    if cells and cells[0][0] < len(shown):
        calls.open_alert(shown[cells[0][0]])


def _other_list() -> None:
    """Another choice begins on its first page, with its first alert open."""
    if _PAGE in st.session_state:
        st.session_state[_PAGE] = 1
    calls.open_alert(None)
