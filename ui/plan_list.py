"""The Plan page without a campaign: drafts and campaigns, each with the way to its plan and its readout."""

from __future__ import annotations

from functools import partial

import streamlit as st

from churn_core.campaigns import store
from churn_core.campaigns.goals import OUTCOMES
from churn_core.campaigns.store import Campaign
from churn_core.figures.theme import count, counted, day
from ui import session
from ui import session_plan as calls
from ui.errors import guarded, plain
from ui.widgets import empty_state

PLAN_PAGE = "pages/campaigns/plan.py"
READOUT_PAGE = "pages/campaigns/readout.py"


def list_block(found: tuple[Campaign, ...]) -> None:
    """Begin a campaign, or go on with one."""
    if st.button("New campaign", type="primary", icon=":material/add:", key="new_campaign"):
        open_plan(calls.begin().campaign_id)
    if not found:
        empty_state(
            "There is no campaign yet. A plan says what a campaign is for, whom it is about, what each arm gets, and "
            "whether the answer can be told from chance; the control group is drawn before anybody is contacted."
        )
        return
    drafts = [entry for entry in found if entry.is_draft]
    others = [entry for entry in found if not entry.is_draft]
    for title, entries in (("Drafts", drafts), ("Campaigns", others)):
        if entries:
            st.subheader(title, anchor=False)
            for entry in entries:
                _row(entry)


def not_there(asked: str) -> None:
    """That an address names a campaign which does not exist; the list of those that do stands below."""
    st.error(plain(f"There is no campaign {asked!r} in this workspace; choose one from the list."))


def open_plan(campaign_id: str, step: int | None = None) -> None:
    """Go to the plan of a campaign."""
    parameters = {calls.CAMPAIGN: campaign_id} | ({calls.STEP: str(step)} if step else {})
    st.switch_page(PLAN_PAGE, query_params=parameters)


def _row(entry: Campaign) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        with st.container(gap=None):
            st.markdown(f"**{plain(entry.name)}** · {calls.status_words(entry)}")
            st.caption(_about(entry))
        st.button("Plan", key=f"open_{entry.campaign_id}", on_click=partial(_open, entry.campaign_id))
        if entry.is_draft:
            with st.popover("Delete", key=f"delete_{entry.campaign_id}"):
                st.markdown("The draft and its lists of ids are gone for good.")
                st.button(
                    "Delete draft", key=f"really_delete_{entry.campaign_id}", on_click=guarded(_delete),
                    args=(entry.campaign_id,),
                )  # fmt: skip
        elif st.button("Readout", key=f"readout_{entry.campaign_id}"):
            st.switch_page(READOUT_PAGE, query_params={calls.CAMPAIGN: entry.campaign_id})


def _about(entry: Campaign) -> str:
    goal = OUTCOMES[entry.plan.goal.outcome].label.capitalize()
    if entry.is_draft:
        return f"{goal} · begun {day(entry.created_at)} by {plain(entry.created_by)} · changed {day(entry.changed_at)}"
    counts = entry.counts.get("arms") or {}
    arms = " · ".join(f"{plain(arm)} {count(n)}" for arm, n in counts.items())
    told = [goal, f"starts {day(entry.starts_at)}", counted(sum(counts.values()), "customer"), arms]
    return " · ".join(part for part in told if part)


def _open(campaign_id: str) -> None:
    calls.leave_campaign()
    st.query_params[calls.CAMPAIGN] = campaign_id


def _delete(campaign_id: str) -> None:
    store.delete_draft(session.warehouse(), campaign_id)
