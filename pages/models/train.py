"""What would be learned from this data, how, and how do the versions so far compare?"""

from __future__ import annotations

import streamlit as st

from ui import session
from ui import train_blocks as blocks
from ui.preparation_blocks import choices_block
from ui.signal_blocks import signals_block
from ui.widgets import empty_state, job_panel, page_header

page_header("Train", __doc__ or "")
stamp = session.stamp()

if stamp.state.is_empty:
    empty_state(
        "There is nothing to learn from yet. Import an order history, or a table with a churn column.",
        "pages/data/import_file.py",
        "Import",
    )
    st.stop()

is_running = job_panel("train", "search", "trial")
source = blocks.source_block(stamp.state)
if source == "orders" and not stamp.state.definition_version:
    empty_state(
        "Before a model can learn who churned, say what churned means for this shop. A proposal is waiting.",
        "pages/data/churn_definition.py",
        "Say what churned means",
    )
    st.stop()

blocks.plan_block(stamp, source)
asked = choices_block(stamp, source)
signals_block(source)
blocks.start_block(stamp, source, asked)
if stamp.state.run_id and not is_running:
    st.page_link("pages/customers/at_risk.py", label="See who is at risk", icon=":material/arrow_forward:")
blocks.versions_block(stamp)
