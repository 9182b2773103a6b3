"""The RFM page through the frame: parts, actions, thresholds, and shops with little in them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from churn_core.customers.rfm import rfm
from churn_core.customers.rfm_members import RfmChoice
from churn_core.customers.rfm_rule import RfmRule
from churn_core.customers.rfm_rules import active_rule, save_rule, saved_rules
from churn_core.customers.segments import segments
from churn_core.intake.derived import refresh_derived
from churn_core.warehouse import Warehouse
from churn_core.workspaces import create_workspace, open_workspace
from tests.pages.conftest import App, Home, folded
from tests.pages.test_every_page import everything_said
from ui.session_rfm import address_of

PAGE = "pages/segments/rfm.py"


def shop() -> Warehouse:
    return open_workspace("Demo shop")


def assert_calm(visit: AppTest) -> None:
    assert not visit.exception
    assert not [error.value for error in visit.error]


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("Groups", "of the value at risk is with frequent customers"),
        ("Movement", "stood elsewhere on"),
        ("Lifecycle", "neither late nor lapsed"),
        ("Thresholds", "This is the rule in force"),
    ],
)
def test_every_part_says_its_sentence(demo_home: Home, app: App, part: str, said: str) -> None:
    visit = app(PAGE, part=part)
    assert_calm(visit)
    assert said in everything_said(visit).replace("\\", "")


def test_the_table_holds_the_groups_of_the_core(demo_home: Home, app: App) -> None:
    found = rfm(shop())
    shown = folded(app(PAGE))
    assert list(shown["Group"]) == list(found.groups)
    assert [text.split(" ")[0] for text in shown["Customers"]] == [f"{cell.n:,}" for cell in found.groups.values()]


def test_an_earlier_day_is_taken_from_the_address(demo_home: Home, app: App) -> None:
    day = rfm(shop()).day - timedelta(days=200)
    visit = app(PAGE, day=f"{day:%Y-%m-%d}")
    assert_calm(visit)
    assert visit.metric[0].value == f"{rfm(shop(), day).everybody.n:,}"


def test_a_group_is_saved_under_a_name(demo_home: Home, app: App) -> None:
    visit = app(PAGE, of="loyal")
    visit.text_input(key="rfm_name").set_value("Summer guests").run()
    visit.button(key="rfm_save_now").click().run()
    assert_calm(visit)
    [saved] = [entry for entry in segments(shop()) if entry.name == "Summer guests"]
    assert saved.n_members == rfm(shop()).groups["loyal"].n


def test_a_square_is_acted_on_as_if_it_had_been_clicked(demo_home: Home, app: App) -> None:
    words = RfmChoice(recency=4, frequency=4).words
    visit = app(PAGE)
    visit.selectbox(key="of").set_value(words).run()
    visit.button(key="rfm_save_now").click().run()
    assert_calm(visit)
    [saved] = [entry for entry in segments(shop()) if words in entry.name]
    assert saved.n_members == rfm(shop()).square(4, 4).n


def test_a_link_to_a_group_opens_it_at_at_risk_however_often_it_is_loaded(demo_home: Home, app: App) -> None:
    n_before = len(segments(shop()))
    address = address_of(RfmChoice(group="needs attention"), rfm(shop()).day)
    for _ in range(2):
        visit = app("pages/customers/at_risk.py", **address)
        assert_calm(visit)
        assert len(segments(shop())) == n_before + 1
        assert visit.metric[0].value == f"{rfm(shop()).groups['needs attention'].n_scored:,}"
        assert str(visit.selectbox(key="segment").value).startswith("RFM needs attention")
    assert not set(address) & set(visit.query_params)


def test_a_link_to_a_group_that_does_not_exist_says_so(demo_home: Home, app: App) -> None:
    visit = app("pages/customers/at_risk.py", rfm="heroes", rfm_day="2026-11-01")
    assert "heroes" in visit.error[0].value
    visit = app("pages/customers/at_risk.py", rfm="at risk", rfm_day="some day")
    assert "'some day' in the address is no day" in visit.error[0].value


def test_a_campaign_is_begun_for_a_group(demo_home: Home, app: App) -> None:
    visit = app(PAGE, of="at risk")
    visit.button(key="rfm_plan").click().run()
    assert_calm(visit)
    assert visit.title[0].value == "Plan"
    drafts = shop().rows("SELECT plan FROM campaigns WHERE status = 'draft'")
    [saved] = [entry for entry in segments(shop()) if entry.name.startswith("RFM at risk")]
    assert any(f'"segment_id": {saved.segment_id}' in plan for (plan,) in drafts)


def test_groups_of_a_day_before_the_first_scoring_can_be_acted_on(demo_home: Home, app: App) -> None:
    day = rfm(shop()).day - timedelta(days=400)
    assert rfm(shop(), day).run_id is None
    visit = app(PAGE, day=f"{day:%Y-%m-%d}")
    assert_calm(visit)
    said = everything_said(visit)
    assert "At risk and campaigns go by the newest scoring" in said
    assert "not scored, because" not in said
    visit.button(key="rfm_plan").click().run()
    assert_calm(visit)
    assert visit.title[0].value == "Plan"


def test_own_thresholds_are_previewed_saved_and_taken_back(demo_home: Home, app: App) -> None:
    visit = app(PAGE, part="Thresholds")
    visit.segmented_control(key="rfm_kind").set_value("rule").run()
    visit.number_input(key="rfm_recency_5").set_value(3.0).run()
    assert_calm(visit)
    assert "Customers now" in everything_said(visit)
    visit.button(key="rfm_save_rule").click().run()
    assert_calm(visit)
    [saved] = saved_rules(shop())
    assert saved.rule.thresholds is not None
    assert saved.rule.thresholds.recency[3] == 3.0
    assert "Rule 1: scores by own thresholds" in everything_said(visit)
    visit.segmented_control(key="rfm_kind").set_value("quintile").run()
    visit.button(key="rfm_save_rule").click().run()
    visit.button(key="rfm_activate").click().run()
    assert_calm(visit)
    assert [entry.is_active for entry in saved_rules(shop())] == [False, True]
    assert visit.segmented_control(key="rfm_kind").value == "rule"
    assert visit.number_input(key="rfm_recency_5").value == 3.0
    visit.selectbox(key="rfm_version_1").set_value(0).run()
    visit.button(key="rfm_activate").click().run()
    assert_calm(visit)
    assert not any(entry.is_active for entry in saved_rules(shop()))
    assert "Proposed rule: scores by fifths" in everything_said(visit)
    assert "This is the rule in force" in everything_said(visit)
    assert active_rule(shop()).version == 0


def test_another_grid_moves_customers_and_can_be_taken_back(demo_home: Home, app: App) -> None:
    before = rfm(shop()).groups
    grid = tuple(tuple("lost" if group == "promising" else group for group in row) for row in RfmRule().grid)
    save_rule(shop(), RfmRule(grid=grid))
    visit = app(PAGE)
    assert "own grid of groups" in everything_said(visit)
    shown = folded(visit).set_index("Group")["Customers"]
    assert shown["promising"].startswith("0 ")
    assert shown["lost"].startswith(f"{before['lost'].n + before['promising'].n:,} ")
    visit = app(PAGE, part="Thresholds")
    assert visit.selectbox(key="rfm_version_1").value == 0
    visit.button(key="rfm_activate").click().run()
    assert_calm(visit)
    assert {name: cell.n for name, cell in rfm(shop()).groups.items()} == {
        name: cell.n for name, cell in before.items()
    }


def test_thresholds_out_of_order_are_one_sentence_and_nothing_is_saved(demo_home: Home, app: App) -> None:
    visit = app(PAGE, part="Thresholds")
    visit.segmented_control(key="rfm_kind").set_value("rule").run()
    visit.number_input(key="rfm_recency_5").set_value(900.0).run()
    [error] = visit.error
    assert "a higher score must ask for fewer days" in error.value.replace("\\", "")
    assert not visit.exception
    assert saved_rules(shop()) == []


def test_movement_between_stages(demo_home: Home, app: App) -> None:
    visit = app(PAGE, part="Movement", moves_of="Lifecycle stages")
    assert_calm(visit)
    assert "lapsed" in folded(visit).columns


@pytest.mark.parametrize("part", ["Groups", "Movement", "Lifecycle", "Thresholds"])
@pytest.mark.parametrize("n_customers", [1, 4])
def test_a_shop_with_hardly_anything_stays_usable(churn_home: Path, app: App, part: str, n_customers: int) -> None:
    create_workspace("Tiny")
    tiny = open_workspace("Tiny")
    with tiny.transaction() as tx:
        tx.append(
            "orders",
            pd.DataFrame(
                {
                    "customer_id": [f"C{nr}" for nr in range(n_customers)],
                    "order_id": [f"O{nr}" for nr in range(n_customers)],
                    "order_time": pd.Timestamp("2026-05-01 12:00"),
                    "amount": [-5.0] * n_customers,
                }
            ),
        )
        refresh_derived(tx)
        tx.bump_data_version()
    visit = app(PAGE, part=part)
    assert_calm(visit)
    assert f"There are {n_customers} customers only" in everything_said(visit).replace("\\", "")
    assert "zero or less" in everything_said(visit)
