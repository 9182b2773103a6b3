"""A labelled table on Today, At risk and Customer: who has left is left out, said so, and can be asked for."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from streamlit.testing.v1 import AppTest

from churn_core.customers.at_risk import count_and_totals
from churn_core.customers.rule_segments import count_rule, save_rule_segment
from churn_core.customers.rules import Line, Rule, rule_json
from churn_core.customers.segmentation import Asked, fit_segmentation
from churn_core.customers.segmentation_export import members_csv
from churn_core.customers.segmentation_money import segmentation_money
from churn_core.customers.selection import CustomerFilter
from churn_core.workspaces import open_workspace
from tests.pages.conftest import App, Home, folded
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


def test_segments_say_who_has_left_and_leave_them_out_of_the_rest(snapshot_home: Path, app: App) -> None:
    warehouse = open_workspace("Members")
    made = fit_segmentation(warehouse, Asked(name="Plans", k=2))
    now = segmentation_money(warehouse, made)
    n_left = count_and_totals(warehouse, CustomerFilter()).n_left
    assert now.n_left == n_left
    one = now.segments[0]
    assert one.segment_id is not None
    listed = count_and_totals(warehouse, CustomerFilter(segment_id=one.segment_id))
    assert listed.n_customers == one.n_scored == one.n_customers - one.n_left < one.n_customers
    visit = app("pages/segments/segments.py")
    assert not visit.exception
    assert visit.metric[0].delta.endswith(f"{n_left:,} have left")
    there = [f"{entry.n_customers - entry.n_left:,}" for entry in now.segments]
    assert list(folded(visit)["Still there"]) == there
    assert visit.button(key="open_members").label == f"Open {one.n_scored:,} in At risk"
    assert visit.button(key="plan_members").label == f"Plan a campaign for {one.n_scored:,}"
    assert f"leave out {one.n_left:,} whose label says that they have left" in everything_said(visit)
    rows = list(csv.DictReader(io.StringIO(members_csv(warehouse, made.segmentation_id, one.no).decode())))
    assert sum(row["has_left"] == "yes" for row in rows) == one.n_left
    assert all(bool(row["risk"]) == (row["has_left"] == "no") for row in rows)


def test_rules_say_who_has_left(snapshot_home: Path, app: App) -> None:
    warehouse = open_workspace("Members")
    rule = Rule(parts=(Line(field="attribute:plan", operator="is", values=("monthly",)),))
    meant = count_rule(warehouse, rule)
    assert 0 < meant.n_left < meant.n_customers
    saved = save_rule_segment(warehouse, "Monthly", rule)
    visit = app("pages/segments/rules.py", rule=rule_json(rule))
    assert not visit.exception
    told = everything_said(visit)
    assert visit.metric[0].delta.endswith(f"{meant.n_left:,} have left")
    assert f"The label of {meant.n_left:,} of these {meant.n_customers:,} customers" in told
    assert list(folded(visit)["Still there"]) == [f"{saved.n_members - meant.n_left:,}"]
    at_risk = app(AT_RISK, segment="Monthly")
    assert _n_customers(at_risk) == f"{meant.n_scored:,}"
    assert f"{meant.n_left:,} of the {saved.n_members:,} customers of 'Monthly' have left" in everything_said(
        at_risk
    ).replace("\\", "")
