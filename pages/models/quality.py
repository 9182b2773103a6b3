"""How good is the model, and can its risks be believed?"""

from __future__ import annotations

import streamlit as st

from ui import model_blocks as blocks
from ui import model_results as results
from ui import session
from ui.tree_blocks import rules_block
from ui.widgets import empty_state, page_header

page_header("Model quality", __doc__ or "")
stamp = session.stamp()
versions = results.versions(stamp)

if not versions:
    empty_state(
        "No model was trained yet. Every model is judged on a past it did not learn from; the result is shown here.",
        "pages/models/train.py",
        "Train a model",
    )
    st.stop()

version = blocks.version_block(versions)
blocks.words_block(version)
evaluation = results.evaluation_of(version)
if evaluation is None:
    blocks.notes_block(version)
    empty_state(
        "This version was not judged on the past: there was too little of it. The Train page says what is missing.",
        "pages/models/train.py",
        "Train",
    )
else:
    blocks.numbers_block(evaluation)
    blocks.notes_block(version)
    level, finds, threshold, curves = st.tabs(
        ["Are the risks right?", "Whom does it find?", "At a threshold", "ROC and precision-recall"]
    )
    with level:
        periods = results.periods_of(version)
        blocks.level_block(version, evaluation, periods, is_sample=results.is_sample(stamp, version, periods))
    with finds:
        blocks.capacity_block(stamp, version, evaluation)
        blocks.finds_block(evaluation)
    with threshold:
        blocks.confusion_block(evaluation)
    with curves:
        blocks.curves_block(evaluation)
blocks.inputs_block(results.importance_of(version), version)
rules_block(version)
blocks.card_block(version)
