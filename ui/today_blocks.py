"""The blocks of the Today page: key figures, what to do first, what is at stake, the first customers."""

from __future__ import annotations

import streamlit as st

from churn_core.customers.selection import CustomerFilter
from churn_core.customers.tier_policy import policy_words
from churn_core.customers.today import Changes, Step, Today
from churn_core.figures.customers import reasons_figure, tiers_figure
from churn_core.figures.theme import count, counted, day, money, percent
from churn_core.models.drift_sizes import STRONG
from ui import session
from ui import session_customers as calls
from ui.currency_hint import currency_hint
from ui.customer_table import customer_table
from ui.errors import guarded, plain, sentence
from ui.key_figures import changing_figure, figures_row, key_figure
from ui.session import Stamp
from ui.widgets import chart

PAGES: dict[str, tuple[str, str, dict[str, str]]] = {
    "import": ("pages/data/import_file.py", "Import", {}),
    "quality": ("pages/data/quality.py", "Data quality", {}),
    "definition": ("pages/data/churn_definition.py", "Churn definition", {}),
    "train": ("pages/models/train.py", "Train", {}),
    "score": ("pages/today/today.py", "Score now", {}),
    "alerts": ("pages/alerts/alerts.py", "Open the queue", {}),
    "at_risk": ("pages/customers/at_risk.py", "Open the list", {"tier": "high"}),
    "new_high": ("pages/customers/at_risk.py", "Show them", {"new": "true"}),
    "model_quality": ("pages/models/quality.py", "Model quality", {}),
    "settings": ("pages/settings/settings.py", "Settings", {}),
}
"""Where a step leads: page, label of the link, parameters."""

N_FIRST = 5
"""Customers shown on Today."""

_HIGH = CustomerFilter(tiers=("high",))


def next_page(now: Today) -> tuple[str, str]:
    """Page and label of the first step."""
    page, label, _ = PAGES[now.steps[0].target]
    return page, label


def figures_block(now: Today, currency: str) -> None:
    """One row of key figures, each with what changed since the run before."""
    if now.totals is None:
        return
    high, changes = now.totals.tier("high"), now.changes
    money_meaning = "Risk x expected value, summed over all customers who were scored."
    tier_meaning = "Customers in the high tier of the tier policy in force, see Cut-offs."
    at_risk = money(now.totals.value_at_risk, currency)
    with figures_row("today"):
        if changes is None:
            expected = f"of {money(now.totals.expected_value, currency)} expected if they stay"
            key_figure("Value at risk", at_risk, expected, meaning=money_meaning)
            held = f"{money(high.value_at_risk, currency)} at risk"
            key_figure("In the high tier", count(high.n_customers), held, meaning=tier_meaning)
        else:
            changing_figure("Value at risk", at_risk, _money_change(changes, currency), meaning=money_meaning)
            change = f"{changes.n_high_change:+,}"
            changing_figure("In the high tier", count(high.n_customers), change, meaning=tier_meaning)
            entered, left = money(changes.value_entered, currency), money(changes.value_left, currency)
            key_figure("New in the high tier", count(changes.n_entered), f"{entered} at risk")
            key_figure("Left the high tier", count(changes.n_left), f"{left} before")
        key_figure("Mean risk", percent(now.totals.mean_risk), f"of {counted(now.totals.n_customers, 'customer')}")
    currency_hint(is_money=now.totals.value_at_risk is not None)


def compared_with(now: Today) -> str:
    """What the changes are against, or why there are none yet."""
    if now.changes is None:
        return "This is the first scoring: what changed shows after the next one."
    before = now.changes.previous
    against = (
        f"Changes are against the scoring as of {day(before.as_of)}."
        if before.as_of
        else f"Changes are against the scoring of {day(before.scored_at)}."
    )
    return " ".join(part for part in (against, now.changes.why_not_alike) if part)


def freshness_block(now: Today) -> None:
    """How old data, model and scores are."""
    state, as_of = now.state, now.run.as_of if now.run else None
    words = [
        f"Orders until {day(state.last_order_at)}" if state.last_order_at else counted(state.n_snapshots, "customer"),
        f"imported {day(state.imported_at)}",
        f"model trained {day(now.trained_at)}",
        f"scored {day(state.scored_at)}{f', as of {day(as_of)}' if as_of else ''}",
    ]
    st.caption(" · ".join(plain(part) for part in words))


def drift_block(stamp: Stamp) -> None:
    """That the customers are no longer those the model learned from; silent unless the verdict says strongly."""
    found = calls.newest_drift(stamp)
    if found is None or found[0] != STRONG:
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="drift"):
        st.markdown(
            ":orange[▲ **Customers are strongly shifted from those the model learned from.**]  \n"
            f":gray[{sentence(plain(found[1]))}]",
            width="stretch",
        )
        st.page_link("pages/models/health.py", label="Health", icon=":material/arrow_forward:", width="content")


def steps_block(now: Today, *, after_alerts: bool = False) -> None:
    """What to do first; what comes next where the alerts that wait stand above already."""
    steps = [step for step in now.steps if not (after_alerts and step.target == "alerts")]
    st.subheader("What to do next" if after_alerts else "What to do first", anchor=False)
    if not steps:
        st.markdown("Nothing else is waiting." if after_alerts else "Nothing is waiting.")
    for nr, step in enumerate(steps, start=1):
        with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"step_{nr}"):
            st.markdown(f"**{nr}. {plain(step.what)}**  \n:gray[{plain(step.why)}]", width="stretch")
            _step_action(step, nr)


def _step_action(step: Step, nr: int) -> None:
    page, label, parameters = PAGES[step.target]
    if step.target == "score":
        st.button(label, key=f"score_{nr}", type="primary", on_click=guarded(calls.start_scoring))
    else:
        st.page_link(page, label=label, icon=":material/arrow_forward:", query_params=parameters, width="content")


def stakes_block(stamp: Stamp, now: Today, currency: str) -> None:
    """Customers and money by tier, and what is behind the high tier."""
    if now.totals is None:
        return
    chart(tiers_figure(now.totals, currency=currency, mode=session.mode()), key="tiers")
    st.caption(plain(policy_words(calls.policy(stamp))), help="Set on the page Cut-offs: by risk, number or profit.")
    by_feature = now.run is not None and now.run.source == "snapshots"
    reasons = calls.reasons(stamp, _HIGH, by_feature)
    if reasons:
        chart(reasons_figure(reasons, mode=session.mode(), whose="the high tier"), key="reasons")


def first_customers_block(stamp: Stamp, currency: str) -> None:
    """The customers with the most value at risk."""
    st.subheader("The most value at risk", anchor=False)
    customer_table(calls.rows(stamp, CustomerFilter(), 1, N_FIRST), currency, key="first_customers")


def _money_change(changes: Changes, currency: str) -> str | None:
    return None if changes.value_change is None else money(changes.value_change, currency)
