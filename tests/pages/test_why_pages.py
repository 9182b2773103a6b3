"""Drivers, and the what-if of the Customer page, as a person uses them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from churn_core.customers.drivers import drivers
from churn_core.customers.selection import CustomerFilter
from churn_core.customers.similar import Similar
from churn_core.workspaces import open_workspace
from tests.pages.conftest import App, Home
from ui import movement_blocks, session_customers, what_if_blocks

DRIVERS = "pages/models/drivers.py"
CUSTOMER = "pages/customers/customer.py"


def said(visit: AppTest) -> str:
    texts = [element.value for kind in (visit.markdown, visit.caption, visit.warning) for element in kind]
    return "\n".join(texts).replace("\\", "")


def charts(visit: AppTest) -> list[str]:
    return [chart.key for chart in visit.get("plotly_chart")]


def assert_calm(visit: AppTest) -> None:
    assert not visit.exception
    assert not [error.value for error in visit.error]


def riskiest(workspace: str) -> str:
    return str(
        open_workspace(workspace).value("SELECT customer_id FROM scores ORDER BY run_id DESC, risk DESC, 1 LIMIT 1")
    )


def test_drivers_of_everybody_and_of_a_group_against_the_rest(demo_home: Home, app: App) -> None:
    visit = app(DRIVERS)
    assert_calm(visit)
    assert charts(visit) == ["importance", "swarm", "dependence"]
    assert "The risk of everybody is moved most by" in said(visit)
    visit = app(DRIVERS, tier="high")
    assert_calm(visit)
    assert charts(visit) == ["difference", "importance", "swarm", "dependence"]
    found = drivers(open_workspace("Demo shop"), CustomerFilter(tiers=("high",)))
    assert found.rest is not None
    shown = {metric.label: metric for metric in visit.metric}
    assert shown["Mean risk here"].value == f"{100 * found.group.mean_risk:.1f} %"
    assert shown["Mean risk of the rest"].delta == f"{found.rest.n_customers:,} customers"
    assert f"n = {found.group.n_customers:,}" in said(visit)


def test_every_signal_can_be_looked_at(demo_home: Home, app: App) -> None:
    visit = app(DRIVERS)
    visit.selectbox(key="signal").set_value("mean_gap_days").run()
    assert_calm(visit)
    assert "Mean gap" in said(visit)
    assert "no value is known: the diamond" in said(visit)
    visit.button_group(key="signals").set_value("every signal").run()
    assert_calm(visit)
    assert "Signals of one group overlap" in said(visit)


def test_nobody_and_nothing_scored_are_said(demo_home: Home, app: App) -> None:
    visit = app(DRIVERS, find="no such customer anywhere")
    assert_calm(visit)
    assert "No customer matches" in said(visit)
    assert not charts(visit)


def test_drivers_of_a_labelled_table_show_texts(snapshot_home: Home, app: App) -> None:
    visit = app(DRIVERS)
    visit.selectbox(key="signal").set_value("plan").run()
    assert_calm(visit)
    assert "plan: monthly raises the risk most, yearly least" in said(visit)
    assert "Texts are as known today" in said(visit)
    assert "signals" not in [group.key for group in visit.get("button_group")]
    assert "0.5 on this scale moves a risk of 50 % to 62 %" in said(visit)


def test_only_the_part_that_is_open_is_worked_out(demo_home: Home, app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    for name, module, call in (
        ("subject", what_if_blocks, "subject"),
        ("what if", what_if_blocks.core, "what_if"),
        ("movement", movement_blocks.movement_module, "why_moved"),
    ):
        monkeypatch.setattr(module, call, _noted(asked, name, getattr(module, call)))
    customer_id = riskiest("Demo shop")
    visit = app(CUSTOMER, customer=customer_id)
    assert_calm(visit)
    assert charts(visit) == ["history", "contributions"]
    assert asked == []
    for part, drawn, worked in (
        ("What happened", ["timeline"], []),
        ("All numbers", [], []),
        ("Why did it move?", ["movement_figure"], ["movement"]),
        ("What if?", [], ["movement", "subject"]),
    ):
        visit.session_state["part"] = part
        visit.run()
        assert_calm(visit)
        assert charts(visit) == ["history", *drawn], part
        assert asked == worked, part


def _noted(asked: list[str], name: str, call: Callable[..., Any]) -> Callable[..., Any]:
    """A call that leaves its name behind."""

    def noted(*args: Any, **given: Any) -> Any:
        asked.append(name)
        return call(*args, **given)

    return noted


def test_a_fact_moves_the_risk(demo_home: Home, app: App) -> None:
    customer_id = riskiest("Demo shop")
    visit = app(CUSTOMER, customer=customer_id, part="What if?")
    assert_calm(visit)
    assert "Nothing is moved yet" in said(visit)
    assert "not a promise of what an action does" in said(visit)
    visit.toggle(key=f"what_if_orders_{customer_id}").set_value(True).run()
    assert_calm(visit)
    assert "Risk would move from" in said(visit)
    assert "what_if" in charts(visit)


def test_an_impossible_number_is_refused_in_a_sentence(demo_home: Home, app: App) -> None:
    customer_id = riskiest("Demo shop")
    visit = app(CUSTOMER, customer=customer_id, part="What if?")
    visit.multiselect(key=f"what_if_inputs_{customer_id}").set_value(["n_orders"]).run()
    visit.number_input(key=f"what_if_value_n_orders_{customer_id}").set_value(-3).run()
    assert not visit.exception
    assert [error.value.replace("\\", "") for error in visit.error] == [
        "Orders is to be -3, and it cannot be negative; give a number from 0 on."
    ]


def test_columns_of_a_labelled_table_are_moved(snapshot_home: Home, app: App) -> None:
    customer_id = str(
        open_workspace("Members").value(
            "SELECT customer_id FROM scores JOIN snapshots USING (customer_id) "
            "WHERE attributes->>'plan' = 'monthly' ORDER BY risk DESC, 1 LIMIT 1"
        )
    )
    visit = app(CUSTOMER, customer=customer_id, part="What if?")
    assert_calm(visit)
    visit.multiselect(key=f"what_if_inputs_{customer_id}").set_value(["plan", "support_calls"]).run()
    visit.selectbox(key=f"what_if_value_plan_{customer_id}").set_value("yearly").run()
    assert_calm(visit)
    assert "Risk would move from" in said(visit)


@pytest.mark.parametrize(
    ("home", "workspace", "words"),
    [
        ("demo_home", "Demo shop", "who have been customers about as long"),
        ("snapshot_home", "Members", "whose plan is monthly too"),
    ],
)
def test_similar_customers_stand_beside_reasons(
    home: str, workspace: str, words: str, request: pytest.FixtureRequest, app: App
) -> None:
    request.getfixturevalue(home)
    visit = app(CUSTOMER, customer=riskiest(workspace))
    assert_calm(visit)
    assert words in said(visit)
    assert "· similar " in said(visit)


def test_a_range_stands_only_beside_a_number_of_the_customers_own(
    demo_home: Home, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer_id, name = riskiest("Demo shop"), "days_since_last_return"
    place = open_workspace("Demo shop").value(
        "SELECT list_position(feature_names, $name) FROM score_runs ORDER BY run_id DESC LIMIT 1", {"name": name}
    )
    assert place
    alike = Similar(n_customers=60, words="who are alike", ranges={name: (58.0, 318.0)})
    monkeypatch.setattr(session_customers, "similar_customers", lambda stamp, customer_id: alike)
    for days, told, beside in (
        ("NULL", "no return so far", ""),
        ("400", "400 days since the last return", " :gray[· similar 58-318]"),
    ):
        with open_workspace("Demo shop").transaction() as tx:
            tx.execute(
                f"UPDATE contributions SET feature_values = list_transform(feature_values, lambda value, nr: CASE WHEN "
                f"nr = {place} THEN {days} ELSE value END) WHERE customer_id = $customer_id",
                {"customer_id": customer_id},
            )
            tx.execute(
                "UPDATE reasons SET down_1 = $told, down_2 = NULL WHERE customer_id = $customer_id",
                {"told": told, "customer_id": customer_id},
            )
            tx.audit("scored again", {"days": days})
        visit = app(CUSTOMER, customer=customer_id)
        assert_calm(visit)
        assert f"- {told}{beside}" in said(visit).splitlines()


def test_a_customer_whom_nothing_moves_gets_a_sentence_for_bars(demo_home: Home, app: App) -> None:
    customer_id = riskiest("Demo shop")
    with open_workspace("Demo shop").transaction() as tx:
        tx.execute(
            "UPDATE contributions SET contributions = list_transform(contributions, lambda part: 0.0) "
            "WHERE customer_id = $customer_id",
            {"customer_id": customer_id},
        )
        tx.audit("scored again", {})
    visit = app(CUSTOMER, customer=customer_id)
    assert_calm(visit)
    assert "Nothing moves this risk away from" in said(visit)
    assert charts(visit) == ["history"]
