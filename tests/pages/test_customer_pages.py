"""Today, At risk and Customer as a person uses them: filters, pages, selection, export, deep links."""

from __future__ import annotations

import csv
import io
import time
from datetime import timedelta
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from churn_core.customers.at_risk import count_and_totals, page
from churn_core.customers.segments import segments
from churn_core.customers.selection import CustomerFilter
from churn_core.errors import InputError
from churn_core.workspaces import create_workspace, open_workspace
from tests.customers.conftest import AS_OF, add_customers, add_orders, add_run
from tests.pages.conftest import FRAME, App
from ui import session_customers

AT_RISK = "pages/customers/at_risk.py"
CUSTOMER = "pages/customers/customer.py"
N = 120


@pytest.fixture
def scored_home(churn_home: Path) -> Path:
    """A home with one workspace of 120 customers in two score runs, made by hand."""
    warehouse = create_workspace("Scored")
    ids = [f"C{nr:03d}" for nr in range(N)]
    countries = ("France", "Côte d'Ivoire", "50% Land")
    add_customers(
        warehouse,
        [{"customer_id": c, "name": f"Name {nr}", "country": countries[nr % 3]} for nr, c in enumerate(ids)],
    )
    add_orders(warehouse, {c: [3 + nr % 50, 90] for nr, c in enumerate(ids)})
    risks = {c: 0.01 + 0.98 * nr / N for nr, c in enumerate(ids)}
    add_run(warehouse, {c: risk / 2 for c, risk in risks.items()}, as_of=AS_OF - timedelta(days=30), high_from=0.7)
    add_run(warehouse, risks, values={c: 10.0 * (nr % 7 + 1) for nr, c in enumerate(ids)})
    warehouse.close()
    return churn_home


def _table(visit: AppTest) -> list[str]:
    return [str(value) for value in visit.dataframe[0].value["customer_id"]]


def _expected(chosen: CustomerFilter, **window: int) -> list[str]:
    return list(page(open_workspace("Scored"), chosen, **window)["customer_id"])


def _metrics(visit: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in visit.metric}


def test_today_says_what_changed_and_leads_to_it(scored_home: Path, app: App) -> None:
    visit = app()
    assert not visit.exception
    figures = _metrics(visit)
    high = count_and_totals(open_workspace("Scored"), CustomerFilter(tiers=("high",)))
    assert figures["In the high tier"] == figures["New in the high tier"] == str(high.n_customers)
    assert figures["Left the high tier"] == "0"
    said = "\n".join(text.value for text in visit.markdown)
    assert "Say what churned means" in said, "the first step that is missing comes first"
    assert visit.dataframe[0].value["customer_id"].tolist() == _expected(CustomerFilter(), limit=5)


def test_the_first_scoring_says_when_changes_will_show(churn_home: Path, app: App) -> None:
    warehouse = create_workspace("Fresh")
    add_orders(warehouse, {"a": [3], "b": [60]})
    add_run(warehouse, {"a": 0.2, "b": 0.8})
    warehouse.close()
    visit = app()
    assert any("first scoring: what changed shows after the next one" in text.value for text in visit.caption)
    visit = app(CUSTOMER, customer="b")
    said = "\n".join(text.value for text in visit.markdown)
    assert "in the only scoring so far" in said
    assert "It begins with the next scoring" in said
    assert [chart.key for chart in visit.get("plotly_chart")] == ["contributions"]


def test_the_list_shows_its_first_page_and_totals(scored_home: Path, app: App) -> None:
    visit = app(AT_RISK)
    assert _table(visit) == _expected(CustomerFilter(), limit=50)
    assert _metrics(visit)["Customers"] == str(N)
    assert any("1 to 50 of 120 customers" in caption.value for caption in visit.caption)


def test_filters_narrow_the_list(scored_home: Path, app: App) -> None:
    visit = app(AT_RISK)
    visit.text_input(key="find").set_value("c01").run()
    assert _table(visit) == _expected(CustomerFilter(search="c01"))
    visit.text_input(key="find").set_value("").run()
    visit.multiselect(key="attribute").set_value(["country: Côte d'Ivoire"]).run()
    assert _metrics(visit)["Customers"] == "40"
    visit.number_input(key="risk_from").set_value(50.0).run()
    assert _table(visit) == _expected(CustomerFilter(attributes=(("country", "Côte d'Ivoire"),), min_risk=0.5))
    visit.toggle(key="new").set_value(True).run()
    assert int(_metrics(visit)["Customers"]) < 40


def test_reasons_are_chosen_by_group_and_by_feature(scored_home: Path, app: App) -> None:
    visit = app(AT_RISK)
    visit.multiselect(key="group").set_value(["Time since the last order"]).run()
    assert _metrics(visit)["Customers"] == "40"
    visit.multiselect(key="feature").set_value(["Days since last order"]).run()
    assert _metrics(visit)["Customers"] == "40"
    visit.multiselect(key="feature").set_value(["Order days, last 90 days"]).run()
    assert any("No customer matches" in text.value for text in visit.markdown)


