"""Cached calls about who can be saved, and the work that the page can start."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from churn_core.campaigns import uplift, uplift_net
from churn_core.campaigns.store import Campaign, campaign
from churn_core.campaigns.uplift_net import AudienceNetValue, NetState
from churn_core.campaigns.uplift_proposal import Proposal, begin_proposed, proposed_campaign
from churn_core.campaigns.uplift_scores import refresh_net_values
from churn_core.campaigns.uplift_store import StoredUplift
from churn_core.customers.selection import CustomerFilter
from ui import session
from ui.session import Stamp
from ui.widgets import job_started

if TYPE_CHECKING:
    from churn_core.jobs import Progress


@st.cache_data(show_spinner=False, max_entries=16)
def net_state(stamp: Stamp) -> NetState:
    """Whether lists have net values of contacting."""
    return uplift_net.net_state(session.warehouse(stamp.workspace))


@st.cache_data(show_spinner=False, max_entries=32)
def net_value_of(stamp: Stamp, campaign_id: str) -> AudienceNetValue:
    """What contacting the audience of a plan is expected to be worth."""
    warehouse = session.warehouse(stamp.workspace)
    return uplift_net.net_value_of(warehouse, campaign(warehouse, campaign_id))


@st.cache_data(show_spinner=False, max_entries=16)
def studied(stamp: Stamp) -> tuple[Campaign, ...]:
    """Campaigns that something may be learnt from."""
    return uplift.studied_campaigns(session.warehouse(stamp.workspace))


@st.cache_data(show_spinner=False, max_entries=16)
def latest(stamp: Stamp, campaign_id: str, arm: str) -> StoredUplift | None:
    """What was learnt from a treatment of a campaign last; None when nothing was."""
    return uplift.latest_uplift(session.warehouse(stamp.workspace), campaign_id, arm)


@st.cache_data(show_spinner=False, max_entries=16)
def proposal(stamp: Stamp, campaign_id: str | None, arm: str | None = None) -> Proposal:
    """The campaign that would give evidence."""
    warehouse = session.warehouse(stamp.workspace)
    if campaign_id is None:
        return proposed_campaign(warehouse)
    learnt = uplift.latest_uplift(warehouse, campaign_id, arm)
    return proposed_campaign(warehouse, before=campaign(warehouse, campaign_id), learnt=learnt)


@st.cache_data(show_spinner=False, max_entries=16)
def everybody(stamp: Stamp) -> AudienceNetValue:
    """What contacting everybody scored is expected to be worth, and whom it is expected to pay for."""
    return uplift_net.net_value_where(session.warehouse(stamp.workspace), CustomerFilter())


def begin_draft(found: Proposal) -> str:
    """Begin the proposed campaign as a draft; its id."""
    return begin_proposed(session.warehouse(), found).campaign_id


def stop_showing() -> None:
    """Lists show no net value any more."""
    uplift.deactivate_uplift(session.warehouse())
    st.toast("Lists show no net value of contacting any more.")


def start_learning(campaign_id: str, arm: str) -> None:
    """Learn from a campaign in the background."""
    warehouse = session.warehouse()

    def work(progress: Progress) -> dict[str, object]:
        found = uplift.learn_from_campaign(warehouse, campaign_id, arm, progress)
        shown = "net values of contacting are shown on At risk" if found.is_active else "no net values are shown"
        return {"message": f"Uplift model {found.uplift_version} was learnt; {shown}."}

    job_started(session.runner().start("uplift", "Learn who can be saved", work))


def start_renewing() -> None:
    """Calculate the net values of the newest scoring in the background."""
    warehouse = session.warehouse()

    def work(progress: Progress) -> dict[str, object]:
        done = refresh_net_values(warehouse, progress)
        return {"message": f"Net values of {done.n_customers:,} customers were renewed." if done else "Nothing to do."}

    job_started(session.runner().start("uplift", "Renew the net values", work))
