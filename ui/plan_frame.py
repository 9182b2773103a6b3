"""The frame of a plan: which campaign, the eight steps with what is missing, the counts beside them, back and on."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from churn_core.campaigns.plan import STEPS
from churn_core.campaigns.sizing import PlanSize
from churn_core.campaigns.store import Campaign
from churn_core.figures.theme import count, day, money, percent
from ui import plan_words as words
from ui import session
from ui import session_plan as calls
from ui.currency_hint import currency_hint
from ui.errors import plain, sentence
from ui.layout import side_by_side
from ui.session import Stamp

Missing = dict[str, tuple[str, ...]]

AUDIENCE = STEPS.index("Audience") + 1
LOCK, EXPORT = STEPS.index("Lock") + 1, STEPS.index("Export") + 1

_DONE, _OPEN, _WARNING = ":material/check_circle:", ":material/circle:", ":material/warning:"
_POWER = {"enough": _DONE, "too_small": _WARNING, "not_measurable": _WARNING}


def title_block(found: Campaign) -> None:
    """Which campaign this is, and the way back to all of them."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader(plain(found.name), anchor=False, width="content")
        st.button("All campaigns", icon=":material/list:", type="tertiary", key="all_campaigns", on_click=_all)
    begun = f"begun {day(found.created_at)}" + (f" by {plain(found.created_by)}" if found.created_by else "")
    told = [calls.status_words(found), f"`{found.campaign_id}`", begun]
    if found.locked_at is not None:
        by = f" by {plain(found.locked_by)}" if found.locked_by else ""
        told.append(f"locked {found.locked_at:%-d %b %Y, %H:%M} UTC{by}")
    st.caption(" · ".join(told))


def list_instead(found: Campaign) -> None:
    """A draft about scores that do not exist can be about a list of ids."""
    st.markdown("This draft is about a filter over scores, and there are none.")
    st.button(
        "Use a list of customer ids", icon=":material/list_alt:", key="list_instead", on_click=_listed,
        args=(found.campaign_id,),
    )  # fmt: skip


def _listed(campaign_id: str) -> None:
    calls.change(campaign_id, AUDIENCE, lambda plan: replace(plan, is_listed=True))
    st.query_params[calls.STEP] = str(AUDIENCE)


def missing_of(stamp: Stamp, found: Campaign) -> Missing:
    """What is still missing, by step; a locked plan misses nothing."""
    if not found.is_draft:
        return {}
    return words.missing(found.plan, calls.eligibility(stamp, found))


def stepper(stamp: Stamp, found: Campaign, missing: Missing) -> int:
    """The eight steps; the number of the chosen one."""
    key = f"step_{found.campaign_id}"
    st.session_state[key] = chosen_step(found)
    marks = {"Power": _power_mark(stamp, found, missing)} | dict.fromkeys(missing, ":material/error:")
    st.segmented_control(
        "Step",
        list(range(1, len(STEPS) + 1)),
        required=True,
        format_func=lambda number: f"{marks.get(STEPS[number - 1]) or _mark(found, number)} {STEPS[number - 1]}",
        key=key,
        on_change=_chosen,
        args=(key,),
        label_visibility="collapsed",
    )
    return int(st.session_state[key])


def _power_mark(stamp: Stamp, found: Campaign, missing: Missing) -> str:
    """Whether the audience can answer the question; of a locked plan, as it was known when it was locked."""
    if found.is_draft:
        if {"Goal", "Audience", "Exclusions", "Arms"} & set(missing):
            return _OPEN
        return _POWER.get(calls.plan_size(stamp, found).level, _OPEN)
    needed = found.counts.get("n_needed")
    lacks = not found.plan.is_measurable or bool(needed and needed > sum(found.counts.get("arms", {}).values()))
    return _WARNING if lacks else _DONE


def chosen_step(found: Campaign) -> int:
    """The step of the address; else the one last worked on, or the export once the plan is locked."""
    text = st.query_params.get(calls.STEP, "")
    if text.isdecimal() and 1 <= int(text) <= len(STEPS):
        return int(text)
    return found.step if found.is_draft else EXPORT


def _mark(found: Campaign, number: int) -> str:
    """Of a step without anything missing: of a draft, all but the last two are complete, whichever was opened last."""
    return _DONE if number < LOCK or not found.is_draft else _OPEN


def step_missing(missing: Missing, step: int) -> None:
    """What this step still misses."""
    told = missing.get(STEPS[step - 1], ())
    if told:
        st.markdown("\n".join(f"- :orange[{sentence(text)}]" for text in told))


def two_columns(found: Campaign, step: int) -> tuple[DeltaGenerator, DeltaGenerator | None]:
    """Where the step stands, and where the counts of a draft stand beside it; the plan's text says them itself."""
    if not found.is_draft or step >= LOCK:
        return st.container(), None
    main, aside = side_by_side([2.6, 1], key="plan")
    return main, aside


def counts_block(stamp: Stamp, found: Campaign) -> None:
    """How many customers there are by now, live."""
    with st.container(border=True, gap="small"):
        st.markdown("**So far**")
        total = calls.audience_total(stamp, found)
        currency = session.currency()
        at_risk = f"{money(total.value_at_risk, currency)} at risk, mean risk {percent(total.mean_risk)}"
        note = at_risk if total.n_scored else "not scored" if total.n_customers else "nobody yet"
        _line("Audience", count(total.n_customers), note)
        if not total.n_customers:
            return
        left = calls.eligibility(stamp, found)
        _line("After exclusions", count(left.n_left), f"{count(left.n_audience - left.n_left)} left out")
        size = calls.plan_size(stamp, found)
        arms = " · ".join(f"{plain(arm)} about {count(n)}" for arm, n in size.available.items())
        _line("Arms", str(len(found.plan.arms)), arms)
        if left.n_left:
            st.caption(_size_words(size))
        else:
            st.caption(f":orange[:material/warning:] {sentence(left.note)}")
        currency_hint(is_money=total.value_at_risk is not None)


def _line(label: str, value: str, note: str) -> None:
    st.markdown(f"{label}: **{value}**  \n:gray[:small[{note}]]")


def _size_words(size: PlanSize) -> str:
    """Whether the audience suffices, in short; the Power step says it in full."""
    if size.level == "enough":
        return f":green[:material/check_circle:] Enough: {count(size.n_needed)} are needed."
    if size.level == "too_small":
        return f":orange[:material/warning:] Too small: {count(size.n_needed)} are needed."
    mark = ":orange[:material/warning:]" if size.level == "not_measurable" else ":material/info:"
    return f"{mark} {sentence(size.verdict)}"


def turn_pages(found: Campaign, step: int) -> None:
    """Back and on."""
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        if step > 1:
            _turn(found, step - 1, f"Back: {STEPS[step - 2]}", ":material/arrow_back:")
        if step < len(STEPS):
            _turn(found, step + 1, f"Next: {STEPS[step]}", ":material/arrow_forward:")


def _turn(found: Campaign, step: int, label: str, icon: str) -> None:
    st.button(label, icon=icon, key=f"turn_{step}", on_click=_go, args=(found, step))


def _go(found: Campaign, step: int) -> None:
    st.query_params[calls.STEP] = str(step)
    if found.is_draft and step > found.step:
        calls.change(found.campaign_id, step, lambda plan: plan)


def _chosen(key: str) -> None:
    st.query_params[calls.STEP] = str(st.session_state[key])


def _all() -> None:
    calls.leave_campaign()
