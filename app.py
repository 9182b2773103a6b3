"""The frame of the app: page config, workspace picker, navigation and the one place where errors are shown."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from ui import session
from ui.errors import errors_shown, show_callback_error
from ui.layout import SIDEBAR_PIXELS, page_style
from ui.welcome import welcome
from ui.widgets import running_jobs_note
from ui.workspace_picker import workspace_picker

ICON = str(Path(__file__).parent / "ui" / "icon.png")
ABOUT = (
    "**Churn Early Warning** says which customers are about to leave, how much money leaves with them, why, "
    "and what to do about it. Everything stays on this machine."
)
SECTIONS = {
    "": {"pages/today/today.py": ("Today", "today")},
    "Customers": {
        "pages/customers/at_risk.py": ("At risk", "at-risk"),
        "pages/customers/customer.py": ("Customer", "customer"),
    },
    "Alerts": {"pages/alerts/alerts.py": ("Alerts", "alerts")},
    "Segments": {
        "pages/segments/segments.py": ("Segments", "segments"),
        "pages/segments/rfm.py": ("RFM", "rfm"),
        "pages/segments/rules.py": ("Rule segments", "rule-segments"),
        "pages/segments/cohorts.py": ("Cohorts", "cohorts"),
        "pages/segments/value.py": ("Value", "value"),
        "pages/segments/demand.py": ("Demand", "demand"),
    },
    "Campaigns": {
        "pages/campaigns/plan.py": ("Plan", "plan"),
        "pages/campaigns/readout.py": ("Readout", "readout"),
        "pages/campaigns/programme.py": ("Programme", "programme"),
        "pages/campaigns/who_to_save.py": ("Who can be saved", "who-can-be-saved"),
        "pages/campaigns/experiment.py": ("Any experiment", "experiment"),
    },
    "Models": {
        "pages/models/train.py": ("Train", "train"),
        "pages/models/quality.py": ("Model quality", "model-quality"),
        "pages/models/drivers.py": ("Drivers", "drivers"),
        "pages/models/cutoffs.py": ("Cut-offs", "cut-offs"),
        "pages/models/proof.py": ("Proof", "proof"),
        "pages/models/health.py": ("Health", "health"),
        "pages/models/versions.py": ("Versions", "versions"),
    },
    "Data": {
        "pages/data/import_file.py": ("Import", "import"),
        "pages/data/quality.py": ("Data quality", "data-quality"),
        "pages/data/churn_definition.py": ("Churn definition", "churn-definition"),
    },
    "Workspace": {"pages/settings/settings.py": ("Settings", "settings")},
}

st.set_page_config(
    page_title="Churn Early Warning",
    page_icon=ICON,
    layout="wide",
    initial_sidebar_state=SIDEBAR_PIXELS,
    menu_items={"About": ABOUT},
)
st.logo(ICON, size="large")
page_style()
page = st.navigation(
    {
        section: [
            st.Page(path, title=title, url_path=url, default=path == "pages/today/today.py")
            for path, (title, url) in pages.items()
        ]
        for section, pages in SECTIONS.items()
    },
    position="sidebar" if session.workspace_names() else "hidden",
    expanded=True,
)

with errors_shown():
    workspace_picker()
    show_callback_error()
    if st.session_state.get(session.WORKSPACE):
        with st.sidebar:
            running_jobs_note()
        page.run()
    else:
        welcome()