def test_the_order_can_be_chosen(scored_home: Path, app: App) -> None:
    visit = app(AT_RISK)
    visit.selectbox(key="order").select("Longest since last order first").run()
    assert _table(visit) == _expected(CustomerFilter(sort="days_since_last_order"), limit=50)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ({"find": "c", "page": "2", "order": "Lowest risk first"}, range(50, 100)),
        ({"tier": "low", "order": "Lowest risk first"}, range(48)),
        ({"tier": "unheard", "page": "no number", "order": "Lowest risk first"}, range(50)),
    ],
)
def test_filters_and_page_are_read_from_the_address(scored_home: Path, address: dict[str, str], shown: range) -> None:
    visit = AppTest.from_file(FRAME, default_timeout=60)
    for name, value in address.items():
        visit.query_params[name] = value
    visit.run().switch_page(AT_RISK).run()
    assert not visit.exception
    assert _table(visit) == [f"C{nr:03d}" for nr in shown]


def test_clear_takes_every_filter_back(scored_home: Path, app: App) -> None:
    visit = app(AT_RISK)
    visit.text_input(key="find").set_value("c011").run()
    visit.toggle(key="new").set_value(True).run()
    visit.button(key="clear").click().run()
    assert not visit.exception
    assert _metrics(visit)["Customers"] == str(N)
    assert visit.text_input(key="find").value == ""


def test_nobody_matches_is_said_and_not_an_error(scored_home: Path, app: App) -> None:
    visit = app(AT_RISK)
    visit.text_input(key="find").set_value("'; DROP TABLE scores; --").run()
    assert not visit.exception
    assert not visit.error
    assert any("No customer matches" in text.value for text in visit.markdown)
    assert open_workspace("Scored").n_rows("scores") == 2 * N


def test_a_selection_is_what_is_exported_saved_and_opened(scored_home: Path, app: App) -> None:
    visit = app(AT_RISK)
    chosen = _table(visit)[1]
    key = visit.dataframe[0].key
    visit.session_state[key] = {"selection": {"rows": [1], "columns": [], "cells": []}}
    visit.run()
    visit.text_input(key="segment_name").set_value("  One of us ")
    visit.button(key="save").click().run()
    assert [(found.name, found.n_members) for found in segments(open_workspace("Scored"))] == [("One of us", 1)]
    visit.session_state[visit.dataframe[0].key] = {"selection": {"rows": [1], "columns": [], "cells": []}}
    visit.run()
    visit.button(key="open_selected").click().run()
    assert visit.title[0].value == "Customer"
    assert any(chosen in heading.value for heading in visit.subheader)


def _tick(visit: AppTest, *rows: int) -> None:
    visit.session_state[visit.dataframe[0].key] = {"selection": {"rows": list(rows), "columns": [], "cells": []}}
    visit.run()


def test_a_selection_stays_while_pages_are_turned(scored_home: Path, app: App) -> None:
    visit = app(AT_RISK)
    first_page = _table(visit)
    _tick(visit, 1, 4)
    visit.session_state["page"] = 2
    visit.run()
    second_page = _table(visit)
    assert not set(first_page) & set(second_page)
    _tick(visit, 0)
    visit.text_input(key="segment_name").set_value("Three of two pages")
    visit.button(key="save").click().run()
    assert [found.n_members for found in segments(open_workspace("Scored"))] == [3]
    members = {row[0] for row in open_workspace("Scored").rows("SELECT customer_id FROM segment_members")}
    assert members == {first_page[1], first_page[4], second_page[0]}
    visit.session_state["page"] = 1
    visit.run()
    assert visit.session_state[visit.dataframe[0].key]["selection"]["rows"] == [1, 4], "ticks are drawn again"
    _tick(visit, 4)
    assert any(button.label == "Clear selection" for button in visit.button)
    visit.button(key="clear_selection").click().run()
    assert not any(button.label == "Clear selection" for button in visit.button)
    assert not visit.exception


def test_a_selection_is_forgotten_with_another_filter(scored_home: Path, app: App) -> None:
    visit = app(AT_RISK)
    _tick(visit, 1)
    assert any(button.label == "Clear selection" for button in visit.button)
    visit.selectbox(key="order").select("Lowest risk first").run()
    assert any(button.label == "Clear selection" for button in visit.button), "another order is the same list"
    visit.text_input(key="find").set_value("c01").run()
    assert not any(button.label == "Clear selection" for button in visit.button)


def test_a_saved_segment_filters_the_list_and_can_be_deleted(scored_home: Path, app: App) -> None:
    visit = app(AT_RISK)
    visit.text_input(key="find").set_value("c00").run()
    visit.text_input(key="segment_name").set_value("Zeros")
    visit.button(key="save").click().run()
    visit.button(key="clear").click().run()
    visit.selectbox(key="segment").select("Zeros").run()
    assert _metrics(visit)["Customers"] == "10"
    visit.button(key="delete_1").click().run()
    assert not visit.exception
    assert not visit.error
    assert segments(open_workspace("Scored")) == ()
    assert _metrics(visit)["Customers"] == str(N)


