"""Did this campaign work, and may the numbers be believed?"""

from __future__ import annotations

import streamlit as st

from ui import readout_blocks as blocks
from ui import readout_frame as frame
from ui import session
from ui import session_readout as calls
from ui.decision_blocks import decision_block
from ui.money_blocks import money_block, reached_block
from ui.outcome_blocks import outcome_block
from ui.widgets import job_panel, page_header

page_header("Readout", __doc__ or "")
stamp = session.stamp()

campaign = frame.picked_campaign(calls.locked_campaigns())
if campaign is None:
    st.stop()

found = calls.readout(stamp, campaign.campaign_id, frame.today())
frame.about_block(campaign)
job_panel("outcomes")
blocks.health_row(found)
blocks.verdict_block(found)
is_waiting = frame.waiting_block(found)
if not found.is_hidden and not is_waiting:
    blocks.results_block(found, smallest=campaign.plan.goal.smallest_effect)
    blocks.guardrails_block(found)
if not found.is_hidden:
    blocks.sequential_block(found)
if not found.is_hidden and not is_waiting:
    blocks.segments_block(found)
    money_block(found)
decision_block(stamp, found, is_early=is_waiting)
blocks.arms_block(found)
reached_block(calls.contacts(stamp, campaign.campaign_id))
outcome_block(stamp, found, is_open=is_waiting)
blocks.download_block(found, file_name=frame.file_name(found))
