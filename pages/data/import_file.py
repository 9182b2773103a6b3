"""Which data does this workspace hold, and how does more get in?"""

from __future__ import annotations

import streamlit as st

from ui import import_history as history
from ui import session
from ui.import_mapping import mapping_block
from ui.import_reading import reading_block, upload_block
from ui.import_start import import_button, preview_block, stable_block
from ui.widgets import job_panel, page_header

page_header("Import", __doc__ or "")
is_running = job_panel("import")
history.continue_block(session.stamp().state)

if session.stamp().state.is_empty:
    st.markdown(
        "**One file is enough to begin:** your order history, with a customer and a date in each row. Or one row per "
        "customer with a column that says who left. The file stays on this machine."
    )
upload = upload_block()
if upload is not None and not is_running:
    reading_block(upload)
    mapping = mapping_block(upload)
    ready = preview_block(upload, mapping)
    stable = stable_block(upload, mapping)
    import_button(upload, mapping, stable, ready=ready)

history.past_imports_block()
history.next_steps_block()
