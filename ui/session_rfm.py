"""Cached calls of the RFM page into the core, keyed by the workspace's stamp."""

from __future__ import annotations

from datetime import datetime

import streamlit as st

from churn_core.customers import lifecycle as stages
from churn_core.customers import rfm as groups
from churn_core.customers import rfm_members, rfm_outlook, rfm_rules
from churn_core.customers.lifecycle import CustomerStage, Lifecycle
from churn_core.customers.moves import Moves
from churn_core.customers.rfm import CustomerRfm, RfmTable
from churn_core.customers.rfm_members import RfmChoice
from churn_core.customers.rfm_outlook import Outlook
from churn_core.customers.rfm_rule import RfmRule, Thresholds
from churn_core.customers.rfm_rules import SavedRule
from churn_core.customers.segments import Segment
from churn_core.errors import InputError
from churn_core.features.shop_habits import Habits, habits
from ui import session
from ui.session import Stamp

AT_RISK_PAGE = "pages/customers/at_risk.py"
_ASKED, _ASKED_DAY = "rfm", "rfm_day"
"""Parameters of the address that mean a group or square, and the day that it is of."""


@st.cache_data(show_spinner=False, max_entries=16)
def days(stamp: Stamp) -> tuple[datetime, datetime]:
    """The first day that can be looked at, and the last: the end of the orders."""
    warehouse = session.warehouse(stamp.workspace)
    return groups.first_day(warehouse), groups.orders_until(warehouse)


@st.cache_data(show_spinner="Adding up orders", max_entries=32)
def table(stamp: Stamp, day: datetime, rule: RfmRule | None = None) -> RfmTable:
    """All customers of a day by their scores, by the rule in force or another."""
    return groups.rfm(session.warehouse(stamp.workspace), day, rule=rule)


@st.cache_data(show_spinner="Looking at what became of the groups", max_entries=16)
def outlook(stamp: Stamp, day: datetime) -> Outlook:
    """Churn rates after past days, as known on a day."""
    return rfm_outlook.outlook(session.warehouse(stamp.workspace), day)


@st.cache_data(show_spinner="Comparing both days", max_entries=16)
def group_moves(stamp: Stamp, first: datetime, second: datetime) -> Moves:
    """Movement between RFM groups."""
    return rfm_outlook.rfm_movement(session.warehouse(stamp.workspace), first, second)


@st.cache_data(show_spinner="Comparing both days", max_entries=16)
def stage_moves(stamp: Stamp, first: datetime, second: datetime) -> Moves:
    """Movement between lifecycle stages."""
    return stages.stage_movement(session.warehouse(stamp.workspace), first, second)


@st.cache_data(show_spinner="Finding everybody's stage", max_entries=16)
def stages_of(stamp: Stamp, day: datetime) -> Lifecycle:
    """The stages of a day."""
    return stages.lifecycle(session.warehouse(stamp.workspace), day)


@st.cache_data(show_spinner="Going through the months", max_entries=8)
def stages_over_time(stamp: Stamp, day: datetime) -> tuple[Lifecycle, ...]:
    """The stages month by month, the day itself last."""
    return stages.stages_over_time(session.warehouse(stamp.workspace), day, last=stages_of(stamp, day))


@st.cache_data(show_spinner=False, max_entries=16)
def saved_rules(stamp: Stamp) -> list[SavedRule]:
    """All versions of the RFM rule."""
    return rfm_rules.saved_rules(session.warehouse(stamp.workspace))


def active_rule(stamp: Stamp) -> RfmRule:
    """The rule in force."""
    return next((saved.rule for saved in saved_rules(stamp) if saved.is_active), RfmRule())


@st.cache_data(show_spinner=False, max_entries=8)
def _limits(stamp: Stamp) -> Thresholds:
    warehouse = session.warehouse(stamp.workspace)
    return groups.thresholds(warehouse, active_rule(stamp), groups.orders_until(warehouse))


@st.cache_data(show_spinner=False, max_entries=8)
def _habits(stamp: Stamp) -> Habits:
    return habits(session.warehouse(stamp.workspace))


@st.cache_data(show_spinner=False, max_entries=64)
def customer_rfm(stamp: Stamp, customer_id: str) -> CustomerRfm | None:
    """Scores and group of one customer; what is read of the whole shop is read once."""
    if stamp.state.last_order_at is None:
        return None
    return groups.rfm_of(session.warehouse(stamp.workspace), customer_id, known=_limits(stamp))


@st.cache_data(show_spinner=False, max_entries=64)
def customer_stage(stamp: Stamp, customer_id: str) -> CustomerStage | None:
    """Lifecycle stage of one customer; what is read of the whole shop is read once."""
    if stamp.state.last_order_at is None:
        return None
    return stages.stage_of(session.warehouse(stamp.workspace), customer_id, known=_habits(stamp))


def saved_choice(choice: RfmChoice, day: datetime, name: str | None = None) -> Segment:
    """A group or square kept as a segment."""
    return rfm_members.save_choice(session.warehouse(), choice, name, as_of=day)


def address_of(choice: RfmChoice, day: datetime) -> dict[str, str]:
    """The part of an address that means a group or square of a day, which nobody has kept as a segment yet."""
    return {_ASKED: choice.words, _ASKED_DAY: day.isoformat()}


def take_asked_choice() -> None:
    """Keep the group or square that the address asks for as a segment, and ask for that instead."""
    words, day = st.query_params.get(_ASKED), st.query_params.get(_ASKED_DAY)
    if words is None:
        return
    try:
        of_day = datetime.fromisoformat(day) if day else None
    except ValueError:
        raise InputError(f"{day!r} in the address is no day; choose the customers on the page RFM again.") from None
    saved = rfm_members.save_choice(session.warehouse(), RfmChoice.from_words(words), as_of=of_day)
    st.switch_page(AT_RISK_PAGE, query_params={"segment": saved.name})
