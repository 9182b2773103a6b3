"""Cohorts as a person uses them: triangle, curves, comparison, the list of the late, and shops too small for any."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from churn_core.customers.cohorts import triangle
from churn_core.customers.personal_rhythm import late_customers, rhythm, rhythm_words
from churn_core.workspaces import create_workspace, open_workspace
from tests.customers.conftest import add_customers
from tests.customers.order_days import fill
from tests.pages.conftest import App, Home
from ui.cohort_blocks import PARTS

COHORTS = "pages/segments/cohorts.py"
CUSTOMER = "pages/customers/customer.py"


def _said(visit: AppTest) -> str:
    assert not visit.exception
    assert not visit.error
    texts = [element.value for kind in (visit.markdown, visit.caption, visit.info) for element in kind]
    return "\n".join(texts).replace("\\", "")


def _small(days: dict[str, list[str]], **options: object) -> None:
    warehouse = create_workspace("Small")
    fill(warehouse, days, **options)  # type: ignore[arg-type]
    add_customers(warehouse, [{"customer_id": customer, "country": "France"} for customer in days])
    warehouse.close()


def test_the_triangle_follows_the_choices(demo_home: Home, app: App) -> None:
    visit = app(COHORTS)
    found = triangle(open_workspace("Demo shop"))
    assert f"(n {found.whole(1).n:,})" in _said(visit)
    visit.segmented_control(key="show").set_value("cumulated").run()
    assert "has brought" in _said(visit)
    visit.segmented_control(key="show").set_value("whole").run()
    assert "has brought the most so far" in _said(visit)
    visit.selectbox(key="by").set_value("country").run()
    assert "By country, as known today" in _said(visit)
    drawn = visit.get("plotly_chart")[0].proto.spec
    assert "United Kingdom" in drawn


def test_curves_are_chosen_and_two_cohorts_compared(demo_home: Home, app: App) -> None:
    visit = app(COHORTS, part=PARTS[1], by="country")
    assert "Half have ordered again within" in _said(visit)
    assert "log-rank" in _said(visit)
    visit.segmented_control(key="event").set_value("churn").run()
    said = _said(visit)
    assert "Churned: no order for" in said
    assert "(the churn definition)" in said
    second = next(box for box in visit.selectbox if box.label == "Against")
    second.set_value("Singapore").run()
    assert "and half of Singapore (n" in _said(visit)
    assert list(visit.dataframe[0].value["Cohort"])[1] == "Singapore"


def test_the_late_are_listed_with_their_value_and_lead_to_the_customer(demo_home: Home, app: App) -> None:
    visit = app(COHORTS, part=PARTS[2])
    listed = late_customers(open_workspace("Demo shop"), limit=200)
    assert list(visit.dataframe[0].value["customer_id"]) == [found.customer_id for found in listed.rhythms]
    assert {metric.label: metric.value for metric in visit.metric}["Late by own rhythm"] == f"{listed.n_late:,}"
    visit.segmented_control(key="late_by").set_value("spend_amount_365").run()
    spend = list(visit.dataframe[0].value["spend"])
    assert spend == sorted(spend, reverse=True)
    first = listed.rhythms[0]
    said = _said(app(CUSTOMER, customer=first.customer_id))
    assert f"{rhythm_words(first)}." in said.replace("Late:", "late:")
    assert "No model is asked" in said


def test_a_shop_without_a_model_has_cohorts_and_a_rhythm(churn_home: Path, app: App) -> None:
    _small({f"c{nr}": [f"2024-0{month}-1{nr % 9}" for month in range(1, 8 - nr % 3)] for nr in range(30)})
    assert "order in the month after their first order" in _said(app(COHORTS))
    late = app(COHORTS, part=PARTS[2])
    assert "No model is asked" in _said(late)
    links = [link.proto.label for link in app("pages/customers/at_risk.py").get("page_link")]
    assert "Without a model: who is late by their own rhythm" in links
    warehouse = open_workspace("Small")
    own = rhythm(warehouse, "c2")
    assert own is not None
    assert rhythm_words(own) in _said(app(CUSTOMER, customer="c2")).replace("Late:", "late:").replace("Not", "not")


@pytest.mark.parametrize("part", PARTS)
def test_one_order_per_customer_is_a_sentence_on_every_part(churn_home: Path, app: App, part: str) -> None:
    _small({f"c{nr}": [f"2024-0{1 + nr % 4}-1{nr % 9}"] for nr in range(20)}, amount=None)
    said = _said(app(COHORTS, part=part))
    expected = {
        PARTS[0]: "0.0 % order in the month after their first order",
        PARTS[1]: "nobody in either has ordered again yet, so there is nothing to compare",
        PARTS[2]: "so nobody has a rhythm to be late by yet",
    }
    assert expected[part] in said


@pytest.mark.parametrize("part", PARTS)
def test_one_cohort_that_is_not_mature_is_a_sentence_on_every_part(churn_home: Path, app: App, part: str) -> None:
    _small({"a": ["2024-01-05", "2024-01-12"], "b": ["2024-01-08"]})
    said = _said(app(COHORTS, part=part))
    expected = {
        PARTS[0]: "a longer history shows who comes back",
        PARTS[1]: "There is only one cohort",
        PARTS[2]: "Nobody is late",
    }
    assert expected[part] in said


def test_everybody_on_the_last_day_is_a_sentence(churn_home: Path, app: App) -> None:
    _small({"a": ["2024-01-05"], "b": ["2024-01-05"]})
    assert "nobody could be waited for yet" in _said(app(COHORTS, part=PARTS[1]))


def test_a_customer_without_orders_has_no_rhythm_block(snapshot_home: Home, app: App) -> None:
    assert "Own rhythm" not in _said(app(CUSTOMER, customer="M-00001"))
