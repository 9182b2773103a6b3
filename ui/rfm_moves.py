"""The blocks of the RFM page about several days: who moved between groups or stages, and the stages over the months."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import streamlit as st

from churn_core.customers.lifecycle import STAGES, STAGES_MEANING
from churn_core.customers.moves import Moves
from churn_core.figures.rfm import moves_figure, stages_figure
from churn_core.figures.theme import UNKNOWN, count, counted, day, money, percent
from ui import session
from ui import session_rfm as calls
from ui.errors import sentence
from ui.folded_table import folded_table
from ui.rfm_blocks import midnight
from ui.session import Stamp
from ui.widgets import chart

OF = {"RFM groups": calls.group_moves, "Lifecycle stages": calls.stage_moves}
"""What movement is told of."""
ALL = "All"
"""The head of sums."""
_HEADS = {
    "champions": "cham\N{SOFT HYPHEN}pions",
    "promising": "promis\N{SOFT HYPHEN}ing",
    "hibernating": "hiber\N{SOFT HYPHEN}nating",
}
"""Where long names may be divided in a narrow window."""
DAYS_BACK = 90
"""Days from the first day to the second, until others are chosen."""


def movement_block(stamp: Stamp, of_day: datetime, currency: str) -> None:
    """Where the customers of an earlier day stand on the day that is looked at."""
    first, _ = calls.days(stamp)
    if of_day - first < timedelta(days=1):
        st.caption("This is the first day with customers, so there is no earlier one to compare with.")
        return
    proposed = max(first, of_day - timedelta(days=DAYS_BACK))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kind = st.segmented_control(
            "Movement between", list(OF), default="RFM groups", key="moves_of", required=True, bind="query-params"
        )
        since = st.date_input(
            "From", proposed.date(), min_value=first.date(), max_value=(of_day - timedelta(days=1)).date(),
            key="since", bind="query-params", format="YYYY-MM-DD", width=150,
        )  # fmt: skip
        st.caption(f"to {day(of_day)}, the day above")
    before = midnight(since) if isinstance(since, date) else proposed
    found = OF[str(kind)](stamp, before, of_day)
    chart(moves_figure(found, mode=session.mode()), key="rfm_moves")
    st.caption(
        "Green went to a more welcome group, red to a less welcome one, grey stayed or came new. By fifths every day "
        "has the fifths of its own customers, so somebody can move because others did."
    )
    _matrix(found, currency)


def lifecycle_block(stamp: Stamp, of_day: datetime, currency: str) -> None:
    """The stages of the day with their definitions, and how they were over the months."""
    found = calls.stages_of(stamp, of_day)
    if found.note:
        st.caption(f":orange[:material/info:] {sentence(found.note)}")
    folded_table(
        [
            {
                "Stage": stage.name,
                "Who": STAGES[stage.name],
                "Customers": f"{count(stage.n)} ({percent(stage.n / found.n_customers)})",
                "Usual gap, mean": UNKNOWN
                if stage.mean_gap_days is None
                else counted(round(stage.mean_gap_days), "day"),
                "Mean risk, of": UNKNOWN
                if stage.mean_risk is None
                else f"{percent(stage.mean_risk)} ({count(stage.n_scored)})",
                "Value at risk": money(stage.value_at_risk, currency),
            }
            for stage in found.stages
        ],
        key="stages",
        left=("Who",),
    )
    st.caption(STAGES_MEANING)
    chart(stages_figure(calls.stages_over_time(stamp, of_day), mode=session.mode()), key="rfm_stages")


def _matrix(found: Moves, currency: str) -> None:
    """How many went from where to where; the last columns add up the row."""
    rows = []
    for before in found.sources:
        spent = [move.spend_between for move in found.moves if move.before == before]
        known = [amount for amount in spent if amount is not None]
        rows.append(
            {
                f"On {day(found.first)}": before,
                **{_HEADS.get(after, after): count(found.n(before, after)) for after in found.groups},
                ALL: count(found.n_before(before)),
                "Spent": money(sum(known), currency) if known else UNKNOWN,
            }
        )
    rows.append(
        {
            f"On {day(found.first)}": ALL,
            **{_HEADS.get(after, after): count(found.n_after(after)) for after in found.groups},
            ALL: count(found.n_customers),
            "Spent": UNKNOWN,
        }
    )
    folded_table(rows, key="moves")
    st.caption(
        f"Rows: where they stood on {day(found.first)}. Columns: where they stand on {day(found.second)}. Spent: what "
        "the customers of the row paid between the two days."
    )
