"""Rules mean exactly the customers that SQL written by hand means; what is typed into them stays a value."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from churn_core.customers.at_risk import required_run
from churn_core.customers.facts import facts_as_of, is_fresh
from churn_core.customers.group_refresh import refresh_groups
from churn_core.customers.rule_choices import field_choices
from churn_core.customers.rule_fields import FIELDS, attribute_field
from churn_core.customers.rule_segments import count_rule, overlaps, save_rule_segment, segments_of, standings
from churn_core.customers.rule_sql import rule_sql
from churn_core.customers.rule_text import line_from_text, rule_from_lines
from churn_core.customers.rule_words import rule_sentence
from churn_core.customers.rules import Line, Rule, rule_from_json, rule_json
from churn_core.customers.segments import delete_segment, segments
from churn_core.customers.selection import CustomerFilter, condition
from churn_core.errors import ChurnError, InputError, NotFound
from churn_core.warehouse import Warehouse

from .conftest import add_customers, add_orders, add_run


def line(field: str, operator: str, *values: Any) -> Line:
    return Line(field=field, operator=operator, values=values)


def all_of(*parts: Line | Rule) -> Rule:
    return Rule(parts=parts)


def any_of(*parts: Line | Rule) -> Rule:
    return Rule(join="any", parts=parts)


def meant(warehouse: Warehouse, *parts: Line | Rule) -> set[str]:
    """The ids that a rule means."""
    asked = rule_sql(warehouse, parts[0] if isinstance(parts[0], Rule) and len(parts) == 1 else all_of(*parts))
    ids = [row[0] for row in warehouse.rows(asked.sql, asked.parameters)]
    assert len(ids) == len(set(ids))
    return set(ids)


def by_hand(warehouse: Warehouse, sql: str) -> set[str]:
    return {row[0] for row in warehouse.rows(sql)}


BY_HAND: dict[str, tuple[Rule, str]] = {
    "orders counted": (
        all_of(line("n_orders", "between", 3, 6)),
        "SELECT customer_id FROM orders GROUP BY 1 HAVING count(*) BETWEEN 3 AND 6",
    ),
    "spend and silence": (
        all_of(line("spend_amount", "at_least", 500), line("days_since_last_order", "at_most", 60)),
        "SELECT customer_id FROM orders GROUP BY 1 HAVING sum(amount) >= 500 AND max(order_time)::DATE >= "
        "(SELECT max(order_time)::DATE + 1 - 60 FROM orders)",
    ),
    "either of two": (
        any_of(line("n_returns", "at_least", 2), line("mean_order_amount", "at_least", 90)),
        "SELECT customer_id FROM returns GROUP BY 1 HAVING count(*) >= 2 UNION "
        "SELECT customer_id FROM orders GROUP BY 1 HAVING avg(amount) >= 90",
    ),
    "brackets": (
        all_of(
            line("n_orders_90", "at_least", 1),
            any_of(line("country", "one_of", "France", "Germany"), line("n_tickets", "at_least", 1)),
        ),
        "SELECT customer_id FROM orders WHERE order_time >= (SELECT max(order_time)::DATE + 1 - INTERVAL 90 DAY "
        "FROM orders) AND customer_id IN (SELECT customer_id FROM customers WHERE country IN ('France', 'Germany') "
        "UNION SELECT customer_id FROM tickets)",
    ),
    "no tickets is zero": (
        all_of(line("n_tickets", "at_most", 0)),
        "SELECT customer_id FROM customers WHERE customer_id NOT IN (SELECT customer_id FROM tickets)",
    ),
    "discounts": (
        all_of(line("discounted_order_share", "at_least", 0.5)),
        "SELECT customer_id FROM orders GROUP BY 1 HAVING count(*) FILTER (discount_amount > 0) * 2 >= count(*)",
    ),
    "dates": (
        all_of(line("first_order", "at_least", "2025-06-01"), line("last_visit", "in_last_days", 45)),
        "SELECT customer_id FROM orders GROUP BY 1 HAVING min(order_time) >= DATE '2025-06-01' INTERSECT "
        "SELECT customer_id FROM events WHERE event_time < (SELECT max(order_time)::DATE + 1 FROM orders) GROUP BY 1 "
        "HAVING max(event_time)::DATE >= (SELECT max(order_time)::DATE + 1 - 45 FROM orders)",
    ),
    "consent": (
        all_of(line("email_consent", "is", False)),
        "SELECT customer_id FROM customers WHERE NOT email_consent",
    ),
    "categories": (
        all_of(line("n_categories", "is", 1)),
        "SELECT customer_id FROM order_lines GROUP BY 1 HAVING count(DISTINCT category) = 1",
    ),
    "not known": (
        all_of(line("mean_rating", "unknown")),
        "SELECT customer_id FROM customers WHERE customer_id NOT IN "
        "(SELECT customer_id FROM feedback WHERE rating IS NOT NULL)",
    ),
    "own column": (
        all_of(line("attribute:acquired_by", "is_not", "search")),
        "SELECT customer_id FROM customers WHERE attributes->>'acquired_by' <> 'search'",
    ),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_a_rule_means_whom_sql_by_hand_means(demo_shop: Warehouse, name: str) -> None:
    rule, sql = BY_HAND[name]
    expected = by_hand(demo_shop, sql)
    assert meant(demo_shop, rule) == expected
    assert 0 < len(expected) < demo_shop.n_rows("customers")


@pytest.mark.parametrize("name", BY_HAND)
def test_kept_facts_answer_like_the_tables(refreshed: Warehouse, demo_shop: Warehouse, name: str) -> None:
    assert is_fresh(refreshed)
    assert not is_fresh(demo_shop)
    rule = BY_HAND[name][0]
    assert "FROM customer_facts" in rule_sql(refreshed, rule).sql
    assert meant(refreshed, rule) == meant(demo_shop, rule)


@pytest.fixture(scope="session")
def refreshed(demo_file: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    import shutil

    opened = Warehouse.open(shutil.copy(demo_file, tmp_path_factory.mktemp("refreshed") / "shop.duckdb"))
    refresh_groups(opened)
    yield opened
    opened.close()


def test_groups_kept_and_worked_out_are_the_same(refreshed: Warehouse, demo_shop: Warehouse) -> None:
    for rule in (
        all_of(line("rfm_group", "one_of", "champions", "lost")),
        all_of(line("lifecycle_stage", "is_not", "lapsed")),
    ):
        assert "JOIN customer_groups" in rule_sql(refreshed, rule).sql
        assert meant(refreshed, rule) == meant(demo_shop, rule) != set()


def test_every_field_can_be_asked_for_known_and_unknown(refreshed: Warehouse) -> None:
    everybody = by_hand(refreshed, "SELECT customer_id FROM customers UNION SELECT customer_id FROM orders")
    for choice in field_choices(refreshed):
        if choice.field.kind != "member":
            known = meant(refreshed, line(choice.field.name, "known"))
            unknown = meant(refreshed, line(choice.field.name, "unknown"))
            assert known | unknown == everybody, choice.field.name
            assert not known & unknown, choice.field.name


def test_counts_are_those_of_pandas(shop: Warehouse) -> None:
    scores = shop.frame("SELECT * FROM scores")
    orders = shop.frame("SELECT customer_id, count(*) AS n FROM orders GROUP BY 1").set_index("customer_id")["n"]
    chosen = scores[(scores["risk"] >= 0.4) & (scores["customer_id"].map(orders).fillna(0) >= 1)]
    found = count_rule(shop, all_of(line("risk", "at_least", 0.4), line("n_orders", "at_least", 1)))
    assert (found.n_customers, found.n_everybody, found.n_scored) == (len(chosen), 40, len(chosen))
    assert found.n_value_known == chosen["value_at_risk"].notna().sum() < len(chosen)
    assert found.value_at_risk == pytest.approx(chosen["value_at_risk"].sum())
    assert found.mean_risk == pytest.approx(chosen["risk"].mean())


def test_nobody_has_no_mean_and_no_money(shop: Warehouse) -> None:
    found = count_rule(shop, all_of(line("n_orders", "at_least", 99)))
    assert (found.n_customers, found.value_at_risk, found.mean_risk) == (0, None, None)


def test_customers_without_scores_are_meant_too(shop: Warehouse) -> None:
    add_customers(shop, [{"customer_id": "later", "country": "France"}])
    found = count_rule(shop, all_of(line("country", "is", "France")))
    assert found.n_customers == found.n_scored + 1
    assert "later" not in meant(shop, line("risk", "at_most", 1))
    assert meant(shop, line("risk", "unknown")) == {"later"}


def test_numbers_in_own_columns_are_compared_as_numbers(shop: Warehouse) -> None:
    assert meant(shop, line("attribute:Age", "between", 58, 100)) == {"C038", "C039"}
    assert meant(shop, line("attribute:Age", "is", 25.0)) == {"C005"}
    assert meant(shop, line("attribute:Plan/Type", "contains", "GOL")) == {f"C{nr:03d}" for nr in range(0, 40, 2)}
    assert meant(shop, line("attribute:Plan/Type", "at_least", 1)) == set()


def test_a_labelled_table_is_asked_for_its_own_columns(warehouse: Warehouse) -> None:
    rows = [
        {"customer_id": f"M{nr}", "churned": nr % 2 == 1, "attributes": json.dumps({"tenure": nr})} for nr in range(6)
    ]
    with warehouse.transaction() as tx:
        tx.append("snapshots", pd.DataFrame(rows))
    add_run(warehouse, {f"M{nr}": 0.1 + nr / 10 for nr in range(6)}, as_of=None, source="snapshots")
    assert meant(warehouse, line("attribute:tenure", "at_least", 4)) == {"M4", "M5"}
    assert meant(warehouse, line("risk", "at_least", 0.5), line("attribute:tenure", "at_most", 4)) == {"M4"}
    assert meant(warehouse, line("risk", "at_least", 0.5)) == {"M4"}, "M5 has left, so its risk is nobody's concern"
    with pytest.raises(NotFound, match="holds no orders"):
        meant(warehouse, line("n_orders", "at_least", 1))


def test_hostile_values_and_names_stay_values(warehouse: Warehouse, hostile: tuple[str, ...]) -> None:
    add_customers(
        warehouse,
        [{"customer_id": text, "country": text, "attributes": {text: text, "x": "y"}} for text in hostile],
    )
    add_run(warehouse, dict.fromkeys(hostile, 0.5))
    for text in hostile:
        for asked in (
            line("country", "is", text),
            line("country", "one_of", text),
            line("customer_id", "contains", text),
            line(f"attribute:{text}", "is", text),
        ):
            assert meant(warehouse, asked) == {text}, (text, asked)
            assert text not in rule_sql(warehouse, all_of(asked)).sql or len(text) < 8
            assert text in rule_sentence(all_of(asked))
        saved = save_rule_segment(warehouse, f"who {text}", all_of(line("country", "is", text)))
        assert meant(warehouse, line("segment", "is", saved.name)) == {text}
        assert {entry.name for entry in segments_of(warehouse, text)} == {saved.name}
    assert warehouse.n_rows("scores") == len(hostile)
    assert not refresh_groups(warehouse).problems


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (lambda: all_of(line("risk", "at_least", 1.5)), "between 0 and 1"),
        (lambda: all_of(line("risk", "at_least", "high")), "give a number"),
        (lambda: all_of(line("risk", "contains", "0")), "cannot be asked with 'contains'"),
        (lambda: all_of(line("n_orders", "between", 9, 3)), "at most 3, which nobody can be"),
        (lambda: any_of(line("n_orders", "between", 9, 3)), "smaller one first"),
        (lambda: all_of(line("n_orders", "at_least", 9), line("n_orders", "at_most", 3)), "which nobody can be"),
        (lambda: all_of(line("first_order", "at_least", "2026-13-01")), "a day like 2026-11-20"),
        (lambda: all_of(line("last_order", "in_last_days", 0)), "whole days from 1"),
        (lambda: all_of(line("tier", "is", "hihg")), "did you mean 'high'"),
        (lambda: all_of(line("ordrs", "is", 1)), "field 'ordrs' not found"),
        (lambda: all_of(line("email_consent", "is", "maybe")), "yes or no"),
        (lambda: all_of(line("tag", "is", "nothing")), "tag 'nothing' not found"),
        (lambda: all_of(line("segment", "is", "nothing")), "segment 'nothing' not found"),
        (lambda: all_of(line("attribute:gone", "is", "x")), "no customer has a column 'gone'"),
        (lambda: all_of(line("n_returns", "at_least", 1)), "holds no returns"),
        (lambda: all_of(line("city", "is", "Paris")), "no customer has a city"),
        (lambda: all_of(line("risk", "is", float("nan"))), "finite number"),
        (lambda: all_of(line("country", "is", "a\0b")), "no text can hold"),
        (lambda: all_of(line("country", "is", "\ud800")), "no text can hold"),
        (lambda: all_of(line("country", "is", "x" * 201)), "200 is the most"),
        (lambda: all_of(line("country", "is")), "has 0 values; give it 1"),
        (lambda: all_of(line("country", "like", "F%")), "operator 'like' not found"),
        (lambda: Rule(), "group without a line"),
    ],
)
def test_what_cannot_be_asked_is_told_in_one_sentence(shop: Warehouse, asked: Any, words: str) -> None:
    with pytest.raises(ChurnError, match=words) as told:
        meant(shop, asked())
    assert "\n" not in str(told.value)


def test_ranges_that_exclude_each_other_may_stand_in_an_or(shop: Warehouse) -> None:
    both = any_of(line("n_orders", "at_least", 2), line("n_orders", "at_most", 0))
    assert len(meant(shop, both)) == 40


def test_risk_before_the_first_scoring_is_not_known(warehouse: Warehouse) -> None:
    add_orders(warehouse, {"a": [3, 9]})
    with pytest.raises(NotFound, match="before customers are scored"):
        meant(warehouse, line("risk", "at_least", 0.5))
    assert count_rule(warehouse, all_of(line("n_orders", "is", 2))).mean_risk is None


_values = st.one_of(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20),
    st.integers(-(10**9), 10**9),
    st.booleans(),
)
_lines = st.builds(
    lambda field, operator, values: Line(field=field, operator=operator, values=tuple(values)),
    st.sampled_from([*FIELDS, "attribute:a", 'attribute:"b']),
    st.sampled_from(["one_of", "none_of"]),
    st.lists(_values, min_size=1, max_size=4),
)
_rules = st.recursive(
    st.builds(lambda parts: Rule(join="any", parts=tuple(parts)), st.lists(_lines, min_size=1, max_size=3)),
    lambda inner: st.builds(
        lambda join, parts: Rule(join=join, parts=tuple(parts)),
        st.sampled_from(["all", "any"]),
        st.lists(st.one_of(_lines, inner), min_size=1, max_size=3),
    ),
    max_leaves=4,
)


@settings(max_examples=60, deadline=None)
@given(rule=_rules)
def test_a_rule_comes_back_from_json_as_it_was(rule: Rule) -> None:
    assert rule_from_json(rule_json(rule)) == rule
    assert rule_sentence(rule).startswith("Customers whose ")


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(field=st.sampled_from(["country", "customer_id", "attribute:Plan/Type"]), text=st.text(max_size=30))
def test_any_text_is_a_value_or_refused_in_a_sentence(shop: Warehouse, field: str, text: str) -> None:
    try:
        found = meant(shop, any_of(line(field, "is", text), line(field, "contains", text)))
    except InputError:
        found = set()
    assert found <= {f"C{nr:03d}" for nr in range(40)}
    assert shop.n_rows("scores") == 40


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "3", '{"all": []}', '{"all": [], "any": []}', '{"all": [{"field": 3, "operator": "is"}]}',
     '{"all": [{"field": "risk", "operator": "is", "values": [[1]]}]}',
     '{"all": [{"field": "risk", "operator": "is", "sql": "1"}]}',
     '{"all": [{"field": "risk", "operator": "is", "values": [1e999]}]}', '{"all": ' * 50 + "1" + "}" * 50, "[" * 5000],
)  # fmt: skip
def test_json_that_is_no_rule_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(InputError) as told:
        rule_from_json(text)
    assert len(str(told.value)) < 400


def test_simple_words_are_the_same_rule() -> None:
    typed = rule_from_lines(["risk at least 50%", "country is not France", "last_order in last days 30"])
    assert typed == all_of(
        line("risk", "at_least", 0.5), line("country", "is_not", "France"), line("last_order", "in_last_days", 30)
    )
    assert line_from_text("email_consent is yes").values == (True,)
    assert line_from_text("mean_rating unknown").values == ()
    assert line_from_text("first_order between 2025-01-01 and 2025-12-31").values == ("2025-01-01", "2025-12-31")
    for text in ("", "risk", "risk 5", "nothing is 3"):
        with pytest.raises(ChurnError):
            line_from_text(text)


def test_the_sentence_names_every_line_as_people_say_it() -> None:
    rule = all_of(
        line("risk", "at_least", 0.125),
        line("last_message", "not_in_last_days", 1),
        any_of(line("tag", "is_not", "new"), line("first_order", "at_most", "2026-01-05"), line("country", "known")),
    )
    assert rule_sentence(rule) == (
        "Customers whose risk is at least 12.5 %, and last message is not in the last 1 day, and (tag is not 'new', "
        "or first order is on or before 5 Jan 2026, or country is known)."
    )


def test_the_sql_to_read_has_every_value_as_a_parameter(shop: Warehouse) -> None:
    asked = rule_sql(shop, all_of(line("country", "is", "France"), line("risk", "between", 0.1, 0.9)))
    assert asked.shown.splitlines() == [
        "SELECT f.customer_id",
        "FROM customer_facts AS f",
        "LEFT JOIN scores AS s ON s.run_id = $run_id AND s.customer_id = f.customer_id",
        "LEFT JOIN customers AS c ON c.customer_id = f.customer_id",
        "WHERE c.country = $value_0",
        "  AND s.risk BETWEEN $value_1 AND $value_2",
    ]
    assert [asked.parameters[f"value_{nr}"] for nr in range(3)] == ["France", 0.1, 0.9]


def test_days_are_counted_to_the_end_of_the_data(shop: Warehouse) -> None:
    end = facts_as_of(shop)
    assert end.date() == shop.value("SELECT max(order_time)::DATE + 1 FROM orders")
    recent = meant(shop, line("last_order", "in_last_days", 5))
    assert recent == meant(shop, line("days_since_last_order", "at_most", 5))
    assert recent == meant(shop, line("last_order", "at_least", (end.date() - pd.Timedelta(days=5)).isoformat()))
    assert 0 < len(recent) < 40


def test_a_saved_rule_works_wherever_segments_do(shop: Warehouse) -> None:
    rule = all_of(line("tier", "is", "high"))
    saved = save_rule_segment(shop, "  High   ones ", rule)
    assert (saved.name, saved.kind) == ("High ones", "rule")
    assert rule_from_json(saved.rule or "") == rule
    where = condition(CustomerFilter(segment_id=saved.segment_id), required_run(shop))
    listed = {row[0] for row in shop.rows(f"SELECT customer_id FROM scores WHERE {where.sql}", where.parameters)}
    assert listed == meant(shop, rule) != set()
    [standing] = standings(shop)
    assert standing.segment.n_members == standing.n_scored == len(listed)
    assert standing.value_at_risk == pytest.approx(count_rule(shop, rule).value_at_risk)
    with pytest.raises(InputError, match="exists already"):
        save_rule_segment(shop, "high ones", rule)
    with pytest.raises(InputError, match="give it 1 to 80"):
        save_rule_segment(shop, "  ", rule)
    assert len(segments(shop)) == 1


def test_overlaps_are_counted_by_hand(shop: Warehouse) -> None:
    rules = {
        "French": all_of(line("country", "is", "France")),
        "gold": all_of(line("attribute:Plan/Type", "is", "gold")),
        "nobody": all_of(line("n_orders", "at_least", 99)),
    }
    for name, rule in rules.items():
        save_rule_segment(shop, name, rule)
    found = overlaps(shop)
    sets = [meant(shop, rules[entry.name]) for entry in found.segments]
    assert [list(row) for row in found.n_shared] == [[len(one & other) for other in sets] for one in sets]
    nobody = [entry.name for entry in found.segments].index("nobody")
    assert found.share(nobody, 0) is None
    french, gold = (next(nr for nr, e in enumerate(found.segments) if e.name == name) for name in ("French", "gold"))
    assert found.share(french, gold) == 1.0
    assert found.share(gold, french) == 0.5
    delete_segment(shop, found.segments[0].segment_id)
    assert len(overlaps(shop).segments) == 2


def test_choices_hold_only_what_is_known(shop: Warehouse) -> None:
    choices = {choice.field.name: choice for choice in field_choices(shop)}
    assert {"risk", "tier", "n_orders", "country", "email_consent", "attribute:Age"} <= choices.keys()
    assert not {"n_returns", "last_visit", "tag", "segment", "city", "n_reviews"} & choices.keys()
    assert choices["country"].options == ("50% Land", "Côte d'Ivoire", "France")
    assert choices["attribute:Age"].options == ()
    assert attribute_field("Age").operators == choices["attribute:Age"].field.operators
