"""The blocks of the Cut-offs page that turn with the slider: histogram, inputs of both scenarios, outcomes, profit.

Everything here is one fragment: moving a slider draws it anew from the prepared counts and leaves the rest of the page.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from churn_core.customers.cutoff_words import outcome_sentences
from churn_core.customers.cutoffs import (
    NO_COST,
    NOBODY_CONTACTED,
    CutoffOutcome,
    best_cutoff,
    capacity_is_tied,
    capacity_threshold,
    outcome,
    reachable_outcome,
)
from churn_core.customers.risk_counts import RiskCounts
from churn_core.customers.scenario import NAMES, Scenario, save_scenario
from churn_core.figures import cutoffs as figures
from churn_core.figures.models import confusion_figure
from churn_core.figures.theme import count, currency_sign, percent
from churn_core.settings import settings
from ui import session
from ui import session_cutoffs as calls
from ui.cutoff_table import earning_rows, finding_rows
from ui.errors import errors_shown, guarded, plain, sentence, show_callback_error
from ui.layout import side_by_side
from ui.session import Stamp
from ui.widgets import chart, table

WHAT_TO_ENTER = (
    "no cost is entered yet. Enter what a contact and an offer cost, and you see how often the offer must work to pay "
    "for itself. Enter the chance to save as well, and you see the profit; while nobody has measured it, leave it "
    "unknown and run a campaign with a control group."
)
WHY_SAME = "All customers have the same risk, so a threshold contacts everybody or nobody."


FIELDS = ("contact_cost", "offer_cost", "chance", "margin", "per_day", "n_days")
"""Inputs of a scenario, in the order of the page."""

_CHANGED = "scenario_changed"
"""A scenario was saved just now; tiers by expected profit are previewed with it."""


@st.fragment
def cutoffs_block(stamp: Stamp, starts: dict[str, float], currency: str) -> None:
    """Both scenarios: thresholds and inputs, whom they reach, what they earn."""
    with errors_shown():
        show_callback_error()
        if st.session_state.pop(_CHANGED, False) and st.session_state.get("policy_kind") == "profit":
            st.rerun()
        counts = calls.risk_counts(stamp)
        if counts.lowest == counts.highest:
            st.info(WHY_SAME)
        place = st.container()
        scenarios, thresholds = {}, {}
        for name, column in zip(NAMES, side_by_side(len(NAMES), key="scenarios"), strict=True):
            with column, st.container(border=True):
                thresholds[name] = _slider(name, starts[name])
                scenarios[name] = _inputs(stamp, name, currency)
                _offers(stamp, name, counts, scenarios[name], thresholds[name])
        outcomes = {name: outcome(counts, scenarios[name], thresholds[name]) for name in NAMES}
        with place:
            _histogram(counts, scenarios, outcomes)
        _outcomes(stamp, outcomes, {name: reachable_outcome(counts, scenarios[name]) for name in NAMES}, currency)
        _earnings(counts, scenarios, thresholds, currency)
        _confusions(outcomes)


def first_thresholds(stamp: Stamp, high_from: float, medium_from: float) -> dict[str, float]:
    """Where the sliders stand before anybody moves them: where each scenario earns most, else at the tiers in force."""
    counts, saved = calls.risk_counts(stamp), calls.saved_scenarios(stamp)
    found = {}
    for name, usual in zip(NAMES, (high_from, medium_from), strict=True):
        best = best_cutoff(counts, saved[name], within_capacity=True) if name == "B" else None
        found[name] = best.threshold if best and best.threshold is not None else usual
    return found


def _slider(name: str, start: float) -> float:
    st.markdown(f"**Scenario {name}**")
    chosen = st.slider(
        f"{name}: contact everybody with a risk of at least, %",
        0.0,
        100.0,
        round(100 * start, 1),
        0.5,
        "%.1f",
        key=f"cutoff_{name.lower()}",
        bind="query-params",
    )
    return float(chosen) / 100


def _inputs(stamp: Stamp, name: str, currency: str) -> Scenario:
    """The costs of a scenario, remembered as soon as they are changed."""
    now = calls.saved_scenarios(stamp)[name]
    unit = f", {currency_sign(currency).strip()}" if currency else ""
    whole: dict[str, Any] = {"min_value": 1, "step": 1, "format": "%d"}
    amount: dict[str, Any] = {"min_value": 0.0, "step": 0.5, "format": "%.2f"}
    fields: tuple[tuple[str, str, Any, dict[str, Any], str, str], ...] = (
        ("contact_cost", f"Per contact{unit}", now.contact_cost, amount, "0", "For every customer contacted."),
        ("offer_cost", f"Per offer taken{unit}", now.offer_cost, amount, "0",
         "For everybody who takes the offer: the churners it saves, and whoever would have stayed anyway."),
        ("chance", "Chance to save, %", None if now.chance is None else 100 * now.chance,
         {"min_value": 0.0, "max_value": 100.0, "step": 1.0, "format": "%.1f"}, "unknown",
         "How many of 100 churners the offer keeps. Leave it empty when nobody has measured it: a campaign with a "
         "control group does."),
        ("margin", f"Flat margin{unit}", now.margin, amount, "as scored",
         "Empty: the expected value of each customer. A number: the same for everybody."),
        ("per_day", "People per day", now.per_day, whole, "no limit", "Customers you can contact on a day."),
        ("n_days", "Days", now.n_days, whole, "5", "Days of contacting before customers are scored again."),
    )  # fmt: skip
    with st.grid(3, min_column_width=130, gap="small"):
        for field, label, value, limits, empty, meaning in fields:
            key = _key(stamp, name, field)
            st.session_state.setdefault(key, value)
            st.number_input(
                f"{name}: {label[:1].lower()}{label[1:]}",
                value=None,
                key=key,
                placeholder=empty,
                help=meaning,
                on_change=guarded(_remember),
                args=(stamp, name),
                **limits,
            )
    return _read(stamp, name)


def _key(stamp: Stamp, name: str, field: str) -> str:
    return f"scenario_{stamp.workspace}_{name}_{field}"


def _read(stamp: Stamp, name: str) -> Scenario:
    """The scenario as it stands in its fields."""

    def entered(field: str) -> float | None:
        value = st.session_state.get(_key(stamp, name, field))
        return None if value is None else float(value)

    chance, per_day = entered("chance"), entered("per_day")
    return Scenario(
        contact_cost=entered("contact_cost") or 0.0,
        offer_cost=entered("offer_cost") or 0.0,
        chance=None if chance is None else chance / 100,
        margin=entered("margin"),
        per_day=None if per_day is None else int(per_day),
        n_days=int(entered("n_days") or 5),
    )


def _remember(stamp: Stamp, name: str) -> None:
    st.session_state[_CHANGED] = save_scenario(session.warehouse(stamp.workspace), name, _read(stamp, name))


def _histogram(counts: RiskCounts, scenarios: dict[str, Scenario], outcomes: dict[str, CutoffOutcome]) -> None:
    limits = {name: capacity_threshold(counts, scenario) for name, scenario in scenarios.items()}
    known = {name: limit for name, limit in limits.items() if limit is not None}
    chart(figures.cutoff_figure(counts, outcomes, capacity_from=known, mode=session.mode()), key="cutoffs_histogram")
    for name, scenario in scenarios.items():
        if capacity_is_tied(counts, scenario):
            st.caption(
                f"{name}: more customers share the highest risk than the {count(scenario.capacity)} that can be "
                "contacted, so no threshold tells whom; tiers by capacity do."
            )


def _offers(stamp: Stamp, name: str, counts: RiskCounts, scenario: Scenario, threshold: float) -> None:
    """Thresholds to take with one click, and A's inputs for B, so that B is not compared as free."""
    best, limit = best_cutoff(counts, scenario, within_capacity=True), capacity_threshold(counts, scenario)
    found = {
        "best": ("the best threshold", None if best is None or scenario.is_free else best.threshold),
        "capacity": ("the capacity", limit),
    }
    with st.container(horizontal=True, gap="small"):
        for kind, (words, at) in found.items():
            if at is not None and abs(at - threshold) > 1e-9:
                st.button(
                    f"Set {name} to {words}: {percent(at)}",
                    key=f"take_{kind}_{name}",
                    on_click=_take,
                    args=(name, at),
                )
        if name == "B" and _read(stamp, "A") != scenario:
            st.button(
                "Same costs in B as in A",
                key="same_in_b",
                on_click=guarded(_copy_inputs),
                args=(stamp,),
                help="Takes over costs, chance, margin, people per day and days of A.",
            )


