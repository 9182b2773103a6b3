"""What is counted how in this workspace, and who changed what when?"""

from __future__ import annotations

from ui.widgets import page_header

page_header("Settings", __doc__ or "")
