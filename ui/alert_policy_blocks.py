"""What raises an alert, in the shop's own numbers: the settings of the queue, their effect, and renewing it now."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from churn_core.customers.alert_days import WEEKDAYS
from churn_core.customers.alert_policy import AlertPolicy, save_alert_policy
from churn_core.customers.alert_rules import RULES
from churn_core.figures.theme import currency_sign
from ui import session
from ui import session_alerts as calls
from ui.errors import guarded, plain, sentence, show_callback_error
from ui.session import Stamp

PLACE = "alert_policy"
SHARE, AMOUNT = "a share of the customers", "an amount"
"""How it is said who has enough at stake."""


def policy_block(stamp: Stamp, currency: str) -> None:
    """The settings, closed until somebody asks for them."""
    with st.expander("What raises an alert", icon=":material/tune:", key="alert_policy"):
        now = calls.policy(stamp)
        show_callback_error(PLACE)
        asked = _rules(stamp, now)
        asked |= _stake(now, currency)
        asked |= _pace(now)
        _effect(stamp, now, asked)
        for note in calls.summary(stamp).notes:
            st.caption(f":orange[:material/info:] {sentence(note)}")
        with st.container(horizontal=True, vertical_alignment="center"):
            save = guarded(_save, place=PLACE)
            st.button("Save and renew now", key="alert_save_renew", type="primary", on_click=save, args=(asked, True))
            st.button("Save only", key="alert_save", on_click=save, args=(asked, False))


def _rules(stamp: Stamp, now: AlertPolicy) -> dict[str, object]:
    st.markdown("**Who is named**")
    on = []
    for name, rule in RULES.items():
        if st.checkbox(
            f"**{plain(rule.label)}** · {plain(rule.meaning)}", value=name in now.rules_on,
            key=f"alert_rule_{name}",
        ):  # fmt: skip
            on.append(name)
    return {"rules_on": tuple(on)}


def _stake(now: AlertPolicy, currency: str) -> dict[str, object]:
    """Who has enough at stake to be worth somebody's morning."""
    st.markdown("**Who is worth a call**")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        by = st.segmented_control(
            "Enough at stake is told by", (SHARE, AMOUNT), default=SHARE if now.min_stake is None else AMOUNT,
            required=True, key="alert_by",
        )  # fmt: skip
        if by == AMOUNT:
            sign = currency_sign(currency).strip()
            least = st.number_input(
                f"Least at stake{f', {sign}' if sign else ''}", min_value=0.0, value=float(now.min_stake or 0),
                step=10.0, format="%.0f", key="alert_least", width=180,
            )  # fmt: skip
            return {"min_stake": least}
        share = st.number_input(
            "Customers with the most at stake, %", 1.0, 100.0, 100 * now.top_share, 5.0, "%.0f", key="alert_share",
            width=260,
        )  # fmt: skip
        return {"min_stake": None, "top_share": share / 100}


def _pace(now: AlertPolicy) -> dict[str, object]:
    st.markdown("**How much work that may be**")
    fields = (
        ("n_most", "New alerts a day, at most", 1, 1000, "Who qualifies beyond waits for another day, by stake."),
        ("due_days", "Working days until due", 1, 90, "From the day it is raised; unhappy customers are due sooner."),
        ("recent_days", "Days that count as news", 1, 365, "Late, unhappy or risen within so many days."),
        ("jump_points", "Points that are a jump", 1, 99, "By how much the risk must have risen."),
        ("n_valuable", "Places that are most valuable", 1, 1000, "In the high tier, by value at risk."),
        ("quiet_days", "Days of quiet after done", 0, 730, "A customer whose alert was done is left alone so long."),
        ("n_attempts", "Attempts before giving up", 1, 20, "Until then, whoever is not reached comes back."),
    )
    asked: dict[str, object] = {}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for name, label, least, most, meaning in fields:
            asked[name] = st.number_input(
                label, least, most, int(getattr(now, name)), 1, key=f"alert_{name}", help=meaning, width=200
            )
    days = st.pills(
        "Working days", WEEKDAYS, selection_mode="multi", default=now.working_days, key="alert_working_days",
        help="Alerts are due and come back on these days.",
    )  # fmt: skip
    asked["working_days"] = tuple(name for name in WEEKDAYS if name in days)
    asked["pause_in_campaigns"] = st.toggle(
        "Leave everybody in a running campaign alone", value=now.pause_in_campaigns, key="alert_pause",
        help="Otherwise only its control group: whoever is contacted there can no longer be compared with.",
    )  # fmt: skip
    return asked


def _effect(stamp: Stamp, now: AlertPolicy, asked: dict[str, object]) -> None:
    """What the settings as they stand in the fields would do, before they are saved."""
    if not asked["rules_on"] or not asked["working_days"]:
        return
    chosen = replace(now, **asked)  # type: ignore[arg-type]
    if chosen != now:
        st.info(
            plain(f"Not saved yet. {calls.foreseen(stamp, chosen, calls.today()).words}"), icon=":material/visibility:"
        )


def _save(asked: dict[str, object], renew: bool) -> None:
    save_alert_policy(session.warehouse(), AlertPolicy(**asked))  # type: ignore[arg-type]
    if renew:
        calls.start_renewal()
    else:
        st.toast("Saved. It counts from the next renewal on.")
