"""What stands around a campaign's readout: which campaign it is, and why there is nothing to read yet."""

from __future__ import annotations

from datetime import date, timedelta

import streamlit as st

from churn_core.campaigns.goals import OUTCOMES
from churn_core.campaigns.readout_model import CampaignReadout
from churn_core.campaigns.store import STATUSES, Campaign
from churn_core.figures.theme import day
from churn_core.warehouse import utc_now
from ui import session_readout as calls
from ui.errors import guarded, plain
from ui.session_plan import drafts_and_campaigns, status_words
from ui.widgets import empty_state

_PLAN = "pages/campaigns/plan.py"


def picked_campaign(found: tuple[Campaign, ...]) -> Campaign | None:
    """The campaign of the address, or the first; None, with the reason shown, where it cannot be read out."""
    asked = st.query_params.get(calls.CAMPAIGN)
    ids = [entry.campaign_id for entry in found]
    if asked and asked not in ids:
        if asked not in {entry.campaign_id for entry in drafts_and_campaigns()}:
            st.page_link(_PLAN, label="All campaigns", icon=":material/list:", width="content")
        other = calls.campaign(asked)
        empty_state(
            f"**{plain(other.name)}** is {plain(STATUSES[other.status].lower())}: there is nothing to read out. A "
            "readout begins when a plan is locked, which draws the arms.",
            _PLAN,
            "Plan",
        )
        return None
    if not found:
        empty_state(
            "No campaign is locked yet. Plan one, lock it, contact the customers on its list, and when their orders "
            "come in this page says what it did.",
            _PLAN,
            "Plan a campaign",
        )
        return None
    place = ids.index(asked) if asked in ids else 0
    key = f"readout_of_{ids[place]}"
    st.selectbox(
        "Campaign",
        ids,
        index=place,
        format_func={entry.campaign_id: _label(entry) for entry in found}.__getitem__,
        key=key,
        on_change=guarded(_picked),
        args=(key,),
        width=480,
    )
    return found[place]


def about_block(found: Campaign) -> None:
    """Goal, window and dates of the campaign in one line, and the way to its plan."""
    goal = found.plan.goal
    starts, ends = day(found.starts_at), day(found.ends_at - timedelta(days=1)) if found.ends_at else "while it runs"
    told = [
        f"Goal: {OUTCOMES[goal.outcome].label} within {goal.window_days} days",
        f"first contact {starts}",
        f"last counted day {ends}",
        f"locked {day(found.locked_at)} by {plain(found.locked_by or 'unknown')}",
    ]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(" · ".join(told), width="stretch")
        st.page_link(_PLAN, label="Plan", icon=":material/description:", query_params={"campaign": found.campaign_id})


def waiting_block(found: CampaignReadout) -> bool:
    """Where no outcome window is over yet: what to import and from when on; whether that is so."""
    if sum(arm.n_complete for arm in found.arms):
        return False
    campaign = found.campaign
    if campaign is None or campaign.starts_at is None:
        return False
    first = campaign.starts_at + timedelta(days=campaign.plan.goal.window_days - 1)
    is_open = first + timedelta(days=1) > utc_now()
    bring = "Import newer orders then." if is_open else "Import newer orders, or bring a file of outcomes below."
    known = f"orders are known until {day(found.as_of - timedelta(days=1))}" if found.as_of else "no orders are known"
    empty_state(
        f"**No outcomes yet.** A customer counts when the {campaign.plan.goal.window_days} days after the first "
        f"contact are over and known: the first windows are complete with orders until {day(first)}, and {known}. "
        f"{bring}",
        "pages/data/import_file.py",
        "Import orders",
    )
    return True


def today() -> date:
    """The day on which the page is looked at; answers are kept until it ends."""
    return utc_now().date()


def file_name(found: CampaignReadout) -> str:
    """Name of the downloaded readout."""
    return f"readout_{found.campaign.campaign_id if found.campaign else 'experiment'}.json"


def _label(found: Campaign) -> str:
    return f"{found.name}  ·  {status_words(found).split(':')[0].lower()}  ·  from {day(found.starts_at)}"


def _picked(key: str) -> None:
    st.query_params[calls.CAMPAIGN] = st.session_state[key]
