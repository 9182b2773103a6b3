"""The money of a campaign: what every treatment brought, what it cost, and what is left; and the funnel of contacts.

Separate from the effects because here costs come in, which only a campaign of the workspace has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from churn_core.campaigns.funnel import REACHED_NOTE, Funnel, Step
from churn_core.campaigns.readout_model import ArmMoney, CampaignReadout, Money, Reached
from churn_core.figures import readout as figures
from churn_core.figures.effect_words import signed_money
from churn_core.figures.theme import UNKNOWN, count, money, percent
from churn_core.stats.estimate import Estimate
from ui import session
from ui.currency_hint import currency_hint
from ui.errors import plain, sentence
from ui.widgets import chart, table


def money_block(found: CampaignReadout) -> None:
    """Orders and margin (revenue where none is set) more, cost, what is left, return on spend, each with interval."""
    if found.money is None or not found.money.arms:
        return
    st.subheader("Money", anchor=False)
    currency_hint()
    chart(figures.money_figure(found.money, mode=session.mode()), key="money")
    table(_money_rows(found.money))
    for reason in _reasons(found.money.arms):
        st.caption(reason)
    rate = f"Margin rate: {percent(found.money.margin_rate)}."
    if found.money.gain == "revenue":
        rate = "No margin is set in the settings, so all that was spent counts."
    st.caption(f"{sentence(found.money.told)} {rate}")


def reached_block(contacts: Mapping[str, Funnel]) -> None:
    """Contacts as far as they were imported: an extra that never changes who is counted above."""
    told = [entry for entry in contacts.values() if any(step.n_customers for step in entry.steps)]
    with st.expander("Among those reached: sent, delivered, opened, clicked (an extra without a verdict)"):
        if not told:
            st.markdown(
                "No contacts that name this campaign were imported. They can be, as a table of contacts with customer, "
                "time, kind and the campaign's name or id; the effects above do not change by it."
            )
            st.page_link("pages/data/import_file.py", label="Import contacts", icon=":material/arrow_forward:")
            return
        steps = [
            Reached(
                arm=entry.arm,
                steps=tuple((step.label.lower(), step.n_customers) for step in entry.steps if step.n_customers),
            )
            for entry in told
        ]
        chart(figures.reached_figure(steps, mode=session.mode()), key="reached")
        table([_step_row(entry, step) for entry in told for step in entry.steps if step.n_customers], most_rows=14)
        for entry in told:
            if entry.reached.n:
                st.markdown(
                    f"{plain(entry.arm)}: of {count(entry.reached.n)} customers reached, "
                    f"{percent(entry.reached.value)} ordered within the window so far."
                )
        st.caption(f"{REACHED_NOTE} There is no verdict here, and the population above stays everyone assigned.")


def _step_row(entry: Funnel, step: Step) -> dict[str, str]:
    between = UNKNOWN if step.low is None else f"{percent(step.low)} to {percent(step.high)}"
    return {
        "Arm": entry.arm,
        "Step": step.label,
        "Customers": count(step.n_customers),
        "of all assigned": percent(step.of_assigned),
        "95 % interval": between,
        "of all sent": percent(step.of_sent),
        "Messages": count(step.n_contacts),
    }


def _money_rows(found: Money) -> list[dict[str, Any]]:
    """A row per figure and a column per treatment, which a narrow window has room for."""
    columns = {entry.arm: _figures(entry, found.currency) for entry in found.arms}
    names = list(next(iter(columns.values())))
    return [{"Figure": name, **{arm: figures[name] for arm, figures in columns.items()}} for name in names]


def _figures(entry: ArmMoney, currency: str) -> dict[str, str]:
    return {
        "Customers": count(entry.n),
        "Orders more": _ranged(entry.orders, None),
        f"{entry.gain.capitalize()} more": _ranged(entry.margin, currency),
        "Contacts paid": count(entry.n_contacted),
        "Offers taken": count(entry.n_offers),
        "Costs": money(entry.cost, currency),
        "Left over": _ranged(entry.net, currency),
        "Return on spend": _ratio(entry.return_on_spend),
    }


def _ranged(found: Estimate, currency: str | None) -> str:
    """A value with its interval; ``currency`` None for a count."""
    if found.value is None:
        return UNKNOWN

    def written(value: float) -> str:
        return f"{round(value):+,}" if currency is None else signed_money(value, currency)

    if found.low is None or found.high is None:
        return written(found.value)
    return f"{written(found.value)} [{written(found.low)}, {written(found.high)}]"


def _ratio(found: Estimate) -> str:
    if found.value is None:
        return UNKNOWN
    if found.low is None or found.high is None:
        return f"{found.value:.2f}"
    return f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]"


def _reasons(arms: tuple[ArmMoney, ...]) -> list[str]:
    """Why a value is missing, once per reason."""
    told = [
        f"{plain(entry.arm)}: {sentence(estimate.reason)}"
        for entry in arms
        for estimate in (entry.orders, entry.margin, entry.net, entry.return_on_spend)
        if estimate.reason
    ]
    return list(dict.fromkeys(told))
