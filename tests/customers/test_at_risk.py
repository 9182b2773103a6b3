"""The list means what its filter says, whatever the values, and its pages and totals agree."""

from __future__ import annotations

import pandas as pd
import pytest

from churn_core.customers.at_risk import count_and_totals, page, reason_totals
from churn_core.customers.attributes import attributes
from churn_core.customers.segments import delete_segment, save_segment, segments
from churn_core.customers.selection import SORTS, CustomerFilter
from churn_core.errors import InputError, NotEnoughData, NotFound
from churn_core.warehouse import Warehouse

from .conftest import add_customers, add_orders, add_run

JOINED = "FROM scores s LEFT JOIN customers c USING (customer_id) WHERE run_id = 1 AND "

CASES = {
    "tier": (CustomerFilter(tiers=("high",)), "tier = 'high'"),
    "two tiers": (CustomerFilter(tiers=("high", "low")), "tier <> 'medium'"),
    "value": (CustomerFilter(min_value=50, max_value=200), "value_at_risk BETWEEN 50 AND 200"),
    "risk": (CustomerFilter(min_risk=0.3, max_risk=0.6), "risk BETWEEN 0.3 AND 0.6"),
    "reason group": (CustomerFilter(reason_groups=("recency",)), "main_group = 'recency'"),
    "reason": (CustomerFilter(reasons=("n_tickets_90", "n_order_days_90")), "main_reason <> 'days_since_last_order'"),
    "attribute": (CustomerFilter(attributes=(("country", "Côte d'Ivoire"),)), "country LIKE 'C%Ivoire'"),
    "any of two": (
        CustomerFilter(attributes=(("country", "France"), ("country", "50% Land"))),
        "country IN ('France', '50% Land')",
    ),
    "all of two": (
        CustomerFilter(attributes=(("country", "France"), ("email_consent", "yes"))),
        "country = 'France' AND email_consent",
    ),
    "json attribute": (
        CustomerFilter(attributes=(("Plan/Type", "gold"),)),
        "json_extract_string(attributes, '$.\"Plan/Type\"') = 'gold'",
    ),
    "range": (CustomerFilter(ranges=(("Age", 25, 40),)), "CAST(attributes->>'$.Age' AS INT) BETWEEN 25 AND 40"),
    "half range": (CustomerFilter(ranges=(("Age", None, 30),)), "CAST(attributes->>'$.Age' AS INT) <= 30"),
    "search id": (CustomerFilter(search=" c01 "), "s.customer_id LIKE 'C01%'"),
    "search name": (CustomerFilter(search="NAME 8"), "name = 'Name 8'"),
    "search e-mail": (CustomerFilter(search="c03"), "email LIKE 'c03%'"),
    "by hand": (CustomerFilter(customer_ids=("C003", "C017")), "s.customer_id IN ('C003', 'C017')"),
    "everybody": (CustomerFilter(), "true"),
}  # fmt: skip


def _ids(warehouse: Warehouse, chosen: CustomerFilter) -> set[str]:
    return set(page(warehouse, chosen, limit=1000)["customer_id"])


@pytest.mark.parametrize("case", CASES)
def test_a_filter_means_the_same_customers_as_sql_written_by_hand(shop: Warehouse, case: str) -> None:
    chosen, by_hand = CASES[case]
    expected = {row[0] for row in shop.rows(f"SELECT s.customer_id {JOINED} {by_hand}")}
    assert expected
    assert _ids(shop, chosen) == expected
    assert count_and_totals(shop, chosen).n_customers == len(expected)


def test_filters_narrow_each_other(shop: Warehouse) -> None:
    both = CustomerFilter(tiers=("high",), attributes=(("country", "France"),), min_value=10, search="c0")
    expected = (
        _ids(shop, CustomerFilter(tiers=("high",)))
        & _ids(shop, CustomerFilter(attributes=(("country", "France"),)))
        & _ids(shop, CustomerFilter(min_value=10))
        & _ids(shop, CustomerFilter(search="c0"))
    )
    assert _ids(shop, both) == expected


def test_hostile_values_find_exactly_their_own_customer(warehouse: Warehouse, hostile: tuple[str, ...]) -> None:
    add_customers(
        warehouse,
        [
            {"customer_id": text, "name": f"n{text}", "city": text, "country": text, "attributes": {text: text}}
            for text in hostile
        ],
    )
    add_run(warehouse, dict.fromkeys(hostile, 0.8), main_reason={text: text for text in hostile})
    for text in hostile:
        for chosen in (
            CustomerFilter(search=text),
            CustomerFilter(search=f"n{text}"),
            CustomerFilter(customer_ids=(text,)),
            CustomerFilter(reasons=(text,)),
            CustomerFilter(attributes=(("city", text), ("country", text))),
            CustomerFilter(attributes=((text, text),)),
        ):
            assert _ids(warehouse, chosen) == {text}
        assert _ids(warehouse, CustomerFilter(reason_groups=(text,))) == set()
        assert _ids(warehouse, CustomerFilter(ranges=((text, 0, None),))) == ({text} if text == "00042" else set())
    assert warehouse.n_rows("scores") == len(hostile)


