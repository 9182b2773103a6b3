"""The Customer page says why the risk moved between two scorings."""

from __future__ import annotations

from pathlib import Path

from churn_core.customers.at_risk import page
from churn_core.customers.selection import CustomerFilter
from churn_core.workspaces import open_workspace
from tests.customers.conftest import add_run
from tests.pages.conftest import App

CUSTOMER = "pages/customers/customer.py"
PART = "Why did it move?"


def test_the_demo_says_why_a_risk_moved_and_lets_runs_be_chosen(demo_home: Path, app: App) -> None:
    customer = str(page(open_workspace("Demo shop"), CustomerFilter(), offset=0, limit=1)["customer_id"].iloc[0])
    visit = app(CUSTOMER, customer=customer, part=PART)
    assert not visit.exception
    said = "\n".join(text.value for text in visit.markdown)
    for part in ("Time passed", "Behaviour changed", "Model changed"):
        assert f"**{part}:" in said
    assert any("Time passed" in chart.proto.spec for chart in visit.get("plotly_chart"))
    visit.selectbox(key="to_run").set_value(1).run()
    assert not visit.exception
    assert any("two different score runs" in info.value for info in visit.info)
    visit.selectbox(key="from_run").set_value(2).run()
    assert not visit.exception
    assert "**Time passed:" in "\n".join(text.value for text in visit.markdown), "told in the order of time"


def test_one_scoring_has_nothing_to_compare(snapshot_home: Path, app: App) -> None:
    visit = app(CUSTOMER, customer="M-00001", part=PART)
    assert not visit.exception
    assert any("After the next, this part says why" in text.value for text in visit.markdown)
    assert not visit.get("plotly_chart")


def test_a_model_that_is_gone_is_said_and_the_change_is_shown(snapshot_home: Path, app: App) -> None:
    warehouse = open_workspace("Members")
    add_run(warehouse, {"M-00001": 0.75}, source="snapshots", as_of=None)
    visit = app(CUSTOMER, customer="M-00001", part=PART)
    assert not visit.exception
    assert any("The risk" in text.value for text in visit.markdown)
    assert any("model version 4" in text.value for text in visit.caption), [text.value for text in visit.caption]
