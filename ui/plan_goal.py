"""The first step of a plan: what the campaign is for, which effect is worth having, and what must not get worse."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from churn_core.campaigns import sizing
from churn_core.campaigns.goals import GOALS, OUTCOMES
from churn_core.campaigns.plan import N_NAME_MOST, Goal, Guardrail, Plan
from churn_core.campaigns.store import Campaign
from churn_core.errors import InputError
from ui import plan_words as words
from ui import session
from ui import session_plan as calls
from ui.errors import plain, sentence
from ui.plan_fields import Fields
from ui.session import Stamp


def goal_step(stamp: Stamp, found: Campaign) -> None:
    """Name, goal, window, smallest effect, guardrails and cap."""
    fields = Fields(found=found, step="Goal")
    goal = found.plan.goal
    entry, currency = OUTCOMES[goal.outcome], session.currency()
    st.text_input(
        "Name", max_chars=N_NAME_MOST, placeholder="Spring win-back",
        **fields.at("name", found.plan.name, lambda plan, name: replace(plan, name=" ".join((name or "").split()))),
    )  # fmt: skip
    chosen, window = st.columns([2, 1])
    chosen.selectbox(
        "Goal", list(GOALS), format_func=lambda name: OUTCOMES[name].label.capitalize(),
        **fields.at("outcome", goal.outcome, _other_outcome),
    )  # fmt: skip
    window.number_input(
        "Outcome window, days", min_value=1, max_value=730,
        help="Counted for every customer from the first day of contact, in every arm alike.",
        **fields.at("window", goal.window_days, _of_goal("window_days")),
    )  # fmt: skip
    st.caption(f"{sentence(entry.meaning.format(days=goal.window_days))} More is better.")
    _effect(stamp, found, fields, currency)
    _guardrails(stamp, fields, goal, currency)
    if entry.unit == "currency":
        st.number_input(
            "Cap on amounts", value=None, min_value=0.01, placeholder="No cap",
            help="A customer's amount above it counts as this, in all arms. Fixed here, before anybody is drawn; the "
            "readout shows both.",
            **fields.at("cap", goal.cap, _of_goal("cap")),
        )  # fmt: skip


def _effect(stamp: Stamp, found: Campaign, fields: Fields, currency: str) -> None:
    goal = found.plan.goal
    entry = OUTCOMES[goal.outcome]
    unit = words.effect_unit(entry, currency)
    st.number_input(
        f"Smallest effect worth having, {unit}", value=None, min_value=0.0, step=0.5 if unit == "points" else None,
        placeholder="2.0" if unit == "points" else "1.00",
        help="Smaller effects may be missed. The smaller it is, the more customers it takes.",
        **fields.at(f"effect_{goal.outcome}", words.typed(entry, goal.smallest_effect), _effect_typed),
    )  # fmt: skip
    used, compared, why = calls.baseline(stamp, found)
    if used is None:
        st.caption(sentence(why))
        return
    if goal.smallest_effect is not None:
        try:
            sizing.check_effect(entry, used, goal.smallest_effect)
        except InputError as error:
            st.markdown(f":orange[:material/warning: {sentence(str(error))}]")
            return
    size = calls.plan_size(stamp, found)
    level = words.outcome_value(entry, used.value, currency)
    move = words.move(replace(size, baseline=used), currency)
    said = f"**{plain(move).capitalize()}** {entry.label}." if move else f"Without the campaign: **{plain(level)}**."
    other = (
        f" The other way of knowing it says {words.outcome_value(entry, compared.value, currency)}: {compared.told}"
        if compared
        else ""
    )
    st.markdown(said, help=plain(f"{used.told.capitalize()}{other}"))
    st.caption(f"{plain(level)} is {sentence(used.told)[0].lower()}{sentence(used.told)[1:]}")


def _guardrails(stamp: Stamp, fields: Fields, goal: Goal, currency: str) -> None:
    others = [name for name in OUTCOMES if name != goal.outcome]
    st.multiselect(
        "Guardrails", others, format_func=lambda name: OUTCOMES[name].label.capitalize(),
        placeholder="What must not get clearly worse",
        help="Each is tested for being worse by more than its margin; it never turns the verdict by itself.",
        **fields.at(f"guardrails_{goal.outcome}", [rail.outcome for rail in goal.guardrails], _chosen_guardrails),
    )  # fmt: skip
    if goal.guardrails:
        for place, rail in zip(st.columns(max(3, len(goal.guardrails))), goal.guardrails, strict=False):
            entry = OUTCOMES[rail.outcome]
            place.number_input(
                f"{entry.label.capitalize()} may worsen by, {words.effect_unit(entry, currency)}", min_value=0.001,
                help=f"{sentence(entry.meaning.format(days=goal.window_days))} How much worse is still acceptable.",
                **fields.at(f"margin_{rail.outcome}", words.typed(entry, rail.margin), _margin(rail.outcome)),
            )  # fmt: skip
    for rail in goal.guardrails:
        entry = OUTCOMES[rail.outcome]
        if not calls.has_rows(stamp, entry.needs):
            st.caption(
                f":orange[:material/info:] {entry.label.capitalize()}: no {entry.needs} were imported yet; this "
                "guardrail is told as soon as there are any."
            )


def _of_goal(name: str) -> Any:
    return lambda plan, value: replace(plan, goal=replace(plan.goal, **{name: value}))


def _other_outcome(plan: Plan, name: str) -> Plan:
    """Another goal: an effect in its unit has to be said anew, and it cannot be its own guardrail."""
    is_same_unit = OUTCOMES[name].unit == OUTCOMES[plan.goal.outcome].unit
    guardrails = tuple(rail for rail in plan.goal.guardrails if rail.outcome != name)
    return replace(
        plan,
        goal=replace(
            plan.goal,
            outcome=name,
            smallest_effect=plan.goal.smallest_effect if is_same_unit else None,
            cap=plan.goal.cap if OUTCOMES[name].unit == "currency" else None,
            guardrails=guardrails,
        ),
    )


def _effect_typed(plan: Plan, number: float | None) -> Plan:
    size = words.from_typed(OUTCOMES[plan.goal.outcome], number)
    return replace(plan, goal=replace(plan.goal, smallest_effect=size))


def _chosen_guardrails(plan: Plan, names: list[str]) -> Plan:
    known = {rail.outcome: rail for rail in plan.goal.guardrails}
    rails = tuple(known.get(name) or Guardrail(outcome=name, margin=first_margin(name)) for name in names)
    return replace(plan, goal=replace(plan.goal, guardrails=rails))


def first_margin(name: str) -> float:
    """A margin to begin with: one point, or one unit of the amount."""
    return {"share": 0.01, "currency": 1.0}.get(OUTCOMES[name].unit, 0.1)


def _margin(name: str) -> Any:
    def changed(plan: Plan, number: float) -> Plan:
        margin = words.from_typed(OUTCOMES[name], number) or 0.0
        rails = tuple(replace(rail, margin=margin) if rail.outcome == name else rail for rail in plan.goal.guardrails)
        return replace(plan, goal=replace(plan.goal, guardrails=rails))

    return changed
