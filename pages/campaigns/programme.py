"""What did all campaigns together bring, and what was learned from each?"""

from __future__ import annotations

from ui import programme_blocks as blocks
from ui import session
from ui.widgets import page_header

page_header("Programme", __doc__ or "")
found = blocks.programme_of(session.stamp())
blocks.holdout_block(found)
blocks.quarters_block(found)
blocks.campaigns_block(found)
