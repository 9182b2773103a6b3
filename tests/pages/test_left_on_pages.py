"""A labelled table on Today, At risk and Customer: who has left is left out, said so, and can be asked for."""

from __future__ import annotations

from pathlib import Path

from streamlit.testing.v1 import AppTest

from churn_core.customers.at_risk import count_and_totals
from churn_core.customers.selection import CustomerFilter
from churn_core.workspaces import open_workspace
from tests.pages.conftest import App, Home
from tests.pages.test_every_page import everything_said

AT_RISK = "pages/customers/at_risk.py"


def _n_customers(visit: AppTest) -> str:
    return {metric.label: metric.value for metric in visit.metric}["Customers"]


def test_the_list_leaves_them_out_until_the_switch_is_set(snapshot_home: Path, app: App) -> None:
    found = count_and_totals(open_workspace("Members"), CustomerFilter())
    assert 0 < found.n_left < found.n_scored
    visit = app(AT_RISK)
    assert _n_customers(visit) == f"{found.n_there:,}"
    assert f"{found.n_left:,} customers whose label says that they have left" in everything_said(visit)
    switch = visit.toggle(key="left")
    assert switch.label == f"Also those who have left ({found.n_left:,})"
    switch.set_value(True).run()
    assert not visit.exception
    assert _n_customers(visit) == f"{found.n_scored:,}"
    assert "counted as well" in everything_said(visit)
    visit.button(key="clear").click().run()
    assert _n_customers(visit) == f"{found.n_there:,}"


def test_today_says_who_is_left_out(snapshot_home: Path, app: App) -> None:
    found = count_and_totals(open_workspace("Members"), CustomerFilter())
    visit = app()
    assert f"{found.n_left:,} customers whose label says that they have left" in everything_said(visit)


def test_the_customer_says_that_it_has_left(snapshot_home: Path, app: App) -> None:
    sql = "SELECT min(customer_id) FROM snapshots WHERE churned = $has_left"
    gone, there = (open_workspace("Members").value(sql, {"has_left": has_left}) for has_left in (True, False))
    visit = app("pages/customers/customer.py", customer=gone)
    assert not visit.exception
    assert "label churned = Yes" in visit.warning[0].value
    assert not app("pages/customers/customer.py", customer=there).warning


def test_where_all_have_left_every_page_says_so_in_one_sentence(snapshot_home: Home, app: App) -> None:
    with open_workspace("Members").transaction() as tx:
        tx.execute("UPDATE snapshots SET churned = true")
    for page in ("", AT_RISK):
        visit = app(page) if page else app()
        assert not visit.exception
        assert "The label says of all 1,500 customers that they have left" in everything_said(visit)
