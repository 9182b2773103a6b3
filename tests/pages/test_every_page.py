"""Every page, through the frame, with an empty, a demo and a snapshot workspace: no error, and what it is for."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from tests.pages.conftest import PAGES, App, Home
from ui import session

TITLES = {
    "pages/today/today.py": "Today",
    "pages/customers/at_risk.py": "At risk",
    "pages/customers/customer.py": "Customer",
    "pages/alerts/alerts.py": "Alerts",
    "pages/campaigns/plan.py": "Plan",
    "pages/campaigns/who_to_save.py": "Who can be saved",
    "pages/campaigns/readout.py": "Readout",
    "pages/campaigns/programme.py": "Programme",
    "pages/campaigns/experiment.py": "Any experiment",
    "pages/segments/rfm.py": "RFM",
    "pages/segments/rules.py": "Rule segments",
    "pages/segments/cohorts.py": "Cohorts",
    "pages/segments/value.py": "Value",
    "pages/segments/demand.py": "Demand",
    "pages/segments/segments.py": "Segments",
    "pages/data/import_file.py": "Import",
    "pages/data/quality.py": "Data quality",
    "pages/data/churn_definition.py": "Churn definition",
    "pages/models/train.py": "Train",
    "pages/models/quality.py": "Model quality",
    "pages/models/drivers.py": "Drivers",
    "pages/models/cutoffs.py": "Cut-offs",
    "pages/models/proof.py": "Proof",
    "pages/models/health.py": "Health",
    "pages/models/versions.py": "Versions",
    "pages/settings/settings.py": "Settings",
}
SAYS_WHEN_EMPTY = {
    "pages/today/today.py": "Import",
    "pages/customers/at_risk.py": "",
    "pages/customers/customer.py": "",
    "pages/alerts/alerts.py": "Alerts follow from their orders",
    "pages/campaigns/plan.py": "a campaign is planned here",
    "pages/campaigns/who_to_save.py": "No campaign with a control group",
    "pages/campaigns/readout.py": "No campaign is locked yet",
    "pages/campaigns/programme.py": "No global holdout",
    "pages/campaigns/experiment.py": "Drop in a finished experiment",
    "pages/segments/rfm.py": "Recency, frequency and money need an order history",
    "pages/segments/rules.py": "There are no customers yet",
    "pages/segments/cohorts.py": "Cohorts are told from orders with a day",
    "pages/segments/value.py": "There are no orders yet",
    "pages/segments/demand.py": "There are no orders yet",
    "pages/segments/segments.py": "There are no customers to divide yet",
    "pages/data/import_file.py": "One file is enough to begin",
    "pages/data/quality.py": "nothing to check",
    "pages/data/churn_definition.py": "There are no orders yet",
    "pages/models/train.py": "nothing to learn from",
    "pages/models/quality.py": "No model was trained",
    "pages/models/drivers.py": "Nobody was scored yet",
    "pages/models/cutoffs.py": "Nobody was scored yet",
    "pages/models/proof.py": "nobody was warned",
    "pages/models/health.py": "No model was trained",
    "pages/models/versions.py": "No model was trained yet",
    "pages/settings/settings.py": "There are no customer attributes yet",
}
SAYS_WITH_THE_DEMO = {
    "pages/alerts/alerts.py": "customers ordered within 14 days after their alert was finished",
    "pages/campaigns/plan.py": "Locked: arms are drawn",
    "pages/campaigns/readout.py": "The population is everyone assigned",
    "pages/campaigns/programme.py": "as they stood at the latest decision",
    "pages/campaigns/experiment.py": "nothing of it is stored",
    "pages/segments/rfm.py": "of the value at risk is with frequent customers",
    "pages/segments/rules.py": "the largest overlap",
    "pages/segments/cohorts.py": "order in the month after their first order",
    "pages/segments/value.py": "Customers were not valued yet",
    "pages/segments/demand.py": "counted on from customers at risk",
    "pages/segments/segments.py": "stands out most",
    "pages/data/import_file.py": "Past imports",
    "pages/data/churn_definition.py": "have churned when they do not order within",
    "pages/models/train.py": "Model 1",
    "pages/models/quality.py": "predicted",
    "pages/models/drivers.py": "is moved most by",
    "pages/models/cutoffs.py": "would have stayed anyway",
    "pages/models/proof.py": "who would have been warned between",
    "pages/models/health.py": "Is a planted future column found?",
    "pages/settings/settings.py": "High from",
}
SAYS_WITH_A_SNAPSHOT = {
    "pages/alerts/alerts.py": "as after every import and scoring",
    "pages/campaigns/plan.py": "There is no campaign yet",
    "pages/campaigns/readout.py": "No campaign is locked yet",
    "pages/campaigns/programme.py": "There is no campaign yet",
    "pages/segments/rfm.py": "need an order history: when each customer ordered",
    "pages/segments/rules.py": "Choose what customers are asked for",
    "pages/segments/cohorts.py": "there are none yet",
    "pages/segments/value.py": "has no orders to foresee",
    "pages/segments/demand.py": "There are no orders yet",
    "pages/segments/segments.py": "No segments were made yet",
    "pages/data/import_file.py": "members.csv",
    "pages/data/churn_definition.py": "brings its own churn label",
    "pages/models/train.py": "Model 1",
    "pages/models/quality.py": "predicted",
    "pages/models/drivers.py": "is moved most by",
    "pages/models/cutoffs.py": "would have stayed anyway",
    "pages/models/proof.py": "It holds no later outcome",
    "pages/models/health.py": "Not for a table without time",
    "pages/settings/settings.py": "High from",
}


@pytest.mark.parametrize("page", PAGES)
def test_empty_workspace(page: str, empty_home: Home, app: App) -> None:
    visit = app(page)
    assert_drawn(visit, page, "Empty shop")
    assert SAYS_WHEN_EMPTY[page] in everything_said(visit)


@pytest.mark.parametrize("page", PAGES)
def test_demo_workspace(page: str, demo_home: Home, app: App) -> None:
    visit = app(page)
    assert_drawn(visit, page, "Demo shop")
    assert SAYS_WITH_THE_DEMO.get(page, "") in everything_said(visit)


@pytest.mark.parametrize("page", PAGES)
def test_snapshot_workspace(page: str, snapshot_home: Home, app: App) -> None:
    visit = app(page)
    assert_drawn(visit, page, "Members")
    assert SAYS_WITH_A_SNAPSHOT.get(page, "") in everything_said(visit)


def assert_drawn(visit: AppTest, page: str, workspace: str) -> None:
    """The page has its title, stands in the frame, and shows neither an exception nor an error."""
    assert not visit.exception
    assert not [error.value for error in visit.error]
    assert visit.title[0].value == TITLES[page]
    assert visit.sidebar.selectbox(key=session.WORKSPACE).value == workspace
    assert f"**{workspace}**" in visit.caption[0].value


def everything_said(visit: AppTest) -> str:
    """All text on the page, one line each."""
    said = [
        *(element.value for kind in (visit.markdown, visit.caption, visit.subheader) for element in kind),
        *(element.value for kind in (visit.info, visit.success, visit.warning) for element in kind),
        *(f"{metric.label} {metric.value}" for metric in visit.metric),
        *(table.value.to_string() for kind in (visit.dataframe, visit.table) for table in kind),
        *(chart.proto.spec for chart in visit.get("plotly_chart")),
    ]
    return "\n".join(said)