def test_a_segment_without_a_name_is_refused_on_the_page(scored_home: Path, app: App) -> None:
    visit = app(AT_RISK)
    visit.button(key="save").click().run()
    assert any("give it 1 to 80" in error.value for error in visit.error)


def test_the_download_is_the_whole_list_and_leaves_no_file(scored_home: Path) -> None:
    warehouse = open_workspace("Scored")
    write = session_customers.export_of(warehouse, CustomerFilter(), run_id=2, n_customers=N, with_contact=False)
    rows = list(csv.DictReader(io.StringIO(write().decode("utf-8-sig"), newline="")))
    assert [row["customer_id"] for row in rows] == _expected(CustomerFilter(), limit=1000)
    assert warehouse.folder is not None
    assert list(warehouse.folder.iterdir()) == []
    stale = session_customers.export_of(warehouse, CustomerFilter(), run_id=1, n_customers=N, with_contact=False)
    with pytest.raises(InputError, match="scored again"):
        stale()


def test_a_deep_link_opens_the_customer(scored_home: Path, app: App) -> None:
    visit = app(CUSTOMER, customer="C117")
    assert not visit.exception
    assert not visit.error
    assert visit.subheader[0].value == "C117 · Name 117"
    assert _metrics(visit)["Risk"] == "96.5 %"
    said = "\n".join(text.value for text in visit.markdown)
    assert "Raises the risk" in said
    assert "to 96.5 %" in said
    assert len(visit.get("plotly_chart")) == 2
    assert len(visit.get("iframe")) == 1


def test_the_reading_of_the_contributions_is_chosen_and_kept_in_the_address(scored_home: Path, app: App) -> None:
    by_group = app(CUSTOMER, customer="C117")
    every = app(CUSTOMER, customer="C117", signals="Every signal")
    for visit, bar in ((by_group, "Service requests and waiting"), (every, "Service requests, last 90 days")):
        assert not visit.exception
        spec = visit.get("plotly_chart")[1].proto.spec
        assert bar in spec
    explained = "\n".join(text.value for text in by_group.caption)
    assert "from 37.8 %, the model's answer for an average customer" in explained
    assert "overlap" not in explained
    assert "overlap" in "\n".join(text.value for text in every.caption)


def test_a_search_lists_who_matches(scored_home: Path, app: App) -> None:
    visit = app(CUSTOMER)
    visit.text_input(key="customer").set_value("name 11").run()
    assert set(_table(visit)) == {"C011", *(f"C{nr}" for nr in range(110, 120))}
    visit.text_input(key="customer").set_value("<nobody> & 'nothing'").run()
    assert not visit.exception
    assert any("contains" in info.value for info in visit.info)


def test_a_customer_who_was_not_scored_is_shown_with_the_reason(scored_home: Path, app: App) -> None:
    warehouse = open_workspace("Scored")
    add_orders(warehouse, {"gone": [900]})
    visit = app(CUSTOMER, customer="gone")
    assert any("not eligible" in info.value for info in visit.info)
    assert "Risk" not in _metrics(visit)


def test_an_empty_workspace_says_what_to_do(empty_home: Path, app: App) -> None:
    for where in (None, AT_RISK, CUSTOMER):
        visit = app(where)
        assert not visit.exception
        assert not visit.error
        assert [link.proto.page for link in visit.get("page_link")] == ["import"]


def test_the_demo_has_a_list_and_a_customer_with_reasons(demo_home: Path, app: App) -> None:
    visit = app(AT_RISK)
    first = _table(visit)[0]
    visit = app(CUSTOMER, customer=first)
    assert not visit.exception
    assert not visit.error
    assert len(visit.get("iframe")) == 1
    assert "Raises the risk" in "\n".join(text.value for text in visit.markdown)


def test_newer_data_is_scored_again_from_today(demo_home: Path, app: App) -> None:
    warehouse = open_workspace("Demo shop")
    with warehouse.transaction() as tx:
        tx.bump_data_version()
    before = warehouse.n_rows("score_runs")
    visit = app()
    assert any("Data was imported after" in text.value for text in visit.markdown)
    visit.button(key="score_1").click().run()
    assert not visit.exception
    for _ in range(600):
        if warehouse.value("SELECT status FROM jobs WHERE kind = 'score'") == "done":
            break
        time.sleep(0.1)
    visit.run()
    assert warehouse.n_rows("score_runs") == before + 1
    assert not any("Data was imported after" in text.value for text in visit.markdown)


def test_a_snapshot_workspace_filters_by_its_own_columns(snapshot_home: Path, app: App) -> None:
    visit = app(AT_RISK)
    n_all = int(_metrics(visit)["Customers"].replace(",", ""))
    visit.multiselect(key="attribute").set_value(["plan: yearly"]).run()
    n_yearly = int(_metrics(visit)["Customers"].replace(",", ""))
    assert 0 < n_yearly < n_all
    first = _table(visit)[0]
    visit = app(CUSTOMER, customer=first)
    assert not visit.exception
    assert not visit.error
    assert len(visit.get("iframe")) == 1
