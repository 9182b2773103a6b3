"""The decision tree of a model version as rules: each a group of customers with its rate of leaving."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from churn_core.customers.profile import feature_label
from churn_core.features.registry import FEATURES
from churn_core.figures.theme import count, percent
from churn_core.models.registry import ModelVersion
from ui import session
from ui.widgets import table


def rules_block(version: ModelVersion) -> None:
    """The rules, riskiest group first; nothing where no tree was tried."""
    rules: Sequence[Mapping[str, Any]] = version.summary.get("rules") or ()
    if not rules:
        return
    currency = session.currency()
    total = sum(rule["n"] for rule in rules)
    with st.expander(f"The decision tree in {len(rules)} rules"):
        table(
            [
                {
                    "Left": percent(rule["risk"]),
                    "Rows": count(rule["n"]),
                    "Share of rows": percent(rule["n"] / total) if total else "–",
                    "When all of this is true": " and ".join(words(entry, currency) for entry in rule["conditions"])
                    or "always",
                }
                for rule in rules
            ],
            most_rows=14,
        )
        st.caption(
            "One tree, learned on the rows of training. It is shown for reading and discussing; which model scores is "
            "decided by the judgement above. Rates of small groups are drawn a little towards the average."
        )


def words(condition: Mapping[str, Any], currency: str) -> str:
    """One condition in words, with the feature's label and the bound in its unit.

    >>> bound = {"name": "n_order_days_90", "relation": "at most", "value": "1.5", "or_missing": False}
    >>> words(bound, "")
    'order days, last 90 days at most 1'
    >>> words({"name": "plan", "relation": "is not", "value": "monthly", "or_missing": False}, "")
    'plan is not monthly'
    """
    label = feature_label(condition["name"])
    if condition["name"] in FEATURES:
        label = label[:1].lower() + label[1:]
    value = condition["value"]
    if condition["relation"] in ("at most", "above"):
        unit = FEATURES[condition["name"]].unit if condition["name"] in FEATURES else ""
        value = _bound(float(value), unit, currency)
    missing = " or unknown" if condition["or_missing"] else ""
    return f"{label} {condition['relation']} {value}{missing}"


def _bound(value: float, unit: str, currency: str) -> str:
    """A bound without false digits; whole numbers are cut below their half, so that the words stay true."""
    if unit == "count":
        return f"{math.floor(value):,}"
    if unit == "share":
        return percent(value)
    text = f"{value:,.1f}" if abs(value) >= 10 else f"{value:.3g}"
    return f"{currency} {text}".strip() if unit == "currency" else text
