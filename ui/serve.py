"""``python -m ui.serve run app.py ...``: Streamlit's own command line, told that pages/ is ours.

Until the frame has run once, Streamlit takes a folder named pages for its old multipage mode and greets the first
visitor of a bookmarked page with "Page not found". The flag says from the start that the frame decides.

What takes seconds to import is imported when the first page has been drawn, so that nobody waits for it later. Whoever
stops the app does not wait for work that nobody asked for.
"""

from __future__ import annotations

from threading import Timer

from streamlit.runtime.pages_manager import PagesManager
from streamlit.web.cli import main

from churn_core.figures.force import load_shap
from churn_core.jobs import stop_unasked

SECONDS_UNTIL_IDLE = 12

if __name__ == "__main__":
    warm_up = Timer(SECONDS_UNTIL_IDLE, load_shap)
    warm_up.daemon = True
    warm_up.start()
    PagesManager.uses_pages_directory = False
    try:
        main(prog_name="streamlit")
    finally:
        stop_unasked()
