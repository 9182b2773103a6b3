"""The Rule segments page: building, counting, keeping and comparing; and the profile on the Customer page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from churn_core.customers.group_refresh import refresh_groups
from churn_core.customers.rule_segments import count_rule, save_rule_segment
from churn_core.customers.rules import Line, Rule, rule_from_json, rule_json
from churn_core.customers.segments import segments
from churn_core.customers.tags import tags, tags_of
from churn_core.workspaces import open_workspace
from tests.pages.conftest import App, folded
from tests.pages.test_customer_pages import scored_home as scored_home
from tests.pages.test_every_page import everything_said

PAGE = "pages/segments/rules.py"
CUSTOMER = "pages/customers/customer.py"


def rule(field: str, operator: str, *values: str | float | bool) -> Rule:
    return Rule(parts=(Line(field=field, operator=operator, values=values),))


MIXED = Rule(
    parts=(
        Line(field="risk", operator="at_least", values=(0.5,)),
        Rule(
            join="any",
            parts=(
                Line(field="country", operator="one_of", values=("France",)),
                Line(field="days_since_last_order", operator="between", values=(1, 20)),
            ),
        ),
    )
)


def metrics(visit: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in visit.metric}


def key_of(visit: AppTest, start: str, kind: str) -> str:
    """The key of the first input of a kind whose key starts so."""
    return next(str(element.key) for element in visit.get(kind) if str(element.key).startswith(start))


def test_a_rule_is_built_line_by_line_counted_and_saved(scored_home: Path, app: App) -> None:
    visit = app(PAGE)
    assert "Choose what customers are asked for" in everything_said(visit)
    visit.selectbox(key=key_of(visit, "rule_field_", "selectbox")).select("Risk, %").run()
    assert "needs a value" in everything_said(visit)
    visit.number_input(key=key_of(visit, "rule_value_", "number_input")).set_value(75.0).run()
    assert not visit.exception
    expected = count_rule(open_workspace("Scored"), rule("risk", "at_least", 0.75))
    assert metrics(visit)["Customers"] == str(expected.n_customers)
    assert "Customers whose risk is at least 75 %." in everything_said(visit).replace("\\", "")
    assert "WHERE s.risk >= $value_0" in visit.code[0].value
    visit.text_input(key="rule_name").set_value("Three quarters")
    visit.button(key="rule_save").click().run()
    assert not visit.exception
    [saved] = segments(open_workspace("Scored"))
    assert (saved.name, saved.kind, saved.n_members) == ("Three quarters", "rule", expected.n_customers)
    assert rule_from_json(saved.rule or "") == rule("risk", "at_least", 0.75)
    assert "Three quarters" in everything_said(visit)


def test_a_link_carries_a_rule_with_groups(scored_home: Path, app: App) -> None:
    visit = app(PAGE)
    visit.query_params["rule"] = rule_json(MIXED)
    visit.run()
    expected = count_rule(open_workspace("Scored"), MIXED)
    assert not visit.exception
    assert metrics(visit)["Customers"] == str(expected.n_customers)
    assert 0 < expected.n_customers < 120
    assert json.loads("".join(visit.query_params["rule"])) == json.loads(rule_json(MIXED))
    assert len([box for box in visit.selectbox if str(box.key).startswith("rule_field_")]) == 3


def test_groups_and_lines_are_added_and_taken_out(scored_home: Path, app: App) -> None:
    visit = app(PAGE)
    visit.query_params["rule"] = rule_json(rule("risk", "at_least", 0.5))
    visit.run()
    visit.button(key="rule_add_group").click().run()
    assert "Line 2 needs a field" in everything_said(visit)
    fields = [str(box.key) for box in visit.selectbox if str(box.key).startswith("rule_field_")]
    visit.selectbox(key=fields[1]).select("Country").run()
    visit.selectbox(key=key_of(visit, f"rule_operator_{fields[1].rsplit('_', 1)[1]}", "selectbox")).select(
        "known"
    ).run()
    both = Rule(parts=(*rule("risk", "at_least", 0.5).parts, *rule("country", "known").parts))
    assert metrics(visit)["Customers"] == str(count_rule(open_workspace("Scored"), both).n_customers)
    visit.segmented_control(key="rule_join").set_value("any").run()
    assert metrics(visit)["Customers"] == "120"
    visit.button(key=key_of(visit, "rule_remove_", "button")).click().run()
    assert "country is known" in everything_said(visit)
    visit.button(key="rule_clear").click().run()
    assert "Choose what customers are asked for" in everything_said(visit)
    assert not visit.exception


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ("nonsense", "not JSON"),
        ('{"all": [{"field": "gone", "operator": "is", "values": [1]}]}', "field 'gone' not found"),
        (
            '{"all": [{"field": "attribute:Card", "operator": "is", "values": ["x"]}]}',
            "no customer has a column 'Card'",
        ),
        ('{"all": [{"field": "n_orders", "operator": "between", "values": [9, 3]}]}', "nobody can be"),
        ('{"any": [{"all": [{"any": [{"field": "risk", "operator": "known"}]}]}]}', "deeper than this page shows"),
        ('{"all": [{"field": "country", "operator": "is", "values": ["</script><b>"]}]}', "Nobody meets this rule"),
    ],
)
def test_what_cannot_be_asked_is_a_sentence_and_the_page_goes_on(
    scored_home: Path, app: App, told: str, words: str
) -> None:
    save_rule_segment(open_workspace("Scored"), "kept", rule("risk", "at_least", 0.5))
    visit = app(PAGE)
    visit.query_params["rule"] = told
    visit.run()
    said = everything_said(visit) + "".join(error.value for error in visit.error)
    assert words.lower() in said.replace("\\", "").lower()
    assert not visit.exception
    assert "kept" in said
    assert len(visit.error) == ("Nobody" not in words)


def test_a_segment_whose_column_is_gone_is_told_and_the_others_work(scored_home: Path, app: App) -> None:
    warehouse = open_workspace("Scored")
    save_rule_segment(warehouse, "French", rule("country", "is", "France"))
    n_risky = save_rule_segment(warehouse, "Risky", rule("risk", "at_least", 0.9)).n_members
    with warehouse.transaction() as tx:
        tx.execute("UPDATE customers SET country = NULL")
        tx.bump_data_version()
    refresh_groups(warehouse)
    visit = app(PAGE)
    assert not visit.exception
    [warning] = visit.warning
    assert "French" in warning.value
    assert "no customer has a country" in warning.value.replace("\\", "").lower()
    table = folded(visit)
    assert list(table["Segment"]) == ["French", "Risky"]
    assert list(table["Customers"]) == ["40", str(n_risky)]


def test_saved_segments_overlap_open_and_go(scored_home: Path, app: App) -> None:
    warehouse = open_workspace("Scored")
    save_rule_segment(warehouse, "French", rule("country", "is", "France"))
    save_rule_segment(warehouse, "Risky", rule("risk", "at_least", 0.9))
    visit = app(PAGE)
    assert "are in French too, the largest overlap" in everything_said(visit)
    visit.selectbox(key="rule_segment").select("Risky").run()
    visit.button(key="rule_load").click().run()
    assert "Customers whose risk is at least 90 %." in everything_said(visit).replace("\\", "")
    visit.button(key="rule_really_delete").click().run()
    assert [entry.name for entry in segments(warehouse)] == ["French"]
    assert not visit.exception


def test_a_rule_becomes_a_tag_and_a_name_is_needed(scored_home: Path, app: App) -> None:
    visit = app(PAGE)
    visit.query_params["rule"] = rule_json(rule("risk", "at_least", 0.9))
    visit.run()
    n_hot = count_rule(open_workspace("Scored"), rule("risk", "at_least", 0.9)).n_customers
    visit.button(key="rule_save").click().run()
    assert "give it 1 to 80" in visit.error[0].value
    visit.text_input(key="rule_name").set_value("hot")
    visit.button(key="rule_save_tag").click().run()
    assert [(tag.tag, tag.n_customers) for tag in tags(open_workspace("Scored")) if tag.is_own] == [("hot", n_hot)]
    visit.button(key="rule_delete_tag").click().run()
    assert not [tag for tag in tags(open_workspace("Scored")) if tag.is_own]
    assert not visit.exception


def test_the_customer_page_shows_groups_and_takes_a_tag(scored_home: Path, app: App) -> None:
    warehouse = open_workspace("Scored")
    save_rule_segment(warehouse, "Everybody <b>", rule("risk", "at_least", 0))
    visit = app(CUSTOMER, customer="C007")
    said = everything_said(visit)
    assert "in Everybody" in said
    assert "Lifecycle" in said
    assert "RFM" in said
    visit.text_input(key="tag_word").set_value("VIP")
    visit.button(key="tag_give").click().run()
    assert not visit.exception
    assert [tag.tag for tag in tags_of(warehouse, "C007")] == ["VIP"]
    assert "VIP" in everything_said(visit)
    visit.button(key="tag_take_VIP").click().run()
    assert tags_of(warehouse, "C007") == ()
