"""The blocks about own rhythm: one customer's on the Customer page, and the list of those who are late."""

from __future__ import annotations

from datetime import datetime, timedelta

import pandas as pd
import streamlit as st

from churn_core.customers import personal_rhythm
from churn_core.customers.personal_rhythm import LATE_GAPS, SORTS, LateCustomers, Rhythm, Sort, rhythm_words
from churn_core.features.shop_habits import DUE_GAPS, Habits
from churn_core.features.shop_habits import habits as read_habits
from churn_core.figures.theme import UNKNOWN, count, counted, currency_sign, day
from ui import session
from ui.customer_table import N_ROWS_SEEN, ROW_PIXELS, open_customer
from ui.errors import plain, sentence
from ui.key_figures import figures_row, key_figure
from ui.session import Stamp

LATE = "Late by own rhythm"
"""The part of the Cohorts page with the list of the late, as it stands in the address."""
N_LISTED = 200
"""Customers on the list of the latest."""


def shop_habits(stamp: Stamp) -> Habits:
    """How often the shop's customers order; read again when orders changed, not with every other write."""
    return _habits(stamp.workspace, stamp.state.data_version, stamp.state.imported_at, stamp.state.last_order_at)


@st.cache_data(show_spinner="Reading the rhythm of the shop", max_entries=8)
def _habits(workspace: str, data_version: int, imported_at: datetime | None, last_order_at: datetime | None) -> Habits:
    return read_habits(session.warehouse(workspace))


@st.cache_data(show_spinner=False, max_entries=64)
def customer_rhythm(stamp: Stamp, customer_id: str) -> Rhythm | None:
    """The rhythm of one customer."""
    return personal_rhythm.rhythm(session.warehouse(stamp.workspace), customer_id, known=shop_habits(stamp))


@st.cache_data(show_spinner="Looking for customers who are late", max_entries=8)
def late_customers(stamp: Stamp, sort: Sort) -> LateCustomers:
    """Who is late by the own rhythm."""
    warehouse = session.warehouse(stamp.workspace)
    return personal_rhythm.late_customers(warehouse, known=shop_habits(stamp), sort=sort, limit=N_LISTED)


def rhythm_block(stamp: Stamp, customer_id: str) -> None:
    """How often this customer orders, how late the next order is, and by when others like them had ordered."""
    if stamp.state.last_order_at is None:
        return
    found = customer_rhythm(stamp, customer_id)
    if found is None:
        return
    mark = ":orange[▲]" if found.is_late else ":gray[●]"
    with st.container(border=True, gap=None, key="rhythm"):
        st.markdown(f"{mark} **Own rhythm** · {sentence(rhythm_words(found))}")
        st.caption(_explained(found, shop_habits(stamp)))


def late_link(stamp: Stamp) -> None:
    """The way to the list of the late, for a shop that has orders and no scores."""
    if stamp.state.last_order_at is not None:
        st.page_link(
            "pages/segments/cohorts.py",
            label="Without a model: who is late by their own rhythm",
            icon=":material/arrow_forward:",
            query_params={"part": LATE},
        )


def late_block(stamp: Stamp, currency: str) -> None:
    """Customers who are late by their own rhythm, with what they are worth; no model is asked."""
    sort: Sort = st.segmented_control(
        "Sorted by", list(SORTS), key="late_by", bind="query-params", required=True, default="lateness_ratio",
        format_func=lambda name: SORTS[name].capitalize(),
    )  # fmt: skip
    found = late_customers(stamp, sort)
    if not found.n_customers:
        st.info(
            f"No customer has ordered on two days and within the last {found.activity_days} days, so nobody has a "
            "rhythm to be late by yet."
        )
        return
    with figures_row("late"):
        of_whom = f"of {count(found.n_customers)} with a rhythm"
        key_figure(LATE, count(found.n_late), of_whom)
        shop = shop_habits(stamp).shrinkage.shop_gap_days
        key_figure(
            "Mean gap of the shop", _gap(shop), "between two days with an order",
            meaning="Mean over customers who ordered on two days; usual gaps lean on it, or on that of the year a "
            "customer came in, where own gaps are few. The usual gap in the middle of all segments is a median, and "
            "another number.",
        )  # fmt: skip
    if found.rhythms:
        _late_table(found.rhythms, currency)
    else:
        st.markdown(f"Nobody is late at the end of {day(found.end - timedelta(days=1))}.")
    shown = "" if found.n_late <= len(found.rhythms) else f" The first {count(len(found.rhythms))} are listed."
    st.caption(
        "Late: the day has passed by which 8 of 10 customers with a usual gap like theirs had ordered again; where "
        f"fewer did within {DUE_GAPS:g} usual gaps, silent for more than {LATE_GAPS:g}. Listed are those whose last "
        f"order lies at most {count(found.activity_days)} days back: others have most likely left. No model is "
        f"asked.{shown}"
    )


