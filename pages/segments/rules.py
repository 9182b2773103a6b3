"""Which customers meet a rule, what is at stake with them, and what do saved segments share?"""

from __future__ import annotations

import streamlit as st

from ui import rule_blocks as blocks
from ui import rule_draft, session
from ui import rule_saved_blocks as saved
from ui import session_rules as calls
from ui.errors import show_callback_error
from ui.rule_builder import builder_block
from ui.widgets import empty_state, job_panel, page_header

page_header("Rule segments", __doc__ or "")
stamp = session.stamp()

if stamp.state.is_empty:
    empty_state(
        "There are no customers yet. With the first import, a rule such as 'last order is not in the last 90 days' "
        "says how many customers it means, and becomes a segment when it gets a name.",
        "pages/data/import_file.py",
        "Import",
    )
    st.stop()

job_panel("groups")
show_callback_error("rule")
currency = session.currency()
draft = rule_draft.draft()
builder_block(draft, calls.field_choices(stamp))
blocks.answer_block(stamp, draft, currency)
saved.segments_block(stamp, currency)
saved.overlap_block(stamp)
saved.tags_block(stamp)
