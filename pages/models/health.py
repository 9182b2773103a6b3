"""Can this model still be trusted, and did it ever see the future?"""

from __future__ import annotations

import streamlit as st

from ui import health_blocks as blocks
from ui import model_results as results
from ui import session
from ui.model_blocks import version_block
from ui.widgets import empty_state, page_header

page_header("Health", __doc__ or "")
stamp = session.stamp()
versions = results.versions(stamp)

if not versions:
    empty_state(
        "No model was trained yet. Training checks for leaks, and scores are compared with training here.",
        "pages/models/train.py",
        "Train a model",
    )
    st.stop()

version = version_block(versions)
drift, guard, decay, overfit = st.tabs(["Drift", "Leak guard", "Scores come of age", "Learned by heart?"])
with drift:
    blocks.drift_block(stamp, version)
with guard:
    blocks.guard_block(version)
with decay:
    blocks.decay_block(stamp, version)
with overfit:
    blocks.overfit_block(version)
