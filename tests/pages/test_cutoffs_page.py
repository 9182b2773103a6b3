"""Cut-offs as a person uses it: thresholds in the address, inputs that stay, tiers of every kind saved and undone."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from churn_core.customers.scenario import Scenario, save_scenario, saved_scenarios
from churn_core.customers.tiers import CapacityRule, active_policy, policy_with, save, saved_policies
from churn_core.workspaces import create_workspace, open_workspace
from tests.customers.conftest import add_run
from tests.pages.conftest import App

CUTOFFS = "pages/models/cutoffs.py"
SETTINGS = "pages/settings/settings.py"
N = 100


@pytest.fixture
def scored_home(churn_home: Path) -> Path:
    """A home with one workspace of 100 customers with risks of 0.5 % to 99.5 % and values of 10 to 70."""
    warehouse = create_workspace("Scored")
    risks = {f"C{nr:03d}": (nr + 0.5) / N for nr in range(N)}
    add_run(warehouse, risks, values={c: 10.0 * (nr % 7 + 1) for nr, c in enumerate(risks)})
    warehouse.close()
    return churn_home


def _table(visit: AppTest, nr: int) -> dict[str, list[str]]:
    frame = visit.dataframe[nr].value
    return {str(row[0]): [str(cell) for cell in row[1:]] for row in frame.itertuples(index=False)}


def _said(visit: AppTest) -> str:
    return "\n".join(str(element.value) for kind in (visit.markdown, visit.caption, visit.info) for element in kind)


def _field(name: str, field: str) -> str:
    return f"scenario_Scored_{name}_{field}"


def test_the_address_holds_the_thresholds(scored_home: Path, app: App) -> None:
    visit = app(CUTOFFS, cutoff_a="80", cutoff_b="50")
    assert not visit.exception
    assert "80 % on\\: 20 customers, about 18 of them would leave, 2 would have stayed anyway" in _said(visit)
    assert _table(visit, 0)["Contacted"] == ["20", "50", "+30"]
    assert _table(visit, 1)["Precision"] == ["90.0 % of 20", "75.0 % of 50", "-15.0 points"]


def test_inputs_are_remembered_and_can_be_unknown_again(scored_home: Path, app: App) -> None:
    visit = app(CUTOFFS, cutoff_a="80", cutoff_b="50")
    assert "A and B: no cost is entered yet" in "".join(note.value for note in visit.info)
    assert _table(visit, 0)["Cost"] == ["none entered", "none entered", "–"]
    assert _table(visit, 0)["Pays from a chance of"][0] == "–"
    visit.number_input(key=_field("A", "contact_cost")).set_value(2.0).run()
    visit.number_input(key=_field("A", "chance")).set_value(25.0).run()
    assert not visit.exception
    assert saved_scenarios(open_workspace("Scored"))["A"] == Scenario(contact_cost=2.0, chance=0.25)
    again = app(CUTOFFS, cutoff_a="80", cutoff_b="50")
    assert again.number_input(key=_field("A", "chance")).value == 25.0
    assert _table(again, 0)["Cost"][0] == "40"
    assert "B: no cost is entered yet" in "".join(note.value for note in again.info)
    assert _table(again, 0)["Expected profit"][0] != "–"
    again.number_input(key=_field("A", "chance")).set_value(None).run()
    assert _table(again, 0)["Expected profit"][0] == "–"
    assert "run a campaign with a control group" in _said(again).replace("\\", "")
    assert saved_scenarios(open_workspace("Scored"))["A"].chance is None


def test_capacity_and_inputs_are_taken_over_with_one_click(scored_home: Path, app: App) -> None:
    save_scenario(open_workspace("Scored"), "A", Scenario(contact_cost=2.0, offer_cost=10.0, per_day=2))
    visit = app(CUTOFFS, cutoff_a="80", cutoff_b="50")
    said = _said(visit).replace("\\", "")
    assert "The capacity is kept from 89.6 % on: 10 customers; there the offer must save about" in said
    assert "The margin rate is 100 %" in said
    visit.button(key="take_capacity_A").click().run()
    assert not visit.exception
    assert _table(visit, 0)["Contacted"][0] == "10"
    assert not [button for button in visit.button if button.key == "take_capacity_A"], "it stands there"
    assert "B: no cost is entered yet" in "".join(note.value for note in visit.info)
    visit.button(key="same_in_b").click().run()
    assert not visit.exception
    saved = saved_scenarios(open_workspace("Scored"))
    assert saved["B"] == saved["A"]
    assert visit.number_input(key=_field("B", "offer_cost")).value == 10.0
    assert not [button for button in visit.button if button.key == "same_in_b"], "they are the same"
    visit.button(key="take_capacity_B").click().run()
    assert _table(visit, 0)["Contacted"] == ["10", "10", "0"]


def test_the_best_threshold_is_taken_with_one_click(scored_home: Path, app: App) -> None:
    save_scenario(open_workspace("Scored"), "A", Scenario(contact_cost=5.0, chance=0.25, margin=40.0))
    visit = app(CUTOFFS, cutoff_a="80", cutoff_b="50")
    visit.button(key="take_best_A").click().run()
    assert not visit.exception
    assert visit.slider(key="cutoff_a").value == 50.5
    assert _table(visit, 0)["Contacted"][0] == "50"


def test_moving_the_slider_moves_the_numbers(scored_home: Path, app: App) -> None:
    visit = app(CUTOFFS, cutoff_a="80", cutoff_b="50")
    visit.slider(key="cutoff_a").set_value(90.0).run()
    assert _table(visit, 0)["Contacted"] == ["10", "50", "+40"]


def test_tiers_by_capacity_are_previewed_saved_and_undone(scored_home: Path, app: App) -> None:
    visit = app(CUTOFFS)
    visit.segmented_control(key="policy_kind").set_value("capacity").run()
    visit.number_input(key="policy_per_day").set_value(3).run()
    preview = _table(visit, 2)
    assert (preview["▲ high"][0], preview["◆ medium"][0], preview["● low"][0]) == ("15", "15", "70")
    assert active_policy(open_workspace("Scored")).version == 0, "a preview changes nothing"
    visit.button(key="save_policy").click().run()
    assert not visit.exception
    warehouse = open_workspace("Scored")
    assert active_policy(warehouse).capacity == CapacityRule(per_day=3)
    assert warehouse.value("SELECT count(*) FROM scores WHERE tier = 'high'") == 15
    visit.segmented_control(key="policy_kind").set_value("probability").run()
    visit.button(key="save_policy").click().run()
    assert [saved.policy.kind for saved in saved_policies(warehouse)] == ["probability", "capacity"]
    visit.button(key="activate_policy").click().run()
    assert active_policy(warehouse).version == 1
    versions = next(frame.value for frame in visit.dataframe if "Rule" in frame.value)
    assert list(versions["In force"]) == ["", "yes"]
    assert versions["Rule"].iloc[1].startswith("High are the 15 customers with the most value at risk")
    assert "In force (policy 1)" in _said(visit).replace("\\", "")


def test_tiers_by_profit_need_a_chance(scored_home: Path, app: App) -> None:
    visit = app(CUTOFFS)
    visit.segmented_control(key="policy_kind").set_value("profit").run()
    assert any("cannot be drawn" in info.value for info in visit.info)
    assert not [button for button in visit.button if button.key == "save_policy"]
    visit.number_input(key=_field("A", "contact_cost")).set_value(1.0).run()
    visit.number_input(key=_field("A", "chance")).set_value(20.0).run()
    visit.run()
    visit.button(key="save_policy").click().run()
    assert not visit.exception
    assert active_policy(open_workspace("Scored")).profit == Scenario(contact_cost=1.0, chance=0.2)


def test_thresholds_out_of_order_are_one_sentence(scored_home: Path, app: App) -> None:
    visit = app(CUTOFFS)
    visit.number_input(key="policy_high").set_value(20.0).run()
    assert not visit.exception
    assert any("choose 0" in error.value for error in visit.error)
    assert active_policy(open_workspace("Scored")).version == 0


def test_one_risk_for_all_is_said(churn_home: Path, app: App) -> None:
    warehouse = create_workspace("Same")
    add_run(warehouse, dict.fromkeys("abc", 0.4), values=dict.fromkeys("abc"))
    warehouse.close()
    visit = app(CUTOFFS)
    assert not visit.exception
    assert any("All customers have the same risk" in info.value for info in visit.info)
    visit.segmented_control(key="policy_kind").set_value("capacity").run()
    assert visit.selectbox(key="policy_order").options == ["highest risk"]


def test_settings_show_tiers_of_another_kind_and_lead_to_cutoffs(scored_home: Path, app: App) -> None:
    warehouse = open_workspace("Scored")
    save_scenario(warehouse, "A", Scenario(contact_cost=1.0))
    save(warehouse, policy_with(warehouse, capacity=CapacityRule(per_day=4)))
    visit = app(SETTINGS)
    assert not visit.exception
    assert "High are the 20 customers with the most value at risk" in _said(visit).replace("\\", "")
    assert "cut-offs" in [link.proto.page for link in visit.get("page_link")]
    assert not [field for field in visit.number_input if field.key == "settings_high"]
