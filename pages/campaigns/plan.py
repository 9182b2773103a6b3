"""What is this campaign for, whom is it about, and can its answer be told from chance?"""

from __future__ import annotations

import streamlit as st

from ui import plan_frame as frame
from ui import session
from ui import session_customers as customer_calls
from ui import session_plan as calls
from ui.plan_audience import NOT_SCORED
from ui.plan_fields import errors_of_fields
from ui.plan_list import list_block, not_there
from ui.plan_steps import step_block
from ui.today_blocks import next_page
from ui.widgets import empty_state, job_panel, page_header

page_header("Plan", __doc__ or "")
stamp = session.stamp()

if stamp.state.is_empty and not calls.has_rows(stamp, "customers"):
    empty_state(
        "There are no customers yet. When there are, a campaign is planned here: goal, audience, control group, size, "
        "and the list of who gets what.",
        *next_page(customer_calls.today(stamp)),
    )
    st.stop()

asked, listed = st.query_params.get(calls.CAMPAIGN), calls.drafts_and_campaigns()
if asked not in {entry.campaign_id for entry in listed}:
    if asked:
        not_there(asked)
    elif not stamp.state.run_id:
        empty_state(f"{NOT_SCORED}.", *next_page(customer_calls.today(stamp)))
    list_block(listed)
    st.stop()

found = calls.found_campaign(asked)
frame.title_block(found)
if calls.needs_scores(stamp, found):
    frame.list_instead(found)
    st.stop()
missing = frame.missing_of(stamp, found)
step = frame.stepper(stamp, found, missing)
errors_of_fields()
job_panel("lock", "export", "join")

main, aside = frame.two_columns(found, step)
with main:
    step_block(stamp, found, step, missing)
    frame.step_missing(missing, step)
    frame.turn_pages(found, step)
if aside is not None:
    with aside:
        frame.counts_block(stamp, found)
