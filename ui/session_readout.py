"""Cached calls of the Readout page into the core, keyed by the workspace's stamp."""

from __future__ import annotations

from datetime import date

import streamlit as st

from churn_core.campaigns import readout as readouts
from churn_core.campaigns import store
from churn_core.campaigns.funnel import Funnel, funnel
from churn_core.campaigns.over import over_first
from churn_core.campaigns.readout_model import CampaignReadout
from churn_core.campaigns.store import Campaign
from ui import session
from ui.session import Stamp

CAMPAIGN = "campaign"
"""Parameter of the address: id of the campaign."""


@st.cache_data(show_spinner="Reading the campaign out", max_entries=16)
def readout(stamp: Stamp, campaign_id: str, today: date) -> CampaignReadout:
    """Everything that can be said of a campaign; ``today`` is part of the answer, because windows end by the day."""
    return readouts.campaign_readout(session.warehouse(stamp.workspace), campaign_id)


@st.cache_data(show_spinner=False, max_entries=16)
def contacts(stamp: Stamp, campaign_id: str) -> dict[str, Funnel]:
    """What became of the campaign's messages, per arm."""
    return funnel(session.warehouse(stamp.workspace), campaign(campaign_id))


def locked_campaigns() -> tuple[Campaign, ...]:
    """Campaigns whose arms are drawn, those that are over first, then the one changed last."""
    warehouse = session.warehouse()
    return over_first(warehouse, store.campaigns(warehouse, "locked", "decided"))


def campaign(campaign_id: str) -> Campaign:
    """One campaign as it is now; NotFound when there is none of that id."""
    return store.campaign(session.warehouse(), campaign_id)
