"""What can be done with several alerts at once: the ticked ones, or the whole list where nothing is ticked."""

from __future__ import annotations

from datetime import timedelta

import streamlit as st

from churn_core.customers.alert_export import alerts_file_name
from churn_core.customers.alert_model import NOT_REACHED, OUTCOMES_BY_PEOPLE, AlertFilter, AlertList
from churn_core.figures.theme import count
from ui import alert_actions as actions
from ui import session_alerts as calls
from ui.alert_words import ENDED, day_named
from ui.errors import plain
from ui.picked import clear_picked
from ui.plan_list import open_plan
from ui.session import Stamp


def bulk_block(stamp: Stamp, found: AlertList, chosen: AlertFilter, sort: str, ticked: list[int]) -> None:
    """Work on the ticked alerts, and take them, or the whole list, elsewhere."""
    whom = f"{count(len(ticked))} ticked" if ticked else f"all {count(found.n_all)}" if found.n_all > 1 else "this one"
    target = AlertFilter(statuses=(), alert_ids=tuple(ticked)) if ticked else chosen
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="alert_bulk"):
        if ticked:
            _work(stamp, ticked)
        with st.popover(f"Export {whom}", icon=":material/download:", key="alert_export"):
            _export(stamp, target, sort, len(ticked) or found.n_all)
        if st.button(f"Plan a campaign for {whom}", icon=":material/campaign:", key="alert_plan"):
            open_plan(calls.begin_campaign(target).campaign_id)
        if ticked:
            st.button("Clear ticks", key="alert_clear", type="tertiary", on_click=clear_picked)
        else:
            st.caption("Tick rows to take, put off or end several at once.", width="content")


def _work(stamp: Stamp, ticked: list[int]) -> None:
    again = calls.next_working_day(stamp)
    st.button("Take", key="bulk_take", icon=":material/front_hand:", on_click=actions.take_all, args=(ticked,))
    with st.popover("Done", icon=":material/check:", key="bulk_done_popover"):
        st.text_input("Note", key="bulk_note", max_chars=actions.LONGEST_NOTE, placeholder="For all of them")
        with st.container(horizontal=True, gap="small"):
            for outcome in OUTCOMES_BY_PEOPLE:
                is_attempt = outcome == NOT_REACHED
                st.button(
                    ENDED[outcome].capitalize(), key="bulk_not_reached" if is_attempt else f"bulk_done_{outcome}",
                    on_click=actions.not_reached_all if is_attempt else actions.done_all,
                    args=(ticked, again if is_attempt else outcome),
                )  # fmt: skip
        st.caption(f"Who was not reached comes back on {day_named(again)}.")
    with st.popover("Put off", icon=":material/snooze:", key="bulk_put_off_popover"):
        st.toggle("I tried and did not reach them", key="bulk_tried")
        tomorrow = calls.today() + timedelta(days=1)
        st.date_input("Until", value=again, min_value=tomorrow, key="bulk_until", format="YYYY-MM-DD")
        st.button("Put off", key="bulk_put_off", type="primary", on_click=actions.put_off_all, args=(ticked,))
    with st.popover("Hand over", icon=":material/forward:", key="bulk_hand_over_popover"):
        st.selectbox(
            "To", calls.owners(stamp), index=None, key="bulk_to", accept_new_options=True,
            placeholder="Choose or type a name",
        )  # fmt: skip
        st.button("Hand over", key="bulk_hand_over", type="primary", on_click=actions.hand_over_all, args=(ticked,))


def _export(stamp: Stamp, target: AlertFilter, sort: str, n_alerts: int) -> None:
    with_contact = st.toggle("With name, e-mail and telephone number", key="alert_contact")
    st.download_button(
        "Download CSV",
        data=calls.export_of(stamp, target, sort=sort, n_alerts=n_alerts, with_contact=with_contact),
        file_name=alerts_file_name(n_alerts),
        mime="text/csv",
        type="primary",
        on_click="ignore",
        key="alert_download",
    )
    st.caption(
        plain(
            "The whole list or no file, safe to open in a spreadsheet. Customers who must not be contacted are marked."
        )
    )
