"""The fifth step of a plan: whether the audience is large enough, and what would suffice where it is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from churn_core.campaigns.goals import OUTCOMES
from churn_core.campaigns.plan import Plan
from churn_core.campaigns.sizing import PlanSize
from churn_core.campaigns.store import Campaign
from churn_core.figures.theme import count, counted
from ui import plan_words as words
from ui import session
from ui import session_plan as calls
from ui.errors import plain, sentence
from ui.key_figures import figures_row, key_figure
from ui.plan_fields import Fields
from ui.session import Stamp
from ui.widgets import table


def power_step(stamp: Stamp, found: Campaign) -> None:
    """The sentence, the numbers behind it, and how sure it must be."""
    fields = Fields(found=found, step="Power")
    size = calls.full_size(stamp, found)
    currency = session.currency()
    verdict_block(size)
    if found.plan.is_measurable and size.n_available:
        _figures(size, found.plan, currency)
    if size.n_available:
        _days(size, found.plan)
    if not found.plan.is_measurable:
        return
    if size.needed:
        table(
            [
                {
                    "Arm": arm.name,
                    "Share": f"{100 * arm.share:.6g} %",
                    "Needed": count(size.needed[arm.name]),
                    "There are about": count(size.available[arm.name]),
                }
                for arm in found.plan.arms
            ],
        )
        st.caption(
            "There are about as many as the share says: the draw shares out each group of like risk and value by "
            "itself, so it may come to one or a few customers more or fewer. The Draw step shows the numbers drawn."
        )
    _where_from(size, currency)
    with st.container(horizontal=True):
        st.number_input(
            "Chance to find the effect, %", min_value=50.0, max_value=99.0, step=5.0, format="%.6g", width=220,
            help="Chance to find the smallest effect if it is there (statistical power). 80 % is usual.",
            **fields.at("power", round(100 * found.plan.power, 6), _share_of("power")),
        )  # fmt: skip
        st.number_input(
            "Chance of a false alarm, %", min_value=0.1, max_value=20.0, step=1.0, format="%.6g", width=220,
            help="Chance to find an effect that is not there, over all treatments together (alpha). 5 % is usual.",
            **fields.at("alpha", round(100 * found.plan.alpha, 6), _share_of("alpha")),
        )  # fmt: skip
        per_week_input(fields, found.plan)


def per_week_input(fields: Fields, plan: Plan) -> None:
    """How many start per week; asked where it says how long it takes, and where the weeks are drawn."""
    st.number_input(
        "Customers per week, control counted", value=None, min_value=1, placeholder="All at once", width=260,
        help="Customers of the audience who start each week: those who are contacted and those of the control. "
        "Every week holds every arm in its share; a customer's window begins with the customer's own week.",
        **fields.at("per_week", plan.per_week, lambda changed, n: replace(changed, per_week=n or None)),
    )  # fmt: skip


def verdict_block(size: PlanSize) -> None:
    """Enough, too small, or why it cannot be said; and what would suffice."""
    show = {"enough": st.success, "too_small": st.warning, "not_measurable": st.warning}.get(size.level, st.info)
    remedies = "".join(f"\n- {plain(text)}" for text in size.remedies)
    show(f"**{sentence(size.verdict)}**" + (f"\n\nWhat would help, each by itself:\n{remedies}" if remedies else ""))


def _figures(size: PlanSize, plan: Plan, currency: str) -> None:
    entry = OUTCOMES[size.outcome]
    with figures_row("power"):
        level = words.outcome_value(entry, size.baseline.value if size.baseline else None, currency)
        key_figure("Without the campaign", level, f"in {counted(size.window_days, 'day')}", meaning=entry.label)
        needed = count(size.n_needed) if size.n_needed else "–"
        key_figure("Customers needed", needed, f"{count(size.n_available)} there are")
        key_figure(
            "Smallest effect found", words.effect(entry, size.mde, currency),
            f"worth having: {words.effect(entry, size.smallest_effect, currency)}",
            meaning=f"With all {count(size.n_available)} customers and a chance of {100 * plan.power:.0f} % to find "
            "it, for the treatment that has the fewest.",
        )  # fmt: skip


def _days(size: PlanSize, plan: Plan) -> None:
    volume = (
        "everybody starts at once" if plan.per_week is None
        else f"at {count(plan.per_week)} customers a week, control counted, it takes "
        f"{counted(size.days_to_contact, 'day')} until everybody has started"
    )  # fmt: skip
    st.markdown(
        f"**{counted(size.days_until_answer, 'day')} from the first contact to the answer**: {volume}, and the last "
        f"customer's window of {counted(size.window_days, 'day')} has to end."
    )


def _where_from(size: PlanSize, currency: str) -> None:
    if size.baseline is None:
        return
    entry = OUTCOMES[size.outcome]
    st.caption(
        f"The level without the campaign is {sentence(size.baseline.told)[0].lower()}{sentence(size.baseline.told)[1:]}"
    )
    if size.compared is not None:
        level = words.outcome_value(entry, size.compared.value, currency)
        st.caption(f"For comparison, {plain(level)} is {plain(size.compared.told)}")
    if entry.kind == "mean":
        st.caption(
            "The readout will also use what each customer did before the start, which takes off a part of the chance "
            "in the numbers (CUPED); that is a reserve and not counted on here."
        )


def _share_of(name: str) -> Any:
    return lambda plan, number: replace(plan, **{name: round(number / 100, 8)})
