"""Cached calls of the Plan page into the core, and the work that it can start.

A draft changes without a line in the audit log, so every answer is keyed by the parts of the plan it depends on beside
the workspace's stamp.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import streamlit as st

from churn_core.campaigns import (
    audience,
    draw,
    exclusions,
    id_lists,
    over,
    playbook,
    sizing,
    start,
    store,
    target_list,
    uplift_net,
)
from churn_core.campaigns.audience import AudienceTotal
from churn_core.campaigns.baseline import Baseline
from churn_core.campaigns.draw import DrawPreview
from churn_core.campaigns.exclusions import Eligibility
from churn_core.campaigns.id_lists import ListGiven
from churn_core.campaigns.plan import Plan
from churn_core.campaigns.plan_text import plan_text as text_of_plan
from churn_core.campaigns.playbook import Suggestion
from churn_core.campaigns.sizing import PlanSize
from churn_core.campaigns.store import Campaign
from churn_core.campaigns.uplift_net import AudienceNetValue
from churn_core.customers.selection import CustomerFilter
from churn_core.features.definition import known_until
from churn_core.figures.theme import counted
from churn_core.jobs import Progress
from ui import session
from ui.session import Stamp
from ui.widgets import job_started

STEP = "step"
CAMPAIGN = "campaign"
DRAWING = ("lock", "join")
"""Jobs that draw customers into a campaign; one waits for the other, and for no other work."""
"""Parameters of the address."""


def leave_campaign() -> None:
    """Take campaign and step out of the address; what inputs of the frame keep there is theirs to change."""
    for name in (CAMPAIGN, STEP):
        if name in st.query_params:
            del st.query_params[name]


def drafts_and_campaigns() -> tuple[Campaign, ...]:
    """All of them, the one changed last first; never cached, because drafts change without a trace in the stamp."""
    return store.campaigns(session.warehouse())


def found_campaign(campaign_id: str) -> Campaign:
    """One campaign as it is now; NotFound when there is none of that id."""
    return store.campaign(session.warehouse(), campaign_id)


def status_words(entry: Campaign) -> str:
    """Where a campaign stands, in the words that every page has for it."""
    return over.status_words(entry, _known_until(session.stamp()))


@st.cache_data(show_spinner=False, max_entries=8)
def _known_until(stamp: Stamp) -> datetime | None:
    return known_until(session.warehouse(stamp.workspace))


def needs_scores(stamp: Stamp, found: Campaign) -> bool:
    """Whether a draft is about a filter over scores that do not exist."""
    return found.is_draft and not found.plan.is_listed and not stamp.state.run_id


def begin(plan: Plan | None = None) -> Campaign:
    """A draft to begin with, its first day of contact already proposed; about a list of ids while nobody was scored.

    One that was begun before and left as it was is taken up again, so that pressing twice leaves one draft.
    """
    warehouse = session.warehouse()
    first = plan or Plan(is_listed=not session.stamp().state.run_id)
    return store.begin_draft(warehouse, replace(first, starts_on=first.starts_on or start.default_start(warehouse)))


def begin_for(chosen: CustomerFilter, customer_ids: tuple[str, ...]) -> Campaign:
    """A draft for the customers of a list: the ticked ones by their ids, else all that the filter means."""
    unordered = replace(chosen, sort=CustomerFilter.sort, descending=CustomerFilter.descending)
    begun = begin(Plan(is_listed=True) if customer_ids else Plan(audience=unordered))
    if customer_ids:
        id_lists.give_list(session.warehouse(), begun.campaign_id, "audience", customer_ids)
    return begun


def change(campaign_id: str, step: int, made: Callable[[Plan], Plan]) -> None:
    """Keep a change of a draft at once."""
    warehouse = session.warehouse()
    found = store.campaign(warehouse, campaign_id)
    plan = made(found.plan)
    if plan != found.plan or step != found.step:
        store.save_draft(warehouse, campaign_id, plan, step=step)


def touch(campaign_id: str, step: int) -> None:
    """Keep that a draft was worked on at a step, where what was entered is not part of its plan."""
    change(campaign_id, step, lambda plan: plan)


def _audience_key(found: Campaign) -> tuple[Any, ...]:
    return (found.campaign_id, found.status, found.plan.audience, found.plan.is_listed)


def _eligible_key(found: Campaign) -> tuple[Any, ...]:
    channels = tuple(arm.channel for arm in found.plan.treatments)
    return (*_audience_key(found), found.plan.exclusions, found.plan.starts_on, channels)


def audience_total(stamp: Stamp, found: Campaign) -> AudienceTotal:
    """How many customers the plan is about and what is at stake."""
    return _audience_total(stamp, _audience_key(found), found)


@st.cache_data(show_spinner=False, max_entries=64)
def _audience_total(stamp: Stamp, key: tuple[Any, ...], _found: Campaign) -> AudienceTotal:
    return audience.audience_total(session.warehouse(stamp.workspace), _found)


def net_value(stamp: Stamp, found: Campaign) -> AudienceNetValue:
    """What contacting the audience is expected to be worth, where a finished campaign has shown who responds."""
    return _net_value(stamp, _audience_key(found), found)


@st.cache_data(show_spinner=False, max_entries=32)
def _net_value(stamp: Stamp, key: tuple[Any, ...], _found: Campaign) -> AudienceNetValue:
    return uplift_net.net_value_of(session.warehouse(stamp.workspace), _found)


def eligibility(stamp: Stamp, found: Campaign) -> Eligibility:
    """Who is left out, rule by rule."""
    return _eligibility(stamp, _eligible_key(found), found)


@st.cache_data(show_spinner=False, max_entries=64)
def _eligibility(stamp: Stamp, key: tuple[Any, ...], _found: Campaign) -> Eligibility:
    return exclusions.eligibility(session.warehouse(stamp.workspace), _found)


def collisions(stamp: Stamp, found: Campaign) -> Any:
    """Other open campaigns that share customers with this one."""
    return _collisions(stamp, _audience_key(found), found)


@st.cache_data(show_spinner=False, max_entries=32)
def _collisions(stamp: Stamp, key: tuple[Any, ...], _found: Campaign) -> Any:
    return exclusions.collisions(session.warehouse(stamp.workspace), _found)


def suggestions(stamp: Stamp, found: Campaign) -> tuple[Suggestion, ...]:
    """Treatments that fit the main reasons of the audience."""
    return _suggestions(stamp, _eligible_key(found), found)


@st.cache_data(show_spinner=False, max_entries=32)
def _suggestions(stamp: Stamp, key: tuple[Any, ...], _found: Campaign) -> tuple[Suggestion, ...]:
    return playbook.suggestions(session.warehouse(stamp.workspace), _found)


@st.cache_data(show_spinner=False, max_entries=32)
def has_rows(stamp: Stamp, table: str) -> bool:
    """Whether anything was imported into a table."""
    return session.warehouse(stamp.workspace).n_rows(table) > 0


def baseline(stamp: Stamp, found: Campaign) -> tuple[Baseline | None, Baseline | None, str]:
    """What the audience would do anyway, by which way, or why that is not known."""
    goal = replace(found.plan.goal, smallest_effect=None, guardrails=())
    return _baseline(stamp, (*_eligible_key(found), goal), found)


@st.cache_data(show_spinner=False, max_entries=32)
def _baseline(stamp: Stamp, key: tuple[Any, ...], _found: Campaign) -> tuple[Baseline | None, Baseline | None, str]:
    return sizing.plan_baseline(session.warehouse(stamp.workspace), _found)


def plan_size(stamp: Stamp, found: Campaign) -> PlanSize:
    """What the plan can tell with the audience it has; only what arms and effect change is worked out again."""
    return sizing.size_by(found.plan, eligibility(stamp, found).n_left, *baseline(stamp, found))


def full_size(stamp: Stamp, found: Campaign) -> PlanSize:
    """The same with what would help where it is too small, which looks at longer windows too."""
    return _full_size(stamp, found.campaign_id, found.plan.sha256, found)


@st.cache_data(show_spinner=False, max_entries=32)
def _full_size(stamp: Stamp, campaign_id: str, plan_sha256: str, _found: Campaign) -> PlanSize:
    return sizing.plan_size(session.warehouse(stamp.workspace), _found)


def draw_preview(stamp: Stamp, found: Campaign) -> DrawPreview:
    """What the lock would draw."""
    return _draw_preview(stamp, found.campaign_id, found.plan.sha256)


@st.cache_data(show_spinner="Drawing on trial", max_entries=16)
def _draw_preview(stamp: Stamp, campaign_id: str, plan_sha256: str) -> DrawPreview:
    return draw.preview_draw(session.warehouse(stamp.workspace), campaign_id)


@st.cache_data(show_spinner=False, max_entries=32)
def kept_list(stamp: Stamp, campaign_id: str, kind: str) -> ListGiven:
    """A list of ids of the campaign as it is kept."""
    return id_lists.list_kept(session.warehouse(stamp.workspace), campaign_id, kind)


@st.cache_data(show_spinner=False, max_entries=16)
def exports(stamp: Stamp, campaign_id: str) -> Any:
    """Target lists exported so far."""
    return target_list.exports_of(session.warehouse(stamp.workspace), campaign_id)


def plan_text(stamp: Stamp, found: Campaign) -> str:
    """The plan in words as it would be frozen."""
    drawn = draw_preview(stamp, found)
    return text_of_plan(
        session.warehouse(stamp.workspace), found, drawn.eligibility, drawn, size=plan_size(stamp, found)
    )


def start_lock(campaign_id: str, shown: DrawPreview) -> None:
    """Draw the arms and freeze the plan in the background."""
    warehouse = session.warehouse()

    def work(progress: Progress) -> dict[str, object]:
        locked = draw.lock_campaign(warehouse, campaign_id, progress, shown=shown)
        n = sum(locked.counts.get("arms", {}).values())
        return {"campaign_id": campaign_id, "message": f"{locked.name}: {counted(n, 'customer')} drawn, plan locked."}

    job_started(session.runner().start("lock", "Lock the plan and draw the arms", work, is_short=True))


def start_export(
    campaign_id: str,
    arms: tuple[str, ...],
    waves: tuple[int, ...],
    with_control: bool,
    with_contact: bool,
    form: target_list.Form,
) -> None:
    """Write the target list and its manifest into the workspace's folder, in place of the last, in the background."""
    warehouse = session.warehouse()
    folder = warehouse.file("x").parent

    def work(progress: Progress) -> dict[str, object]:
        made = target_list.export_campaign(
            warehouse, campaign_id, folder,
            arms=arms, waves=waves, with_contact=with_contact, with_control=with_control, form=form, progress=progress,
        )  # fmt: skip
        target_list.remove_lists(warehouse, campaign_id, but=made.path.name)
        return {"campaign_id": campaign_id, "message": made.message}

    job_started(session.runner().start("export", "Make the target list", work))


def start_join(campaign_id: str) -> None:
    """Give an arm to customers who came into the audience since the draw."""
    warehouse = session.warehouse()

    def work(progress: Progress) -> dict[str, object]:
        joined = draw.join_campaign(warehouse, campaign_id, progress=progress)
        return {"campaign_id": campaign_id, "message": f"{counted(joined.n_customers, 'customer')} joined."}

    job_started(session.runner().start("join", "Let new customers join", work, is_short=True))