def _late_table(rhythms: tuple[Rhythm, ...], currency: str) -> None:
    column = st.column_config
    frame = pd.DataFrame(
        {
            "open": "Open",
            "customer_id": [entry.customer_id for entry in rhythms],
            "lateness": [entry.lateness_ratio for entry in rhythms],
            "days_since": [entry.days_since for entry in rhythms],
            "usual": [entry.usual_gap_days for entry in rhythms],
            "spend": [entry.spend_amount_365 for entry in rhythms],
            "due": [day(entry.due_date) for entry in rhythms],
            "n_gaps": [entry.n_gaps for entry in rhythms],
        }
    )
    order = [str(name) for name in frame if frame[name].notna().any()]
    st.dataframe(
        frame,
        key="late_customers",
        hide_index=True,
        height="content" if len(frame) <= N_ROWS_SEEN else ROW_PIXELS * (N_ROWS_SEEN + 1) + 2,
        row_height=ROW_PIXELS,
        column_order=order,
        column_config={
            "open": column.ButtonColumn("", type="secondary", width=62, pinned=True, key="open_late"),
            "customer_id": column.TextColumn("Customer", pinned=True, width=96),
            "lateness": column.NumberColumn(
                "Own gaps", format="%.1f", width=80, help="Days since the last order over the usual gap"
            ),
            "days_since": column.NumberColumn("Days silent", format="%d", width=84),
            "usual": column.NumberColumn(
                "Usual gap", format="%.0f days", width=84, help="Own gaps, leaning on the cohort's where they are few"
            ),
            "due": column.TextColumn(
                "8 of 10 had ordered by", width=150, help="Of customers with a usual gap like theirs"
            ),
            "n_gaps": column.NumberColumn("Gaps known", format="%d", width=90),
            "spend": column.NumberColumn(
                "Spend, 365 days", format=currency_sign(currency).replace("%", "%%") + "%,.0f", width=112
            ),
        },
        alt="Customers who are late by their own rhythm, one row each",
    )
    click = st.session_state.get("open_late")
    if click is not None:
        open_customer(str(frame["customer_id"].iloc[click["row"]]))


def _explained(found: Rhythm, known: Habits) -> str:
    """What the usual gap leans on, and who is like this customer."""
    shrunk = known.shrinkage
    if shrunk.shop_gap_days is None:
        return "The usual gap shows once somebody has ordered on two days."
    cohort = shrunk.cohort_gap_days.get(found.cohort_year)
    whose = f"customers who came in {found.cohort_year}" if cohort is not None else "the shop's customers"
    if not found.n_gaps:
        lean = f"No gap of their own is known yet, so the usual gap is the mean gap of {whose}"
    elif shrunk.weight is None:
        lean = f"Customers do not differ clearly in their gaps, so the usual gap is the mean gap of {whose}"
    else:
        weight = counted_gaps(shrunk.weight)
        lean = (
            f"The usual gap is read from {counted(found.n_gaps, 'gap')} of their own and leans on the mean gap of "
            f"{whose} ({_gap(cohort if cohort is not None else shrunk.shop_gap_days)}) with the weight of {weight}"
        )
    return f"{lean}. Like them: {plain(found.alike)}. No model is asked."


def counted_gaps(weight: float) -> str:
    """A weight in gaps.

    >>> counted_gaps(1.44), counted_gaps(1.0)
    ('1.4 gaps', '1.0 gaps')
    """
    return f"{weight:.1f} gaps"


def _gap(days: float | None) -> str:
    return UNKNOWN if days is None else counted(round(days), "day")
