"""``churn rules`` and ``churn tags``: the same rules as on the page, in simple words or JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from churn_core.workspaces import open_workspace

from .conftest import Churn, one_sentence


@pytest.fixture
def shop(churn: Churn, order_file: Path) -> Churn:
    """A workspace with the orders of the simulated shop."""
    assert churn("import", order_file, "-w", "Shop", "--create").code == 0
    return churn


def test_a_rule_is_counted_saved_listed_and_deleted(shop: Churn) -> None:
    counted = shop(
        "rules", "count", "--where", "n_orders at least 3", "--where", "last_order in_last_days 90", "--json"
    ).json
    whole = '{"all": [{"field": "n_orders", "operator": "at_least", "values": [3]}, ' \
        '{"field": "last_order", "operator": "in_last_days", "values": [90]}]}'  # fmt: skip
    assert json.loads(counted["rule"]) == json.loads(whole)
    assert shop("rules", "count", "--rule", whole, "--json").json == counted
    assert 0 < counted["n_customers"] < counted["n_everybody"]
    assert counted["sentence"] in shop("rules", "count", "--rule", whole).out
    assert shop("rules", "save", "Lively", "--rule", whole).code == 0
    either = shop(
        "rules", "save", "Either", "--any", "--where", "n_orders is 1", "--where", "segment is Lively", "--json"
    ).json
    assert either["n_members"] > counted["n_customers"]
    listed = {row["name"]: row["n_members"] for row in shop("rules", "list", "--json").json}
    assert listed == {"Either": either["n_members"], "Lively": counted["n_customers"]}
    shared = shop("rules", "overlap", "Lively", "Either", "--json").json
    assert shared["n_shared"][0] == [counted["n_customers"]] * 2
    assert shared["shares"][0][1] == 1.0
    assert shop("rules", "delete", "Lively").code == 0
    assert "segment 'Lively' not found" in shop("rules", "refresh").out
    assert "keeps the customers it had" in shop("rules", "list").out


def test_an_import_finds_groups_again_and_says_which_it_could_not(shop: Churn, tmp_path: Path) -> None:
    shop("rules", "save", "Five", "--where", "n_orders at_least 5")
    shop("rules", "save", "Of five", "--where", "segment is Five")
    shop("rules", "delete", "Five")
    shop("rules", "save", "New ones", "--where", "days_since_first_order at_most 3")
    before = {row["name"]: row["n_members"] for row in shop("rules", "list", "--json").json}
    last = open_workspace("Shop").value("SELECT max(order_time) FROM orders")
    later = tmp_path / "later.csv"
    later.write_text(f"customer_id,order_id,order_time,amount\nbrand-new,Z-1,{last:%Y-%m-%d} 23:59:00,12.50\n")
    said = shop("import", later)
    assert said.code == 0
    assert "'Of five' keeps the customers it had" in said.out
    after = {row["name"]: row["n_members"] for row in shop("rules", "list", "--json").json}
    assert after == before | {"New ones": before["New ones"] + 1}
    assert "new" in {row["tag"] for row in shop("tags", "list", "--customer", "brand-new", "--json").json}


def test_tags_are_made_given_taken_and_deleted(shop: Churn) -> None:
    customer = open_workspace("Shop").value("SELECT min(customer_id) FROM orders")
    assert "frequent buyer" in shop("tags", "list").out
    assert shop("tags", "make", "ten", "--where", "n_orders at_least 10", "--json").json["n_customers"] > 0
    assert shop("tags", "give", "VIP", customer).code == 0
    assert "VIP: Given by hand." in shop("tags", "list", "--customer", customer).out
    assert shop("tags", "take", "VIP", customer).code == 0
    assert "VIP" not in shop("tags", "list", "--customer", customer).out
    assert shop("tags", "delete", "VIP").code == 0


def test_what_a_rule_can_ask_is_listed(shop: Churn) -> None:
    fields = {row["name"]: row for row in shop("rules", "fields", "--json").json}
    assert "at_least" in fields["n_orders"]["operators"]
    assert "risk" not in fields


REFUSED = (
    (("count",), "either as lines"),
    (("count", "--where", "n_orders is 1", "--rule", "{}"), "either as lines"),
    (("count", "--rule", "@nowhere.json"), "nowhere.json"),
    (("count", "--rule", "{"), "not JSON"),
    (("count", "--where", "n_orders between 9 and 3"), "nobody can be"),
    (("count", "--where", "risk at_least 50%"), "before customers are scored"),
    (("count", "--where", "orders at_least 3"), "field 'orders' not found"),
    (("delete", "nothing"), "segment 'nothing' not found"),
)


def test_what_cannot_be_asked_is_one_sentence(shop: Churn) -> None:
    for arguments, words in REFUSED:
        assert words in one_sentence(shop("rules", *arguments)), arguments
