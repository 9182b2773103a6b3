"""The blocks about tier policies: the one in force, a new one with a preview, all versions."""

from __future__ import annotations

import math

import streamlit as st

from churn_core.customers.scenario import CHANCE_UNKNOWN, NAMES
from churn_core.customers.tier_policy import KINDS, ORDERS, CapacityRule, TierPolicy, policy_words
from churn_core.customers.tiers import TierCount, activate_policy, policy_with, save
from churn_core.figures.theme import count, money, tier_label
from ui import session, session_customers, widgets
from ui import session_cutoffs as calls
from ui.errors import errors_shown, guarded, plain, sentence
from ui.session import Stamp

WHAT_KINDS = {
    "probability": "Everybody from a risk on, however many they are.",
    "capacity": "As many customers as you can contact; the thresholds follow from each new scoring.",
    "profit": "Whoever is worth the cost of contacting, by their own risk and value.",
}
RULE_LINE, LINE_PIXELS, MOST_LINES = 54, 21, 16
"""Characters of a rule on one line of the table of versions, the height of a line, and lines without scrolling."""

ALERTS_FOLLOW = "The alert queue follows when it is renewed, on the page Alerts or with the next scoring."
ACTIVATES = "Saving keeps the policy as a new version, makes it the active one and sorts the latest scoring at once."


def policy_block(stamp: Stamp, currency: str) -> None:
    """The active policy, and a form for another one with what it would do."""
    now = session_customers.policy(stamp)
    name = f"policy {now.version}" if now.version else "proposed from this shop's churn rate"
    st.markdown(f"In force ({name}): {plain(policy_words(now))}")
    kind = st.segmented_control(
        "Draw the tiers",
        list(KINDS),
        default=now.kind,
        format_func=lambda kind: KINDS[kind].capitalize(),
        key="policy_kind",
        required=True,
    )
    st.caption(WHAT_KINDS[kind])
    with errors_shown():
        chosen = {"probability": _by_probability, "capacity": _by_capacity, "profit": _by_profit}[kind](stamp, now)
        if chosen is None:
            return
        _preview(calls.tier_counts(stamp, chosen), calls.tier_counts(stamp, now), currency)
        st.button("Save and activate", type="primary", key="save_policy", on_click=guarded(_save), args=(chosen,))
        st.caption(ACTIVATES)


def versions_block(stamp: Stamp) -> None:
    """Every version with who, when and whether it is in force, and going back to one."""
    found = calls.saved_policies(stamp)
    if not found:
        st.caption("Nothing was saved yet; the proposed thresholds hold.")
        return
    rules = [policy_words(saved.policy) for saved in found]
    n_lines = max(1, *(math.ceil(len(rule) / RULE_LINE) for rule in rules))
    st.dataframe(
        [
            {
                "Version": str(saved.policy.version),
                "In force": "yes" if saved.is_active else "",
                "Kind": KINDS[saved.policy.kind],
                "Rule": rule,
                "Saved (UTC)": saved.policy.saved_at,
                "By": saved.saved_by or "first scoring",
            }
            for saved, rule in zip(found, rules, strict=True)
        ],
        hide_index=True,
        row_height=LINE_PIXELS * n_lines + 12,
        height="content" if n_lines * len(found) <= MOST_LINES else 360,
        alt="Versions of the tier policy, newest first",
        column_config={
            **{name: st.column_config.Column(width=65) for name in ("Version", "In force")},
            "Kind": st.column_config.Column(width=125),
            "Rule": st.column_config.Column(width=330),
            "Saved (UTC)": st.column_config.DatetimeColumn(format="D MMM YYYY, HH:mm", width=135),
            "By": st.column_config.Column(width=85),
        },
    )
    others = [saved.policy.version for saved in found if not saved.is_active]
    if others:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            version = st.selectbox("Earlier version", others, key="policy_version", width=160)
            st.button("Activate again", key="activate_policy", on_click=guarded(_activate), args=(version,))


def _by_probability(stamp: Stamp, now: TierPolicy) -> TierPolicy | None:
    with st.container(horizontal=True):
        high = st.number_input(
            "High from a risk of, %",
            0.0,
            100.0,
            round(100 * now.high_from, 1),
            1.0,
            "%.1f",
            key="policy_high",
            width=200,
        )
        medium = st.number_input(
            "Medium from a risk of, %",
            0.0,
            100.0,
            round(100 * now.medium_from, 1),
            1.0,
            "%.1f",
            key="policy_medium",
            width=200,
        )
    return TierPolicy(high_from=high / 100, medium_from=medium / 100)


def _by_capacity(stamp: Stamp, now: TierPolicy) -> TierPolicy | None:
    rule = now.capacity or CapacityRule(per_day=calls.saved_scenarios(stamp)["A"].per_day or 40)
    has_values = calls.risk_counts(stamp).has_values
    orders = list(ORDERS) if has_values else ["risk"]
    with st.container(horizontal=True):
        per_day = st.number_input("People per day", 1, value=rule.per_day, key="policy_per_day", width=160)
        n_days = st.number_input("Days until the next scoring", 1, value=rule.n_days, key="policy_n_days", width=200)
        order = st.selectbox(
            "First whom",
            orders,
            index=orders.index(rule.order) if rule.order in orders else 0,
            format_func=lambda order: f"most {ORDERS[order]}" if order != "risk" else "highest risk",
            key="policy_order",
            width=200,
            help="Value at risk is risk x expected value: calls there save most money. Risk finds most churners.",
        )
    rule = CapacityRule(per_day=int(per_day), n_days=int(n_days), order=order)
    return policy_with(session.warehouse(stamp.workspace), capacity=rule)


def _by_profit(stamp: Stamp, now: TierPolicy) -> TierPolicy | None:
    name = st.segmented_control(
        "Costs, margin, chance and people per day of", [f"scenario {name}" for name in NAMES], default="scenario A",
        key="policy_scenario", required=True, format_func=lambda name: name[:1].upper() + name[1:],
    )  # fmt: skip
    scenario = calls.saved_scenarios(stamp)[str(name)[-1]]
    if scenario.chance is None:
        st.info(sentence(f"Tiers by expected profit cannot be drawn: {CHANCE_UNKNOWN}"))
        return None
    policy = policy_with(session.warehouse(stamp.workspace), profit=scenario)
    st.caption(plain(policy_words(policy)))
    return policy


def _preview(counts: tuple[TierCount, ...], before: tuple[TierCount, ...], currency: str) -> None:
    """How many customers each tier would get."""
    has_profit = any(found.profit is not None for found in counts)
    widgets.table(
        [
            {
                "Tier": tier_label(found.tier),
                "Customers": count(found.n_customers),
                "Customers now": count(old.n_customers),
                "Churners, expected": count(found.churners),
                "Value at risk": money(found.value_at_risk, currency),
                **({"Profit of contacting them": money(found.profit, currency)} if has_profit else {}),
            }
            for found, old in zip(counts, before, strict=True)
        ],
        config={"Profit of contacting them": st.column_config.Column(alignment="right")} if has_profit else None,
    )


def _save(policy: TierPolicy) -> None:
    saved = save(session.warehouse(), policy)
    st.toast(f"Saved as policy {saved.version} and applied to the latest scoring. {ALERTS_FOLLOW}")


def _activate(version: int) -> None:
    activate_policy(session.warehouse(), version)
    st.toast(f"Policy {version} is in force again. {ALERTS_FOLLOW}")
