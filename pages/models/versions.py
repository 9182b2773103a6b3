"""Which models were trained, how do they differ, and which one scores?"""

from __future__ import annotations

import streamlit as st

from ui import model_results as results
from ui import session
from ui import version_blocks as blocks
from ui.widgets import empty_state, job_panel, page_header

page_header("Versions", __doc__ or "")
stamp = session.stamp()
is_running = job_panel("score", "train")
versions = results.versions(stamp)

if not versions:
    empty_state(
        "No model was trained yet. Each training adds a version here; a model file from elsewhere can be brought in "
        "below.",
        "pages/models/train.py",
        "Train a model",
    )
    blocks.import_block()
    st.stop()

blocks.older_scores_block(stamp, is_running=is_running)
blocks.versions_table(versions)
blocks.actions_block(stamp, versions)
blocks.import_block()
blocks.compare_block(stamp, versions)
