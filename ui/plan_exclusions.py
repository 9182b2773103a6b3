"""The third step of a plan: who is left out before the draw, each rule with its count, and who is left."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from churn_core.campaigns.exclusions import RULES, Eligibility
from churn_core.campaigns.plan import Exclusions
from churn_core.campaigns.store import Campaign
from churn_core.figures.theme import count, counted, percent
from ui import session_plan as calls
from ui.errors import plain, sentence
from ui.plan_audience import list_inputs
from ui.plan_fields import Fields
from ui.session import Stamp
from ui.widgets import table

RECENT = "contacted_days"
FIRST_DAYS = Exclusions().contacted_days or 14


def exclusions_step(stamp: Stamp, found: Campaign) -> None:
    """Switches, the list of ids to leave out, and what each rule leaves."""
    fields = Fields(found=found, step="Exclusions")
    chosen = found.plan.exclusions
    with st.container(horizontal=True):
        for rule in RULES.values():
            value = getattr(chosen, rule.name)
            is_on = value is not None and value is not False
            words = rule.words.format(days=chosen.contacted_days or FIRST_DAYS)
            st.toggle(rule.label, width=250, help=words, **fields.at(rule.name, is_on, _switched(rule.name)))
    if chosen.contacted_days is not None:
        st.number_input(
            "Recently means, days before the start", min_value=1, max_value=365, width=260,
            **fields.at("days", chosen.contacted_days, _days),
        )  # fmt: skip
    made = calls.eligibility(stamp, found)
    waterfall(made)
    _notes(made)
    _collisions(stamp, found, is_left_out=chosen.other_campaign)
    if chosen.manual:
        with st.expander("Own list: leave out single customers"):
            list_inputs(stamp, found, fields, "exclude")


def waterfall(made: Eligibility) -> None:
    """The audience, what each rule takes off, and what is left."""
    rows = [{"Step": "Audience", "Left out": "–", "Left": count(made.n_audience), "Of the audience": "100.0 %"}]
    for step in made.steps:
        share = step.n_left / made.n_audience if made.n_audience else None
        left_out = count(step.n_excluded) if step.is_checked else "not known"
        rows.append(
            {
                "Step": step.label,
                "Left out": left_out if step.is_on else "off",
                "Left": count(step.n_left),
                "Of the audience": percent(share),
            }
        )
    right: Any = st.column_config.Column(alignment="right")
    table(rows, config=dict.fromkeys(("Left out", "Left", "Of the audience"), right))
    st.caption("A customer is counted at the first rule that applies. The draw leaves out the same customers.")


def _notes(made: Eligibility) -> None:
    """What the rules have to say: warnings to be seen before anything is sent, and the parts of the counts."""
    for step in made.steps:
        if step.note and step.is_on:
            mark = ":orange[:material/warning:] " if step.is_warning else ""
            st.caption(f"{mark}**{step.label}**: {sentence(step.note)}")


def _collisions(stamp: Stamp, found: Campaign, *, is_left_out: bool) -> None:
    then = "they are left out" if is_left_out else "they would be in both, and the two could not be told apart"
    for entry in calls.collisions(stamp, found):
        st.markdown(
            f":orange[:material/info:] {counted(entry.n_shared, 'customer')} of this audience are also in "
            f"**{plain(entry.name)}**, which is still running when this one starts; {then}."
        )


def _switched(name: str) -> Any:
    def changed(plan: Any, is_on: bool) -> Any:
        value: Any = (plan.exclusions.contacted_days or FIRST_DAYS if is_on else None) if name == RECENT else is_on
        return replace(plan, exclusions=replace(plan.exclusions, **{name: value}))

    return changed


def _days(plan: Any, days: int) -> Any:
    return replace(plan, exclusions=replace(plan.exclusions, contacted_days=days))
