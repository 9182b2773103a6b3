"""What did an experiment prove that was run anywhere else?"""

from __future__ import annotations

import streamlit as st

from ui import readout_blocks as blocks
from ui import session_experiment as calls
from ui.experiment_blocks import choice_block
from ui.file_taken import reading_line, taken_file
from ui.import_reading import source_key
from ui.widgets import page_header

NAME = "experiment"

page_header("Any experiment", __doc__ or "")
st.markdown(
    "Drop in a finished experiment, one row per customer with the arm and what came of it, and get the same readout as "
    "for a campaign. The file is only looked at: nothing of it is stored."
)
upload = taken_file(NAME, "The experiment's file")
if upload is None:
    st.stop()

reading_line(NAME, upload)
choice = choice_block(upload.source)
if choice is None:
    st.stop()

found = calls.readout(source_key(upload.source), upload.source, choice)
blocks.health_row(found)
blocks.verdict_block(found)
if not found.is_hidden:
    blocks.results_block(found)
    blocks.guardrails_block(found)
    blocks.segments_block(found)
blocks.arms_block(found)
blocks.download_block(found, file_name="experiment_readout.json")
