"""Cached calls of the Rule segments page into the core, keyed by the workspace's stamp."""

from __future__ import annotations

import streamlit as st

from churn_core.customers import rule_choices, rule_segments, rule_sql
from churn_core.customers import tags as tags_module
from churn_core.customers.rule_choices import FieldChoice
from churn_core.customers.rule_segments import Overlaps, RuleCount, SegmentStanding
from churn_core.customers.rules import rule_from_json
from churn_core.customers.tags import CustomerTag, Tag
from ui import session
from ui.session import Stamp


@st.cache_data(show_spinner=False, max_entries=8)
def field_choices(stamp: Stamp) -> tuple[FieldChoice, ...]:
    """What a rule can ask in this workspace."""
    return rule_choices.field_choices(session.warehouse(stamp.workspace))


@st.cache_data(show_spinner="Counting", max_entries=128)
def rule_count(stamp: Stamp, rule: str) -> RuleCount:
    """How many customers a rule means; the rule as JSON."""
    return rule_segments.count_rule(session.warehouse(stamp.workspace), rule_from_json(rule))


@st.cache_data(show_spinner=False, max_entries=128)
def rule_sql_shown(stamp: Stamp, rule: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The SQL of a rule to read, and its parameters in order."""
    found = rule_sql.rule_sql(session.warehouse(stamp.workspace), rule_from_json(rule))
    used = tuple((name, str(value)) for name, value in found.parameters.items() if f"${name}" in found.shown)
    return found.shown, used


@st.cache_data(show_spinner=False, max_entries=8)
def standings(stamp: Stamp) -> tuple[SegmentStanding, ...]:
    """All saved segments with what is at stake."""
    return rule_segments.standings(session.warehouse(stamp.workspace))


@st.cache_data(show_spinner=False, max_entries=16)
def overlaps(stamp: Stamp, segment_ids: tuple[int, ...]) -> Overlaps:
    """What the segments share."""
    return rule_segments.overlaps(session.warehouse(stamp.workspace), segment_ids)


@st.cache_data(show_spinner=False, max_entries=8)
def tags(stamp: Stamp) -> tuple[Tag, ...]:
    """All tags."""
    return tags_module.tags(session.warehouse(stamp.workspace))


@st.cache_data(show_spinner=False, max_entries=64)
def tags_of(stamp: Stamp, customer_id: str) -> tuple[CustomerTag, ...]:
    """The tags of one customer."""
    return tags_module.tags_of(session.warehouse(stamp.workspace), customer_id)
