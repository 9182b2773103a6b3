"""The fourth step of a plan: what each arm gets - the control nothing - and how the audience is shared out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import streamlit as st

from churn_core.campaigns.plan import (
    ACTIONS,
    CHANNELS,
    CONTROL,
    MOST_TREATMENTS,
    N_NAME_MOST,
    Arm,
    Plan,
    reminders,
)
from churn_core.campaigns.sizing import equal_shares
from churn_core.campaigns.store import Campaign
from churn_core.figures.theme import currency_sign, percent
from ui import session
from ui import session_plan as calls
from ui.errors import plain, sentence
from ui.plan_fields import Fields
from ui.session import Stamp

ARMS = "arm"
"""Beginning of the keys of all inputs of arms."""

FIRST_TREATMENT = Arm(name="coupon", share=0.8, action="coupon")
FIRST_CONTROL = 0.2
"""Share of a control that is brought back."""


def arms_step(stamp: Stamp, found: Campaign) -> None:
    """The control, the treatments, and what the playbook proposes."""
    fields = Fields(found=found, step="Arms")
    plan = found.plan
    _control(fields, plan)
    for nr, arm in enumerate(plan.arms):
        if not arm.is_control:
            _treatment(fields, nr, arm)
    for told in reminders(plan):
        st.caption(f":orange[:material/info:] {sentence(told)}")
    _shares_line(fields, plan)
    _add(fields, plan)
    _playbook(stamp, found, fields)


def _control(fields: Fields, plan: Plan) -> None:
    if plan.control is None:
        with st.container(border=True):
            st.markdown(
                ":orange[:material/warning:] **Not measurable.** There is no control, so nobody will know what the "
                "campaign did. It can be exported; the readout shows counts, never an effect."
            )
            st.text_area("Why there is no control", height=70, **fields.at("why", plan.no_control_reason, _why))
            st.button(
                "Bring the control back", key=fields.key("control_back"), icon=":material/undo:",
                **fields.doing(_with_control, forget=(ARMS,)),
            )  # fmt: skip
        return
    with st.container(border=True, horizontal=True, vertical_alignment="bottom"):
        with st.container(gap=None):
            st.markdown(f"**{plain(plan.control.name)}**")
            st.caption("Gets nothing. What the others do more than this arm is the effect.")
        nr = plan.arms.index(plan.control)
        _share_input(fields, nr, plan.control)
        with st.popover("Leave out the control", key=fields.key("leave_control")):
            st.markdown("Without a control the campaign is **not measurable**. Type why it must be so, in a sentence.")
            why = st.text_area("Reason", key=fields.key("no_control_reason"), label_visibility="collapsed")
            st.button(
                "Leave it out", key=fields.key("control_out"), disabled=len((why or "").strip()) < 10,
                **fields.doing(lambda changed: _without_control(changed, why), forget=(ARMS, "why")),
            )  # fmt: skip


def _treatment(fields: Fields, nr: int, arm: Arm) -> None:
    currency = currency_sign(session.currency()).strip()
    unit = f", {currency}" if currency else ""
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.text_input("Arm", max_chars=N_NAME_MOST, width=160, **_at(fields, nr, arm, "name"))
            st.selectbox(
                "Action", list(ACTIONS), format_func=ACTIONS.__getitem__, width="stretch",
                **_at(fields, nr, arm, "action"),
            )  # fmt: skip
            st.selectbox(
                "Channel", list(CHANNELS), format_func=CHANNELS.__getitem__, index=None, placeholder="Choose",
                width=130, **_at(fields, nr, arm, "channel"),
            )  # fmt: skip
        st.text_input("Text or offer", placeholder="What the customer is told", **_at(fields, nr, arm, "text"))
        with st.container(horizontal=True, vertical_alignment="bottom"):
            _share_input(fields, nr, arm)
            st.number_input(
                f"Per contact{unit}", min_value=0.0, width=115, help="Cost of reaching one customer.",
                **_at(fields, nr, arm, "contact_cost"),
            )  # fmt: skip
            st.number_input(
                f"Per buyer{unit}", min_value=0.0, width=115,
                help="Cost of the offer per customer who orders within the window, beyond discounts that the orders "
                "record themselves.",
                **_at(fields, nr, arm, "offer_cost"),
            )  # fmt: skip
            st.button(
                "Remove", key=fields.key(f"remove_{nr}"), icon=":material/delete:", type="tertiary",
                **fields.doing(lambda plan: replace(plan, arms=_others(plan.arms, nr)), forget=(ARMS,)),
            )  # fmt: skip


def _share_input(fields: Fields, nr: int, arm: Arm) -> None:
    st.number_input(
        "Share, %", min_value=0.1, max_value=100.0, step=5.0, format="%.6g", width=110,
        **fields.at(f"{ARMS}_{nr}_share", round(100 * arm.share, 6), _changed(nr, "share")),
    )  # fmt: skip


def _at(fields: Fields, nr: int, arm: Arm, name: str) -> dict[str, Any]:
    return fields.at(f"{ARMS}_{nr}_{name}", getattr(arm, name), _changed(nr, name))


def _shares_line(fields: Fields, plan: Plan) -> None:
    total = sum(arm.share for arm in plan.arms)
    if not plan.treatments:
        rest = f"{100 * (1 - total):.6g} %"
        st.markdown(f"The first treatment takes the other **{rest}**; more treatments share them." if total < 1 else "")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        is_whole = abs(total - 1) < 1e-9
        st.markdown(
            f"Shares add up to **{100 * total:.6g} %**." if is_whole
            else f":orange[Shares add up to **{100 * total:.6g} %**; they must add up to 100 %.]",
            width="content",
        )  # fmt: skip
        st.button(
            "Share equally", key=fields.key("equally"), icon=":material/balance:",
            **fields.doing(lambda changed: replace(changed, arms=equal_shares(changed.arms)), forget=(ARMS,)),
        )  # fmt: skip


def _add(fields: Fields, plan: Plan) -> None:
    if len(plan.treatments) < MOST_TREATMENTS:
        st.button(
            "Add a treatment", key=fields.key("add"), icon=":material/add:",
            **fields.doing(lambda changed: with_arm(changed, FIRST_TREATMENT), forget=(ARMS,)),
        )  # fmt: skip


def _playbook(stamp: Stamp, found: Campaign, fields: Fields) -> None:
    taken = {arm.action for arm in found.plan.treatments}
    proposed = [entry for entry in calls.suggestions(stamp, found) if entry.arm.action not in taken]
    if not proposed or len(found.plan.treatments) >= MOST_TREATMENTS:
        return
    st.markdown("**What fits this audience**")
    for nr, entry in enumerate(proposed):
        arm = entry.arm
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            with st.container(gap=None):
                how = f" · {CHANNELS[arm.channel]}" if arm.channel else ""
                st.markdown(f"**{plain(entry.label)}**: {ACTIONS[arm.action or ''].lower()}{how}, “{plain(arm.text)}”")
                st.caption(f"{percent(entry.share_of_audience)} of the audience. {sentence(entry.why)}")
            st.button(
                "Add", key=fields.key(f"suggested_{nr}"), icon=":material/add:",
                **fields.doing(_adding(arm), forget=(ARMS,)),
            )  # fmt: skip


def _adding(arm: Arm) -> Callable[[Plan], Plan]:
    return lambda plan: with_arm(plan, arm)


def with_arm(plan: Plan, arm: Arm) -> Plan:
    """The plan with one more treatment under a name of its own; a new arm takes an equal part from the treatments.

    The control keeps its share; the first treatment takes all the rest.
    """
    taken = {other.name.casefold() for other in plan.arms}
    name, number = arm.name, 2
    while name.casefold() in taken:
        name, number = f"{arm.name} {number}", number + 1
    treatments = (*plan.treatments, replace(arm, name=name))
    control = (plan.control,) if plan.control else ()
    rest = 1 - sum(other.share for other in control)
    if rest < 0.01 * len(treatments):
        return replace(plan, arms=equal_shares((*control, *treatments)))
    return replace(plan, arms=control + _scaled(equal_shares(treatments), rest))


def _scaled(arms: tuple[Arm, ...], total: float) -> tuple[Arm, ...]:
    """The arms with shares in the same proportions that add up to ``total``; the first takes what rounding leaves."""
    before = sum(arm.share for arm in arms)
    scaled = [replace(arm, share=round(arm.share * total / before, 4)) for arm in arms]
    rest = round(total - sum(arm.share for arm in scaled[1:]), 6)
    return (replace(scaled[0], share=rest), *scaled[1:])


def _without_control(plan: Plan, why: str) -> Plan:
    arms = _scaled(plan.treatments, 1.0) if plan.treatments else ()
    return replace(plan, arms=arms, no_control_reason=" ".join(why.split()))


def _with_control(plan: Plan) -> Plan:
    """A control of a fifth again; the treatments share the rest as they did."""
    treatments = _scaled(plan.treatments, 1 - FIRST_CONTROL) if plan.treatments else ()
    return replace(plan, arms=(Arm(name=CONTROL, share=FIRST_CONTROL), *treatments), no_control_reason="")


def _others(arms: tuple[Arm, ...], nr: int) -> tuple[Arm, ...]:
    return tuple(arm for place, arm in enumerate(arms) if place != nr)


def _why(plan: Plan, text: str) -> Plan:
    return replace(plan, no_control_reason=" ".join((text or "").split()))


def _changed(nr: int, name: str) -> Any:
    """A change of one field of one arm, as it is typed."""

    def changed(plan: Plan, value: Any) -> Plan:
        if name == "share":
            value = round(value / 100, 8)
        elif isinstance(value, str):
            value = " ".join(value.split())
        arms = tuple(replace(arm, **{name: value}) if place == nr else arm for place, arm in enumerate(plan.arms))
        return replace(plan, arms=arms)

    return changed
