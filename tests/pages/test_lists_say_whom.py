"""Lists say whom they are about: the first of how many, by which filters, who has no risk, how old the orders are."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from churn_core.customers import segments
from churn_core.customers.selection import CustomerFilter
from churn_core.customers.tier_policy import policy_words
from churn_core.customers.tiers import active_policy
from churn_core.warehouse import Warehouse
from churn_core.workspaces import create_workspace
from tests.customers.conftest import AS_OF, add_customers, add_orders, add_run
from tests.pages.conftest import App

AT_RISK = "pages/customers/at_risk.py"
N_SCORED, N_SILENT = 30, 6


@pytest.fixture
def shop(churn_home: Path) -> Warehouse:
    """30 customers with a risk, and 6 who were silent for too long; all of one segment."""
    warehouse = create_workspace("Shop")
    ids = [f"C{nr:03d}" for nr in range(N_SCORED + N_SILENT)]
    add_customers(warehouse, [{"customer_id": own} for own in ids])
    add_orders(warehouse, {own: [3, 9] if nr < N_SCORED else [900, 990] for nr, own in enumerate(ids)})
    add_run(warehouse, {own: 0.01 + nr / 50 for nr, own in enumerate(ids[:N_SCORED])})
    with warehouse.transaction() as tx:
        number = segments.new_segment(tx, "At the door", "all of them")
        tx.execute(
            "INSERT INTO segment_members (segment_id, customer_id) SELECT $id, customer_id FROM customers",
            {"id": number},
        )
    return warehouse


def _captions(visit: AppTest) -> str:
    assert not visit.exception
    return "\n".join(text.value for text in visit.caption).replace("\\", "")


def test_a_search_that_finds_more_than_it_lists_says_how_many(shop: Warehouse, app: App) -> None:
    assert "The first 20 of 36 customers found" in _captions(app("pages/customers/customer.py", customer="c0"))
    assert "6 customers found" in _captions(app("pages/customers/customer.py", customer="c03"))


def test_a_list_names_its_filters_and_who_of_the_segment_is_not_on_it(shop: Warehouse, app: App) -> None:
    told = _captions(app(AT_RISK, segment="At the door", find="c0"))
    assert "Listed: in segment 'At the door'; matching 'c0'." in told
    assert (
        "30 of the 36 customers of 'At the door' were scored, because only those who ordered within the activity "
        "window are."
    ) in told
    whole = _captions(app(AT_RISK))
    assert "Listed:" not in whole
    assert "At the door" not in whole


def test_a_segment_all_of_whom_have_a_risk_says_nothing(shop: Warehouse) -> None:
    kept = segments.save_segment(shop, "Those with a risk", CustomerFilter())
    assert segments.scored_words(shop, kept.segment_id) == ""


@pytest.mark.parametrize("page", [None, "pages/alerts/alerts.py"])
def test_orders_that_end_a_while_ago_are_said_once(
    shop: Warehouse, app: App, monkeypatch: pytest.MonkeyPatch, page: str | None
) -> None:
    newest = AS_OF - timedelta(days=3)
    monkeypatch.setattr("ui.data_age.utc_now", lambda: datetime(newest.year, newest.month, newest.day) + timedelta(20))
    words = f"Orders are known until {newest:%-d %b %Y}, 20 days ago: days and risks count to then."
    assert _captions(app(page)).count(words) == 1
    monkeypatch.setattr("ui.data_age.utc_now", lambda: newest + timedelta(days=14))
    assert "Orders are known until" not in _captions(app(page))


def test_today_says_where_the_tiers_begin(shop: Warehouse, app: App) -> None:
    assert policy_words(active_policy(shop)) in _captions(app())
