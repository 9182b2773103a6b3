"""Were the warnings right, and were they early?"""

from __future__ import annotations

import streamlit as st

from ui import proof_blocks as blocks
from ui import session
from ui.widgets import empty_state, job_panel, page_header

page_header("Proof", __doc__ or "")
stamp = session.stamp()

if not stamp.state.model_version:
    empty_state(
        "No model was trained yet, so nobody was warned. Once there is one, past days can be scored as if it had been "
        "there, and every scoring is judged when its horizon has passed.",
        "pages/models/train.py",
        "Train a model",
    )
    st.stop()

found = blocks.proof_of(stamp)
if found.source == "snapshots":
    empty_state(
        "This model learned from a table that says once who left. It holds no later outcome, so there is nothing to "
        "prove warnings by; how its held-out rows were judged stands on Model quality.",
        "pages/models/quality.py",
        "Model quality",
    )
    st.stop()

is_running = job_panel("replay")
cutoffs = blocks.cutoffs_of(found)
blocks.headline_block(found)
blocks.replay_block(found, is_running=is_running)
if not cutoffs:
    st.stop()

blocks.series_block(cutoffs)
kind = blocks.kind_block(found)
chosen = [outcome for outcome in cutoffs if outcome.kind == kind]
blocks.numbers_block(found, chosen, kind)
warnings, levels, early, money = st.tabs(
    ["Were the warnings right?", "Are the risks right?", "Were they early?", "What was it worth?"]
)
with warnings:
    blocks.warnings_block(chosen)
with levels:
    blocks.calibration_block(chosen)
with early:
    blocks.lead_block(found, kind)
with money:
    blocks.money_block(chosen)
blocks.table_block(cutoffs)
blocks.notes_block(found)