def _take(name: str, threshold: float) -> None:
    st.session_state[f"cutoff_{name.lower()}"] = round(100 * threshold, 1)


def _copy_inputs(stamp: Stamp) -> None:
    for field in FIELDS:
        st.session_state[_key(stamp, "B", field)] = st.session_state.get(_key(stamp, "A", field))
    _remember(stamp, "B")


def _outcomes(
    stamp: Stamp, outcomes: dict[str, CutoffOutcome], reachable: dict[str, CutoffOutcome | None], currency: str
) -> None:
    """Both scenarios in words and in a table, with the difference."""
    for name, found in outcomes.items():
        st.markdown(f"**{name}** {plain(' '.join(outcome_sentences(found, reachable=reachable[name])))}")
    without_cost = [name for name, found in outcomes.items() if found.unknown.get("break_even") == NO_COST]
    if without_cost:
        st.info(f"{' and '.join(without_cost)}: {WHAT_TO_ENTER}", icon=":material/edit:")
    first = outcomes["A"]
    on_the_past = first.judged is None or first.judged.is_past
    right = {name: st.column_config.Column(alignment="right") for name in (*NAMES, "B - A")}
    with st.grid(2, min_column_width=440, gap="medium"):
        earned, found_rows = (
            earning_rows(outcomes["A"], outcomes["B"], currency),
            finding_rows(outcomes["A"], outcomes["B"], on_the_past=on_the_past),
        )
        table(earned, config=right, most_rows=len(earned))
        table(found_rows, config=right, most_rows=len(found_rows))
    reasons = dict.fromkeys(reason for found in outcomes.values() for reason in found.unknown.values())
    for reason in reasons:
        if reason not in (NO_COST, NOBODY_CONTACTED):
            st.caption(sentence(f"Where a dash stands: {reason}"))
    st.caption(plain(_basis(first)))
    if first.value_reached is not None and settings(session.warehouse(stamp.workspace)).margin_rate == 1:
        st.caption("The margin rate is 100 %, so the margin of a customer is revenue in full; set yours in Settings.")
    n_unknown = first.n_contacted - first.n_value_known
    if n_unknown and first.value_reached is not None:
        st.caption(
            f"The value of {count(n_unknown)} of the {count(first.n_contacted)} customers in A is unknown and counts "
            "as nothing; a margin per customer counts for everybody."
        )


