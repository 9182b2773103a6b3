"""``python -m ui.serve run app.py ...``: Streamlit's own command line, told that pages/ is ours.

Until the frame has run once, Streamlit takes a folder named pages for its old multipage mode and greets the first
visitor of a bookmarked page with "Page not found". The flag says from the start that the frame decides.
"""

from __future__ import annotations

from streamlit.runtime.pages_manager import PagesManager
from streamlit.web.cli import main

if __name__ == "__main__":
    PagesManager.uses_pages_directory = False
    main(prog_name="streamlit")
