"""Tags and rule segments follow the data; what cannot be found again is kept and told."""

from __future__ import annotations

import json
from datetime import timedelta

import pandas as pd
import pytest

from churn_core.customers.built_in_tags import BUILT_IN
from churn_core.customers.facts import is_fresh
from churn_core.customers.group_refresh import refresh_groups
from churn_core.customers.rule_segments import save_rule_segment, standings
from churn_core.customers.rules import Line, Rule, rule_from_json
from churn_core.customers.segments import delete_segment, save_segment, segment
from churn_core.customers.selection import CustomerFilter
from churn_core.customers.tags import delete_tag, give_tag, make_tag, tags, tags_of, take_tag
from churn_core.errors import InputError, NotFound
from churn_core.warehouse import Warehouse

from .conftest import AS_OF, add_orders


def rule(field: str, operator: str, *values: str | float | bool) -> Rule:
    return Rule(parts=(Line(field=field, operator=operator, values=values),))


def members(warehouse: Warehouse, segment_id: int) -> set[str]:
    return {
        row[0] for row in warehouse.rows("SELECT customer_id FROM segment_members WHERE segment_id = ?", [segment_id])
    }


def tagged(warehouse: Warehouse, tag: str) -> set[str]:
    return {row[0] for row in warehouse.rows("SELECT customer_id FROM customer_tags WHERE tag = ?", [tag])}


def test_segments_follow_new_orders_and_fixed_ones_do_not(shop: Warehouse) -> None:
    frequent = save_rule_segment(shop, "three orders", rule("n_orders", "at_least", 3))
    fixed = save_segment(shop, "fixed", CustomerFilter(tiers=("high",)))
    before = members(shop, fixed.segment_id)
    assert members(shop, frequent.segment_id) == set()
    with shop.transaction() as tx:
        tx.execute("UPDATE orders SET order_id = order_id || '/old'")
    add_orders(shop, {"C001": [1], "C002": [2]})
    found = refresh_groups(shop)
    assert members(shop, frequent.segment_id) == {"C001", "C002"}
    assert members(shop, fixed.segment_id) == before
    [group] = [group for group in found.found if group.kind == "segment"]
    assert (group.name, group.n_before, group.n_customers, group.problem) == ("three orders", 0, 2, "")
    assert (segment(shop, frequent.segment_id).refreshed_at or AS_OF) > segment(shop, fixed.segment_id).saved_at
    assert is_fresh(shop)
    assert shop.value("SELECT max_by(action, entry) FROM audit_log") == "groups refreshed"


def test_a_rule_on_a_column_that_an_import_dropped_keeps_its_customers_and_is_told(shop: Warehouse) -> None:
    gold = save_rule_segment(shop, "gold", rule("attribute:Plan/Type", "is", "gold"))
    make_tag(shop, "silver", rule=rule("attribute:Plan/Type", "is", "silver"))
    late = save_rule_segment(shop, "late", rule("days_since_last_order", "at_least", 30))
    before = members(shop, gold.segment_id)
    with shop.transaction() as tx:
        tx.execute("UPDATE customers SET attributes = NULL")
        tx.bump_data_version()
    found = refresh_groups(shop)
    assert {(group.kind, group.name) for group in found.problems} == {("segment", "gold"), ("tag", "silver")}
    assert "no customer has a column 'Plan/Type'" in found.problems[0].problem
    assert members(shop, gold.segment_id) == before != set()
    assert len(tagged(shop, "silver")) == 20
    assert members(shop, late.segment_id)
    problems = {standing.segment.name: standing.problem for standing in standings(shop)}
    assert "any more" in problems["gold"]
    assert problems["late"] == ""
    detail = json.loads(shop.value("SELECT max_by(detail, entry) FROM audit_log"))
    assert len(detail["problems"]) == 2


def test_groups_made_of_groups_are_found_in_the_right_order(shop: Warehouse) -> None:
    make_tag(shop, "seldom", rule=rule("n_orders", "at_most", 1))
    base = save_rule_segment(shop, "base", rule("n_orders", "at_least", 2))
    upon = save_rule_segment(
        shop,
        "upon",
        Rule(parts=(*rule("segment", "is", "base").parts, *rule("tag", "is_not", "seldom").parts)),
    )
    assert members(shop, upon.segment_id) == members(shop, base.segment_id)
    with shop.transaction() as tx:
        tx.execute("DELETE FROM orders WHERE customer_id <> 'C001'")
        tx.bump_data_version()
    assert not refresh_groups(shop).problems
    assert members(shop, upon.segment_id) == members(shop, base.segment_id) == {"C001"}
    assert len(tagged(shop, "seldom")) == 39


def test_groups_made_of_each_other_in_a_circle_are_told(shop: Warehouse) -> None:
    first = save_rule_segment(shop, "first", rule("n_orders", "at_least", 2))
    second = save_rule_segment(shop, "second", rule("segment", "is", "first"))
    delete_segment(shop, first.segment_id)
    assert "segment 'first' not found" in refresh_groups(shop).problems[0].problem
    assert members(shop, second.segment_id)
    save_rule_segment(shop, "first", rule("segment", "is", "second"))
    problems = refresh_groups(shop).problems
    assert {group.name for group in problems} == {"first", "second"}
    assert all("in a circle" in group.problem for group in problems)


def test_a_rule_that_is_no_rule_any_more_is_told(shop: Warehouse) -> None:
    saved = save_rule_segment(shop, "broken", rule("n_orders", "at_least", 2))
    with shop.transaction() as tx:
        tx.execute("UPDATE segments SET rule = '{\"all\": 3}'")
    assert "this one is not" in refresh_groups(shop).problems[0].problem
    assert "this one is not" in standings(shop)[0].problem
    assert members(shop, saved.segment_id)