def _basis(found: CutoffOutcome) -> str:
    """What the expected numbers and the counted ones rest on."""
    said = (
        "Precision: who leaves, of the contacted. Recall: who is contacted, of those who leave. F1: their harmonic "
        "mean. Expected numbers are sums of calibrated risks. "
    )
    if found.judged is None:
        return f"{said}The range holds chance alone, because the model was not judged."
    n = count(found.judged.n)
    if found.judged.is_past:
        return (
            f"{said}The range holds chance and how far the season may move the level of all risks. Rows on the past "
            f"count what happened to the {n} customers the model was judged on, at earlier days."
        )
    return (
        f"{said}The range holds chance and how far the level was off where the model was judged. Held-out "
        f"precision and recall count what happened to the {n} customers, each judged by a model that had not seen them."
    )


def _earnings(counts: RiskCounts, scenarios: dict[str, Scenario], thresholds: dict[str, float], currency: str) -> None:
    """Profit over the threshold; while the chance is unknown, the chance from which contacting pays."""
    profit = figures.profit_figure(counts, scenarios, thresholds, currency=currency, mode=session.mode())
    if profit is not None:
        chart(profit, key="cutoffs_profit")
        st.caption("Circle: the chosen threshold. Diamond: the threshold of most profit that can be contacted.")
        return
    break_even = figures.break_even_figure(counts, scenarios, thresholds, mode=session.mode())
    if break_even is not None:
        chart(break_even, key="cutoffs_break_even")


def _confusions(outcomes: dict[str, CutoffOutcome]) -> None:
    """Expected confusion of both scenarios."""
    with st.expander("Expected confusion"), st.grid(2, min_column_width=380, gap="medium"):
        for name, found in outcomes.items():
            chart(confusion_figure(found.confusion, mode=session.mode()), key=f"confusion_{name}")