def test_a_hostile_segment_name_is_kept_as_it_is(shop: Warehouse, hostile: tuple[str, ...]) -> None:
    for text in hostile:
        save_segment(shop, text, CustomerFilter(tiers=("high",), search="c"))
    assert {segment.name for segment in segments(shop)} == {" ".join(text.split()) for text in hostile}


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("descending", [True, False])
def test_pages_are_in_order_complete_and_without_repeats(shop: Warehouse, sort: str, descending: bool) -> None:
    chosen = CustomerFilter(sort=sort, descending=descending)
    whole = page(shop, chosen, limit=1000)
    paged = pd.concat([page(shop, chosen, offset=offset, limit=7) for offset in range(0, 42, 7)], ignore_index=True)
    pd.testing.assert_frame_equal(paged, whole)
    assert sorted(whole["customer_id"]) == [f"C{nr:03d}" for nr in range(40)]
    known = whole[sort].dropna()
    assert list(known) == sorted(known, reverse=descending)
    assert whole[sort].isna().sum() == whole[sort].tail(len(whole) - len(known)).isna().sum(), "unknown come last"


def test_ties_do_not_move_between_pages(warehouse: Warehouse) -> None:
    add_run(warehouse, {f"{nr:03d}": 0.5 for nr in range(100)})
    pages = [page(warehouse, CustomerFilter(sort="risk"), offset=offset, limit=9) for offset in range(0, 100, 9)]
    assert list(pd.concat(pages)["customer_id"]) == [f"{nr:03d}" for nr in range(100)]


@pytest.mark.parametrize("case", CASES)
def test_totals_agree_with_the_sum_over_all_pages(shop: Warehouse, case: str) -> None:
    chosen, _ = CASES[case]
    totals = count_and_totals(shop, chosen)
    rows = pd.concat([page(shop, chosen, offset=offset, limit=9) for offset in range(0, 45, 9)])
    assert totals.n_customers == len(rows) == sum(tier.n_customers for tier in totals.tiers)
    assert totals.value_at_risk == pytest.approx(rows["value_at_risk"].sum())
    assert totals.expected_value == pytest.approx(rows["expected_value"].sum())
    assert totals.mean_risk == pytest.approx(rows["risk"].mean())
    assert totals.n_value_known == rows["value_at_risk"].notna().sum()
    for tier in totals.tiers:
        assert tier.n_customers == (rows["tier"] == tier.tier).sum()
        assert (tier.value_at_risk or 0) == pytest.approx(rows.loc[rows["tier"] == tier.tier, "value_at_risk"].sum())
    assert totals.n_scored == 40


def test_main_reasons_are_those_of_the_latest_run_most_frequent_first(warehouse: Warehouse) -> None:
    add_run(warehouse, {"a": 0.5}, main_reason={"a": "old"})
    add_run(warehouse, dict.fromkeys("abcd", 0.5), main_reason={"a": "x", "b": "y", "c": "y", "d": None})
    found = reason_totals(warehouse, CustomerFilter(), by_feature=True)
    assert [(reason.name, reason.n_customers, reason.value_at_risk) for reason in found] == [
        ("y", 2, 100),
        ("x", 1, 50),
    ]


def test_nobody_is_counted_as_nobody_and_unknown_value_is_not_zero(shop: Warehouse) -> None:
    nobody = count_and_totals(shop, CustomerFilter(search="nobody has this"))
    assert (nobody.n_customers, nobody.value_at_risk, nobody.mean_risk) == (0, None, None)
    unknown = count_and_totals(shop, CustomerFilter(customer_ids=("C007",)))
    assert (unknown.n_customers, unknown.n_value_known, unknown.value_at_risk) == (1, 0, None)


def test_days_since_last_order_are_counted_at_the_cutoff_and_never_look_ahead(warehouse: Warehouse) -> None:
    add_orders(warehouse, {"a": [62, 70], "b": [1], "late": [30, -5]})
    add_run(warehouse, {"a": 0.5, "b": 0.4, "late": 0.6, "never": 0.3})
    rows = page(warehouse, CustomerFilter(sort="customer_id", descending=False)).set_index("customer_id")
    days = rows["days_since_last_order"]
    assert days.dropna().to_dict() == {"a": 62, "b": 1, "late": 30}
    assert list(days.index[days.isna()]) == ["never"]


@pytest.mark.parametrize("sort", ["value_at_risk", "days_since_last_order"])
def test_days_since_last_order_are_the_same_from_the_run_and_from_the_orders(shop: Warehouse, sort: str) -> None:
    from_run = page(shop, CustomerFilter(sort=sort), limit=1000)
    with shop.transaction() as tx:
        tx.execute("UPDATE score_runs SET feature_names = ['a', 'b', 'c']")
    pd.testing.assert_frame_equal(page(shop, CustomerFilter(sort=sort), limit=1000), from_run)
    assert from_run["days_since_last_order"].isna().sum() == 4, "some have no order"


