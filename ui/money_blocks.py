"""The money of a campaign: what every treatment brought, what it cost, and what is left; and the funnel of contacts.

Separate from the effects because here costs come in, which only a campaign of the workspace has.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from churn_core.campaigns.readout_model import ArmMoney, CampaignReadout
from churn_core.figures import readout as figures
from churn_core.figures.effect_words import signed_money
from churn_core.figures.theme import UNKNOWN, count, money, percent
from churn_core.stats.estimate import Estimate
from ui import session
from ui.errors import plain, sentence
from ui.widgets import chart, table


def money_block(found: CampaignReadout) -> None:
    """Incremental orders and margin, cost, what is left and the return on what was spent, each with its interval."""
    if found.money is None or not found.money.arms:
        return
    st.subheader("Money", anchor=False)
    chart(figures.money_figure(found.money, mode=session.mode()), key="money")
    table([_money_row(entry, found.money.currency) for entry in found.money.arms])
    for reason in _reasons(found.money.arms):
        st.caption(reason)
    st.caption(f"{sentence(found.money.told)} Margin rate: {percent(found.money.margin_rate)}.")


def reached_block(found: CampaignReadout) -> None:
    """Contacts as far as they were imported: an extra that never changes who is counted above."""
    reached = [entry for entry in found.reached if any(n for _, n in entry.steps)]
    with st.expander("Among those reached: sent, delivered, opened, clicked (an extra without a verdict)"):
        if not reached:
            st.markdown(
                "No contacts of these customers were imported. They can be, as a table of contacts with customer, "
                "time and what happened; the effects above do not change by it."
            )
            st.page_link("pages/data/import_file.py", label="Import contacts", icon=":material/arrow_forward:")
            return
        chart(figures.reached_figure(reached, mode=session.mode()), key="reached")
        table(
            [
                {"Arm": entry.arm, "Step": step, "Customers": count(n), "of the first step": _share(n, entry.steps)}
                for entry in reached
                for step, n in entry.steps
            ],
            most_rows=14,
        )
        st.caption(
            "Who opened or clicked chose to: comparing them with anybody says who they are, not what the campaign did. "
            "So there is no verdict here, and the population above stays everyone assigned."
        )


def _money_row(entry: ArmMoney, currency: str) -> dict[str, Any]:
    return {
        "Arm": entry.arm,
        "Customers": count(entry.n),
        "Orders more": _ranged(entry.orders, None),
        "Margin more": _ranged(entry.margin, currency),
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


def _share(n: int, steps: tuple[tuple[str, int], ...]) -> str:
    return percent(n / steps[0][1]) if steps and steps[0][1] else UNKNOWN
