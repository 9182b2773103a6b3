"""The blocks of the RFM page about one day: the groups with their money, the grid of R and F, what to do with one."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import streamlit as st

from churn_core.customers.rfm import Cell, RfmTable
from churn_core.customers.rfm_members import RfmChoice
from churn_core.customers.rfm_outlook import AfterRate, Outlook
from churn_core.customers.rfm_rule import GROUPS, SCORES, rule_words
from churn_core.customers.segments import N_NAME_MOST, Segment
from churn_core.customers.selection import CustomerFilter
from churn_core.figures.rfm import grid_figure
from churn_core.figures.theme import UNKNOWN, count, counted, day, money, percent
from ui import session
from ui import session_rfm as calls
from ui.currency_hint import currency_hint
from ui.errors import guarded, plain, sentence
from ui.folded_table import folded_table
from ui.key_figures import figures_row, key_figure
from ui.plan_list import open_plan
from ui.session import Stamp
from ui.session_plan import begin_for
from ui.widgets import chart

PARTS = ("Groups", "Movement", "Lifecycle", "Thresholds")
"""The tabs of the page."""
ACT_ON, DAY = "of", "day"
"""Parameters of the address."""


def day_block(stamp: Stamp) -> datetime:
    """The day that is looked at; the end of the orders unless another is chosen."""
    first, last = calls.days(stamp)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.date_input(
            "As of", last.date(), min_value=first.date(), max_value=last.date(), key=DAY, bind="query-params",
            format="YYYY-MM-DD", width=150, help="Orders on this day and later are not looked at.",
        )  # fmt: skip
        rule = calls.active_rule(stamp)
        named = f"Rule {rule.version}" if rule.version else "Proposed rule"
        st.caption(f"{named}: {plain(_lowered(rule_words(rule)))} Equal values get equal scores.")
    return midnight(chosen) if isinstance(chosen, date) else last


def midnight(chosen: date) -> datetime:
    """The midnight a day starts with."""
    return datetime(chosen.year, chosen.month, chosen.day)


def notes_block(found: RfmTable) -> None:
    """What should be known before the groups are leaned on."""
    for note in found.notes:
        st.caption(f":orange[:material/info:] {sentence(note)}")


def figures_block(found: RfmTable, currency: str) -> None:
    """One row of key figures."""
    everybody, groups = found.everybody, found.groups
    best, silent = groups["champions"], groups["at risk"]
    with figures_row("rfm"):
        key_figure("Customers", count(everybody.n), f"until {day(found.day)}", meaning="Everybody with an order.")
        key_figure("Champions", count(best.n), f"{_share(best.spend_amount, everybody.spend_amount)} of all spend")
        key_figure(
            "In the group at risk", count(silent.n), f"{money(silent.mean_spend, currency)} spent each",
            meaning="Good customers who have been silent for long, by recency, frequency and money alone.",
        )  # fmt: skip
        of = f"scored as of {day(found.run_as_of)}" if found.run_as_of else "nobody was scored by then"
        key_figure("Value at risk", money(everybody.value_at_risk, currency), of, meaning="Risk x expected value.")
    currency_hint(is_money=everybody.spend_amount is not None)


def groups_block(stamp: Stamp, found: RfmTable, currency: str) -> None:
    """Every group with its size, worth, risk, and how many left after past days."""
    became = calls.outlook(stamp, found.day)
    everybody = found.everybody
    rows = [_group_row(name, cell, everybody, became.groups[name], currency) for name, cell in found.groups.items()]
    folded_table(rows, key="groups")
    st.caption(plain(f"{_scored_words(found, became)} {_became_words(became)}"))
    with st.expander("Who is in which group"):
        st.markdown("\n".join(f"- **{name}**: {meaning}" for name, meaning in GROUPS.items()))


def grid_block(found: RfmTable, currency: str) -> None:
    """Customers and money by R and F; a click on a square chooses it below."""
    chart(grid_figure(found, currency=currency, mode=session.mode()), key="rfm_grid", on_select=_square_clicked)
    st.caption(
        f"Customers{' and value at risk' if found.everybody.value_at_risk is not None else ''} in each square. "
        "Click a square to act on its customers."
    )


def actions_block(stamp: Stamp, found: RfmTable) -> None:
    """Save, open or plan for a group or a square."""
    named = _choices(found)
    if not named:
        return
    if st.session_state.get(ACT_ON) not in named:
        st.session_state.pop(ACT_ON, None)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "Act on", list(named), key=ACT_ON, bind="query-params", width=260,
        )  # fmt: skip
        choice, cell = named[chosen]
        is_newest = found.run_id == stamp.state.run_id
        nobody = is_newest and not cell.n_scored
        st.caption(_whom(cell, is_newest=is_newest), width="content")
        with st.popover("Save as segment", icon=":material/bookmark_add:", key="rfm_save"):
            st.text_input(
                "Name", key="rfm_name", max_chars=N_NAME_MOST, placeholder=f"RFM {choice.words}, {day(found.day)}"
            )
            st.button(
                "Save segment", type="primary", key="rfm_save_now", on_click=guarded(_save), args=(choice, found.day)
            )
        if stamp.state.run_id:
            st.page_link(
                calls.AT_RISK_PAGE,
                label=f"Open {count(cell.n_scored)} in At risk" if is_newest else "Open in At risk",
                icon=":material/list:",
                disabled=nobody,
                query_params=calls.address_of(choice, found.day),
            )
            if st.button("Plan a campaign", icon=":material/campaign:", key="rfm_plan", disabled=nobody):
                saved = calls.saved_choice(choice, found.day)
                open_plan(begin_for(CustomerFilter(segment_id=saved.segment_id), ()).campaign_id)
    st.caption(_kept_words(cell, is_scored=bool(stamp.state.run_id), is_newest=is_newest))


def _whom(cell: Cell, *, is_newest: bool) -> str:
    """How many are acted on, and how many of them lists and campaigns hold where these go by the same scoring."""
    scored = f", {count(cell.n_scored)} of them scored" if is_newest and cell.n_scored < cell.n else ""
    return f"{counted(cell.n, 'customer')}{scored}"


def _kept_words(cell: Cell, *, is_scored: bool, is_newest: bool) -> str:
    """What opening and planning do, and who of the choice will not be on the list.

    The groups of an earlier day know the scoring of that time, lists and campaigns the newest.
    """
    words = "Opening and planning keep the customers as a segment first, so that the list stays as it was chosen."
    if is_scored and not is_newest:
        return f"{words} At risk and campaigns go by the newest scoring, and leave out who is not in it."
    if not is_scored or cell.n_scored == cell.n:
        return words
    n_missing = cell.n - cell.n_scored
    return (
        f"{words} Of {counted(cell.n, 'customer')}, {count(n_missing)} {'was' if n_missing == 1 else 'were'} not "
        "scored, because only those with an order in the activity window before the scoring are; At risk and campaigns "
        "leave them out."
    )


def _save(choice: RfmChoice, of_day: datetime) -> None:
    name = (st.session_state.get("rfm_name") or "").strip()
    saved: Segment = calls.saved_choice(choice, of_day, name or None)
    st.session_state["rfm_name"] = ""
    st.toast(f"Segment {plain(saved.name)} saved with {counted(saved.n_members, 'customer')}.")


def _choices(found: RfmTable) -> dict[str, tuple[RfmChoice, Cell]]:
    """Groups and squares that somebody is in, by their words."""
    groups = [(RfmChoice(group=name), cell) for name, cell in found.groups.items()]
    squares = [(RfmChoice(recency=r, frequency=f), found.square(r, f)) for r in SCORES[::-1] for f in SCORES[::-1]]
    return {choice.words: (choice, cell) for choice, cell in (*groups, *squares) if cell.n}


def _square_clicked() -> None:
    """What was clicked in the grid is acted on."""
    state: Any = st.session_state.get("rfm_grid")
    points = state.selection.points if state else []
    if points:
        recency, frequency = points[0]["customdata"][:2]
        st.session_state[ACT_ON] = RfmChoice(recency=int(recency), frequency=int(frequency)).words


def _group_row(name: str, cell: Cell, everybody: Cell, became: AfterRate, currency: str) -> dict[str, str]:
    scored = {
        "Value at risk": money(cell.value_at_risk, currency),
        "At risk each": money(cell.mean_value_at_risk, currency),
        "Mean risk, of": _of(cell.mean_risk, cell.n_scored),
    }
    return {
        "Group": name,
        "Customers": f"{count(cell.n)} ({percent(cell.n / everybody.n)})",
        "Spend (each)": _with_each(cell.spend_amount, cell.mean_spend, currency),
        "Orders each": UNKNOWN if cell.mean_orders is None else f"{cell.mean_orders:.1f}",
        "Days silent": count(cell.mean_days),
        **(scored if everybody.n_scored else {}),
        "Churned after, of": _of(became.churn_rate, became.n),
    }


def _scored_words(found: RfmTable, became: Outlook) -> str:
    """Whom risk and value at risk are about."""
    if not found.everybody.n_scored:
        return ""
    window = became.definition.activity_days
    why = "" if window is None else f", those with an order in the {window} days before"
    n_scored, n = found.everybody.n_scored, found.everybody.n
    return f"Risk and value at risk are of the {count(n_scored)} of {counted(n, 'customer')} who were scored{why}."


def _became_words(became: Outlook) -> str:
    definition = became.definition
    if not became.days:
        return (
            "What became of the groups is not known yet: no day in the past is far enough back to see the "
            f"{definition.span_days} days after it."
        )
    days = ", ".join(day(past) for past in became.days)
    within = "" if definition.activity_days is None else f" with an order in the {definition.activity_days} days before"
    return (
        f"Churned after: no order in the {definition.horizon_days} days after {days}, by the groups of those days; "
        f"customers{within}, counted on each day."
    )


def _with_each(amount: float | None, mean: float | None, currency: str) -> str:
    return UNKNOWN if amount is None else f"{money(amount, currency)} ({money(mean, currency)})"


def _of(share: float | None, n: int) -> str:
    return UNKNOWN if share is None else f"{percent(share)} ({count(n)})"


def _share(part: float | None, whole: float | None) -> str:
    return UNKNOWN if part is None or not whole or whole < 0 else percent(part / whole)


def _lowered(words: str) -> str:
    return words[:1].lower() + words[1:]