def test_the_list_is_about_the_latest_run_only(warehouse: Warehouse) -> None:
    add_run(warehouse, {"a": 0.9, "gone": 0.9})
    add_run(warehouse, {"a": 0.1, "b": 0.8})
    assert _ids(warehouse, CustomerFilter()) == {"a", "b"}
    assert count_and_totals(warehouse, CustomerFilter(tiers=("high",))).n_customers == 1


def test_only_new_are_high_now_and_were_not_before(warehouse: Warehouse) -> None:
    add_run(warehouse, {"stays": 0.9, "rises": 0.3, "falls": 0.9})
    chosen = CustomerFilter(only_new=True)
    assert _ids(warehouse, chosen) == set(), "without an earlier run nothing is new"
    add_run(warehouse, {"stays": 0.95, "rises": 0.8, "falls": 0.2, "appears": 0.75})
    assert _ids(warehouse, chosen) == {"rises", "appears"}


def test_a_snapshot_run_is_filtered_by_the_attributes_of_its_own_table(warehouse: Warehouse) -> None:
    frame = pd.DataFrame(
        {
            "customer_id": ["1", "2"],
            "churned": [False, False],
            "attributes": ['{"Contract": "Month-to-month", "tenure": 3}', '{"Contract": "Two year", "tenure": 40}'],
        }
    )
    with warehouse.transaction() as tx:
        tx.append("snapshots", frame)
    add_run(warehouse, {"1": 0.8, "2": 0.1}, source="snapshots", as_of=None)
    assert _ids(warehouse, CustomerFilter(attributes=(("Contract", "Two year"),))) == {"2"}
    assert _ids(warehouse, CustomerFilter(ranges=(("tenure", None, 10),))) == {"1"}
    assert [attribute.name for attribute in attributes(warehouse, "snapshots")] == ["Contract", "tenure"]


def test_attributes_offer_values_by_frequency_and_numbers_as_a_range(shop: Warehouse) -> None:
    found = {attribute.name: attribute for attribute in attributes(shop, "orders")}
    assert list(found) == ["country", "email_consent", "Plan/Type", "Age"], "in the order of the file"
    assert found["country"].options == ("50% Land", "Côte d'Ivoire", "France")
    assert found["Plan/Type"].options == ("gold", "silver")
    assert (found["Age"].is_number, found["Age"].low, found["Age"].high) == (True, 20, 59)


def test_a_segment_keeps_its_members_when_risks_change(shop: Warehouse) -> None:
    high = _ids(shop, CustomerFilter(tiers=("high",)))
    saved = save_segment(shop, "  June  call list ", CustomerFilter(tiers=("high",)))
    assert (saved.name, saved.n_members) == ("June call list", len(high))
    assert saved.meaning.startswith("high tier")
    add_run(shop, {f"C{nr:03d}": 0.1 for nr in range(40)})
    assert _ids(shop, CustomerFilter(segment_id=saved.segment_id)) == high
    delete_segment(shop, saved.segment_id)
    assert segments(shop) == ()
    assert shop.n_rows("segment_members") == 0
    with pytest.raises(NotFound, match="no segment"):
        delete_segment(shop, saved.segment_id)


def test_a_segment_needs_a_free_name_and_somebody_in_it(shop: Warehouse) -> None:
    save_segment(shop, "VIP", CustomerFilter(tiers=("high",)))
    with pytest.raises(InputError, match="exists already"):
        save_segment(shop, "vip", CustomerFilter())
    with pytest.raises(InputError, match="0 characters"):
        save_segment(shop, "   ", CustomerFilter())
    with pytest.raises(NotEnoughData, match="nobody"):
        save_segment(shop, "none", CustomerFilter(search="nobody has this"))
    assert [segment.name for segment in segments(shop)] == ["VIP"]


def test_choices_that_make_no_sense_are_refused_in_one_sentence(shop: Warehouse) -> None:
    with pytest.raises(NotFound, match="did you mean 'high'"):
        CustomerFilter(tiers=("hihg",))
    with pytest.raises(NotFound, match="order 'password'"):
        CustomerFilter(sort="password")
    with pytest.raises(InputError, match="swap them"):
        CustomerFilter(min_value=5, max_value=1)
    with pytest.raises(InputError, match="between 0 and 1"):
        CustomerFilter(min_risk=40)
    with pytest.raises(InputError, match="page of 0 rows"):
        page(shop, CustomerFilter(), limit=0)


def test_before_the_first_scoring_the_list_says_what_to_do(warehouse: Warehouse) -> None:
    for ask in (lambda: page(warehouse, CustomerFilter()), lambda: count_and_totals(warehouse, CustomerFilter())):
        with pytest.raises(NotEnoughData, match="train a model and score first"):
            ask()
