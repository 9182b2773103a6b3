"""A table of customers, the same wherever customers are listed: risk as a bar, money, tier with its mark, reason.

A click on "Open" goes to the customer; rows can be selected where the page does something with them.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from churn_core.figures.theme import currency_sign, palette, tier_label
from ui import session
from ui.short_reason import LONGEST, SLIM, short_reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

N_ROWS_SEEN = 14
"""Rows seen without scrolling inside the table."""

ROW_PIXELS = 33
"""Height of a row at the theme's font size."""

_ORDER = (
    "open",
    "customer_id",
    "name",
    "tags",
    "has_left",
    "tier",
    "risk",
    "value_at_risk",
    "net_value",
    "days_since_last_order",
    "reason",
)
"""As many columns as fit into a window of 1366 pixels; the customer's page and the export hold the others."""
_INSTEAD = {"expected_value": "days_since_last_order"}
"""What a list is sorted by is shown, in place of another column where there is no room for both."""
_ALWAYS = {"open", "customer_id", "tier", "risk"}
_AMOUNTS = ("value_at_risk", "net_value", "expected_value")
"""Numbers that are shown as money: the minus stands before the currency, which a column's own format cannot do."""


def customer_table(
    frame: pd.DataFrame,
    currency: str,
    *,
    key: str,
    sorted_by: str = "",
    selectable: bool = False,
    selected: Sequence[int] = (),
    with_tags: bool = False,
) -> list[str]:
    """Draw rows of ``at_risk.page``; the ids of the selected customers, none where rows cannot be selected.

    ``selected`` are the rows that are selected when the table is first drawn. Columns that are not there or hold
    nothing are left out, and the tags unless they are asked for.
    """
    order = [sorted_by if name == _INSTEAD.get(sorted_by) else name for name in _ORDER if with_tags or name != "tags"]
    shown = frame.assign(open="Open", tier=frame["tier"].map(tier_label), risk=100 * frame["risk"])
    if "reason" in shown:
        longest = LONGEST - SLIM * ("net_value" in shown and bool(shown["net_value"].notna().any()))
        shown["reason"] = [short_reason(words, longest) for words in shown["reason"]]
    selection: dict[str, Any] = {}
    if selectable:
        selection = {"on_select": "rerun", "selection_default": {"selection": {"rows": list(selected)}}}
    amounts: dict[Any, Any] = {name: partial(whole_amount, currency=currency) for name in _AMOUNTS if name in shown}
    state: Any = st.dataframe(
        shown.style.format(amounts),
        key=key,
        **selection,
        hide_index=True,
        height="content" if len(shown) <= N_ROWS_SEEN else ROW_PIXELS * (N_ROWS_SEEN + 1) + 2,
        column_order=[name for name in order if name in shown and (name in _ALWAYS or shown[name].notna().any())],
        column_config=_columns(f"open_{key}"),
        row_height=ROW_PIXELS,
        placeholder="",
        alt="Customers, one row each",
    )  # fmt: skip
    click = st.session_state.get(f"open_{key}")
    if click is not None:
        open_customer(str(frame["customer_id"].iloc[click["row"]]))
    return [str(frame["customer_id"].iloc[row]) for row in state.selection.rows] if selectable else []


def open_customer(customer_id: str) -> None:
    """Go to the page of one customer."""
    st.switch_page("pages/customers/customer.py", query_params={"customer": customer_id})


def whole_amount(amount: float | None, currency: str) -> str:
    """Whole units of money; empty where none is known.

    >>> whole_amount(-7.4, "EUR"), whole_amount(1282.4, "GBP"), whole_amount(-0.2, "CHF"), whole_amount(None, "EUR")
    ('-€7', '£1,282', 'CHF 0', '')
    """
    if amount is None or amount != amount:
        return ""
    whole = round(float(amount))
    return f"{'-' if whole < 0 else ''}{currency_sign(currency)}{abs(whole):,}"


def _columns(open_key: str) -> dict[str, Any]:
    column = st.column_config
    return {
        "customer_id": column.TextColumn("Customer", pinned=True, width=86),
        "name": column.TextColumn("Name", width=106),
        "has_left": column.CheckboxColumn("Has left", width=70, help="What the label says"),
        "tier": column.TextColumn("Tier", width=76),
        "risk": column.ProgressColumn(
            "Risk",
            format="%.1f %%",
            min_value=0,
            max_value=100,
            width=96,
            help="Probability of churning",
            color=palette(session.mode()).neutral,
        ),
        "value_at_risk": column.NumberColumn("Value at risk", width=86, help="Risk x expected value"),
        "net_value": column.NumberColumn(
            "Net value",
            width=78,
            help="Net value of contacting: further margin expected because of the contact, less its cost, as a "
            "campaign taught",
        ),
        "expected_value": column.NumberColumn(
            "Expected value", width=92, help="Expected margin within the horizon if the customer stays, after returns"
        ),
        "days_since_last_order": column.NumberColumn(
            "Days silent", format="%d", width=76, help="Days since the last order, counted on the day of the scoring"
        ),
        "tags": column.TextColumn("Tags", width=170, help="Words the customer is marked with; see Rule segments"),
        "reason": column.TextColumn("Main reason", help="What raises the risk most, in short"),
        "open": column.ButtonColumn("", type="secondary", width=62, pinned=True, key=open_key),
    }
