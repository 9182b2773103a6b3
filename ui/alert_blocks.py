"""The blocks around the queue: key figures, what the last renewal left aside, empty states, whether it helps."""

from __future__ import annotations

from typing import Any

import streamlit as st

from churn_core.customers.alert_model import STAKE_KINDS, AlertFilter
from churn_core.customers.alert_summary import AlertSummary
from churn_core.figures.theme import count, counted, money
from ui import alert_queue as queue
from ui import session_alerts as calls
from ui.errors import guarded, plain
from ui.key_figures import figures_row, key_figure
from ui.layout import NARROW, side_by_side
from ui.plan_list import open_plan
from ui.session import Stamp
from ui.widgets import empty_state, wait_note, waits_for


def figures_block(stamp: Stamp, currency: str) -> None:
    """One row of key figures about the whole queue, whatever is filtered below."""
    found = calls.summary(stamp)
    n_to_do = found.n_waiting_for_somebody
    ordered = f", {count(found.n_ordered_week)} by an order" if found.n_ordered_week else ""
    with figures_row("alerts"):
        key_figure("To do", count(n_to_do), f"{count(found.n_taken)} taken, {count(found.n_snoozed)} put off")
        key_figure("Overdue", count(found.n_overdue), f"of {count(n_to_do)} to do")
        key_figure(
            "At stake", money(found.stake, currency), STAKE_KINDS[found.stake_kind],
            meaning=_MONEY.get(found.stake_kind),
        )  # fmt: skip
        key_figure("Done in 7 days", count(found.n_done_week + found.n_ordered_week), f"{_by_people(found)}{ordered}")


_MONEY = {
    "value_at_risk": "Risk x expected value, summed over the alerts to do.",
    "spend_365": "What these customers paid in the last 365 days: their risk is not known, because nobody was scored.",
}


def _by_people(found: AlertSummary) -> str:
    return f"{count(found.n_done_week)} by people"


def list_and_panel() -> tuple[Any, Any]:
    """Room for the list and, beside it, for the open alert; above the list where the window is narrow."""
    row = ".st-key-alerts_room .st-key-side_alerts [data-testid='stHorizontalBlock']:has(> [data-testid='stColumn'])"
    with st.container(key="alerts_room"):
        st.html(f"<style>{row} {{ gap: 1.25rem; }} @media (max-width: {NARROW}px) {{ {row} {{ gap: 1rem; }} }}</style>")
        left, right = side_by_side([25, 19], key="alerts", last_first=True)
    return left, right


def nothing_block(stamp: Stamp, chosen: AlertFilter) -> None:
    """Why no alert is listed, and what comes next."""
    if queue.is_filtered(chosen):
        empty_state("No alert matches all of these filters. Take one of them back, or clear them all.")
        st.button("Clear all filters", key="nothing_clear", on_click=queue.clear)
    elif chosen.statuses == queue.QUEUES["to do"]:
        empty_state(_calm(calls.summary(stamp)))
    else:
        empty_state("There are none here.")


def _calm(found: AlertSummary) -> str:
    if found.refreshed_at is None:
        return "The queue was not made yet. It is with the next import or scoring, or when you press **Renew now**."
    told = ["**All done.** Nobody waits for you."]
    if not (found.n_snoozed or found.n_done_week or found.n_ordered_week or found.n_followed):
        told = ["**No rule names anybody now.**"]
        if found.notes:
            told.append("**What raises an alert**, below, says which rules could not be asked, and why.")
    if found.n_snoozed:
        told.append(f"{counted(found.n_snoozed, 'alert is', 'alerts are')} put off and will come back by themselves.")
    if found.n_waiting:
        told.append(f"{counted(found.n_waiting, 'more customer qualifies', 'more customers qualify')} for another day.")
    told.append("The queue is renewed with every import and every scoring.")
    return " ".join(told)


def renewal_block(stamp: Stamp) -> None:
    """How fresh the queue is, who waits beyond it, and renewing it now."""
    found = calls.summary(stamp)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="alert_renewal"):
        renewed = f"Renewed {found.refreshed_at:%-d %b %Y %H:%M} UTC" if found.refreshed_at else "Never renewed yet"
        st.caption(f"{plain(renewed)}, as after every import and scoring.", width="stretch")
        st.button(
            "Renew now", key="alert_renew", type="tertiary", icon=":material/refresh:",
            on_click=guarded(calls.start_renewal), disabled=bool(waits_for()),
        )  # fmt: skip
        wait_note()
    if found.changed_since:
        changed = " and ".join(found.changed_since)
        st.caption(f":orange[:material/info:] Changed since: {plain(changed)}. The queue follows when it is renewed.")
    if found.n_waiting:
        _beyond(stamp, found)
    if found.n_left_alone:
        st.caption(
            f"{counted(found.n_left_alone, 'customer qualifies and is', 'customers qualify and are')} left alone, "
            "because a campaign or the holdout needs them."
        )


def _beyond(stamp: Stamp, found: AlertSummary) -> None:
    """Who qualifies beyond the places of the day, and the two things to do about it."""
    waits = counted(found.n_waiting, "more customer qualifies and waits", "more customers qualify and wait")
    n_more = min(calls.policy(stamp).n_most, found.n_waiting)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="alert_beyond"):
        st.caption(
            f"{waits} for another day, so that a morning's queue can be finished.", width="stretch",
        )  # fmt: skip
        st.button(
            f"Raise {count(n_more)} more today", key="alert_more", type="tertiary", icon=":material/add:",
            on_click=guarded(calls.start_renewal), args=(n_more,), disabled=bool(waits_for()),
            help="Those with the most at stake join the queue now; tomorrow the day's number counts again.",
        )  # fmt: skip
        if st.button(
            "Plan a campaign for those who wait", key="alert_plan_beyond", type="tertiary",
            icon=":material/campaign:",
        ):  # fmt: skip
            open_plan(calls.begin_campaign_for_who_waits().campaign_id)


def model_block(stamp: Stamp) -> None:
    """That risk is not known yet, so only rules without a model speak."""
    if not stamp.state.run_id:
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key="alert_no_model"):
            st.markdown(
                ":orange[:material/info:] Nobody was scored yet: only rules that need no model speak, and what is at "
                "stake is what customers spent in the last 365 days.",
                width="stretch",
            )
            st.page_link("pages/models/train.py", label="Train", icon=":material/arrow_forward:", width="content")


def helps_block(stamp: Stamp) -> None:
    """What became of customers whose alert was done, and what that does not prove."""
    said, link = st.columns([6, 1], vertical_alignment="center", gap="small")
    said.caption(f"**Does it help?** {plain(calls.summary(stamp).words_after)}")
    link.page_link("pages/campaigns/plan.py", label="Plan", icon=":material/arrow_forward:", width="content")