def test_built_in_tags_state_the_limit_that_they_draw(demo_copy: Warehouse) -> None:
    refresh_groups(demo_copy)
    found = {tag.tag: tag for tag in tags(demo_copy)}
    assert set(found) <= set(BUILT_IN)
    assert {"frequent buyer", "big baskets", "discount hunter", "new", "one category", "writes reviews"} <= set(found)
    with pytest.raises(InputError, match="belongs to the product"):
        delete_tag(demo_copy, "new")
    baskets = rule_from_json(found["big baskets"].rule or "")
    [threshold, n_orders] = [line.values[0] for line in baskets.lines()]
    orders = demo_copy.frame("SELECT customer_id, amount::DOUBLE AS amount FROM orders")
    mean = orders.groupby("customer_id")["amount"].agg(["mean", "count"])
    compared = mean[mean["count"] >= n_orders]["mean"]
    assert threshold == pytest.approx(compared.quantile(0.9), rel=0.006)
    assert tagged(demo_copy, "big baskets") == set(compared[compared >= float(str(threshold))].index)
    assert demo_copy.setting("currency") == "EUR"
    assert f"Orders of €{float(str(threshold)):,.6g} or more" in found["big baskets"].meaning


def test_night_shoppers_buy_at_night_and_dates_without_time_count_for_nothing(warehouse: Warehouse) -> None:
    rows = []
    for customer in range(30):
        for nr in range(4):
            hour = 23 if customer < 5 else 12
            time = AS_OF - timedelta(days=20 * nr + 1) + (timedelta(hours=hour) if customer < 29 else timedelta())
            rows.append(
                {"customer_id": f"C{customer:02d}", "order_id": f"{customer}/{nr}", "order_time": time, "amount": 5}
            )
    with warehouse.transaction() as tx:
        tx.append("orders", pd.DataFrame(rows))
    refresh_groups(warehouse)
    assert tagged(warehouse, "night shopper") == {f"C{nr:02d}" for nr in range(5)}
    with warehouse.transaction() as tx:
        tx.execute("UPDATE orders SET order_time = order_time::DATE")
        tx.bump_data_version()
    refresh_groups(warehouse)
    assert "night shopper" not in {tag.tag for tag in tags(warehouse)}
    assert tagged(warehouse, "night shopper") == set()


def test_a_tag_that_would_tell_nobody_apart_is_not_given(shop: Warehouse) -> None:
    assert shop.value("SELECT count(DISTINCT amount) FROM orders") == 1
    refresh_groups(shop)
    assert "big baskets" not in {tag.tag for tag in tags(shop)}


def test_who_keeps_a_tag_keeps_its_day(shop: Warehouse) -> None:
    make_tag(shop, "two", rule=rule("n_orders", "at_least", 2))
    with shop.transaction() as tx:
        tx.execute("UPDATE customer_tags SET since = TIMESTAMP '2020-01-01' WHERE tag = 'two'")
    with shop.transaction() as tx:
        tx.execute("UPDATE orders SET order_id = order_id || '/old'")
    add_orders(shop, {"C010": [1, 2]})
    refresh_groups(shop)
    since = dict(shop.rows("SELECT customer_id, since FROM customer_tags WHERE tag = 'two'"))
    assert since["C001"].year == 2020
    assert since["C010"].year > 2020


def test_tags_are_given_and_taken_by_hand(shop: Warehouse, hostile: tuple[str, ...]) -> None:
    assert give_tag(shop, " call  first ", ["C001", "C002", "C001"]) == 2
    assert give_tag(shop, "CALL FIRST", ["C002"]) == 0
    refresh_groups(shop)
    assert tagged(shop, "call first") == {"C001", "C002"}
    assert [tag.tag for tag in tags_of(shop, "C001") if tag.is_by_hand] == ["call first"]
    take_tag(shop, "call first", "C001")
    assert tagged(shop, "call first") == {"C002"}
    for text in hostile:
        if "\n" not in text:
            give_tag(shop, text, ["C003"])
    assert {tag.tag for tag in tags_of(shop, "C003")} == {text for text in hostile if "\n" not in text}
    delete_tag(shop, "call first")
    assert tagged(shop, "call first") == set()


def test_what_cannot_be_tagged_is_told(shop: Warehouse) -> None:
    make_tag(shop, "two", rule=rule("n_orders", "at_least", 2))
    refresh_groups(shop)
    with pytest.raises(InputError, match="follows a rule"):
        give_tag(shop, "two", ["C001"])
    with pytest.raises(InputError, match="follows a rule"):
        give_tag(shop, "Frequent buyer", ["C001"])
    with pytest.raises(InputError, match="follows a rule"):
        take_tag(shop, "two", "C001")
    with pytest.raises(NotFound, match="no customer 'nobody'"):
        give_tag(shop, "x", ["nobody"])
    with pytest.raises(InputError, match="exists already"):
        make_tag(shop, "Two")
    with pytest.raises(InputError, match="exists already"):
        make_tag(shop, "new")
    with pytest.raises(InputError, match="give it 1 to 40"):
        make_tag(shop, "x" * 41)
    with pytest.raises(NotFound, match="tag 'nothing' not found"):
        delete_tag(shop, "nothing")


def test_an_empty_workspace_has_no_tags_and_no_error(warehouse: Warehouse) -> None:
    found = refresh_groups(warehouse)
    assert (found.n_customers, found.found) == (0, ())
    assert tags(warehouse) == ()
