"""Lifecycle stages by hand and over time: exclusive, complete, with what was known on the day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from churn_core.customers.lifecycle import (
    LAPSED_GAPS,
    NEW_GAPS,
    STAGES,
    lifecycle,
    stage_movement,
    stage_of,
    stages_over_time,
    stages_sql,
)
from churn_core.customers.personal_rhythm import LATE_GAPS, rhythm, rhythms_sql
from churn_core.customers.rfm import orders_until
from churn_core.errors import NotEnoughData
from churn_core.features.shop_habits import habits
from churn_core.intake.derived import refresh_derived
from churn_core.warehouse import Warehouse

from .conftest import AS_OF, add_orders


def add_days(warehouse: Warehouse, days_before: dict[str, Sequence[int]]) -> None:
    """Orders so many days before AS_OF, with the gaps that an import fills in."""
    add_orders(warehouse, days_before)
    with warehouse.transaction() as tx:
        refresh_derived(tx)


def regular(start: int, gap: int, n: int) -> list[int]:
    """Days before AS_OF of so many orders with one gap, the last at ``start``."""
    return [start + gap * nr for nr in range(n)]


@pytest.fixture
def rhythmic(warehouse: Warehouse) -> Warehouse:
    """Regular customers with gaps of 20 days, one per stage, among many who differ little."""
    background: dict[str, Sequence[int]] = {f"B{nr}": regular(5 + nr % 9, 20, 30) for nr in range(20)}
    asked = {
        "on time": regular(15, 20, 40),
        "late": regular(55, 20, 40),
        "gone": regular(120, 20, 40),
        "back": [3, *regular(203, 20, 40)],
        "first": [4],
        "tried once": [400],
    }
    add_days(warehouse, background | asked)
    return warehouse


def test_one_customer_of_every_stage_by_hand(rhythmic: Warehouse) -> None:
    expected = {
        "on time": "active", "late": "late", "gone": "lapsed", "back": "returned", "first": "new",
        "tried once": "lapsed",
    }  # fmt: skip
    found = {customer: stage_of(rhythmic, customer) for customer in expected}
    assert {customer: stage.stage for customer, stage in found.items() if stage} == expected
    late = found["late"]
    assert late is not None
    assert late.silent_days == 53
    assert late.usual_gap_days == pytest.approx(21, abs=0.5)
    assert late.words == "late: 53 days since the last order, usual gap 21"
    assert stage_of(rhythmic, "nobody") is None


def test_stages_are_exclusive_and_complete(demo_shop: Warehouse) -> None:
    day = orders_until(demo_shop)
    known = habits(demo_shop)
    staged = stages_sql(demo_shop, known)
    rows = demo_shop.frame(f"SELECT * FROM ({staged.sql})", staged.parameters)
    customers = demo_shop.value("SELECT count(DISTINCT customer_id) FROM orders")
    assert len(rows) == rows["customer_id"].nunique() == customers
    found = lifecycle(demo_shop)
    assert found.n_customers == customers
    assert {stage.name: stage.n for stage in found.stages if stage.n} == Counter(rows["state"])
    assert tuple(stage.name for stage in found.stages) == tuple(STAGES)
    assert found.day == day
    assert set(rows.loc[rows["n_gaps"] == 0, "state"]) == {"new", "lapsed"}
    assert set(rows.loc[rows["n_gaps"] > 0, "state"]) == {"active", "returned", "late", "lapsed"}


@pytest.mark.parametrize("days_back", [0, 120])
def test_late_is_what_the_rhythm_calls_late(demo_shop: Warehouse, days_back: int) -> None:
    day = orders_until(demo_shop) - timedelta(days=days_back)
    known = habits(demo_shop, as_of=day)
    staged = stages_sql(demo_shop, known)
    rows = demo_shop.frame(f"SELECT * FROM ({staged.sql})", staged.parameters).set_index("customer_id")
    sql, parameters = rhythms_sql(known)
    rhythms = demo_shop.frame(f"SELECT * FROM ({sql})", parameters).set_index("customer_id").loc[rows.index]
    is_repeat = rhythms["n_gaps"] > 0
    limit = rhythms["due_days"].fillna(LATE_GAPS * rhythms["usual_gap_days"])
    is_late = is_repeat & (rhythms["days_since"] > limit)
    assert set(rows.loc[is_late, "state"]) == {"late", "lapsed"}
    assert set(rows.loc[is_repeat & ~is_late, "state"]) == {"active", "returned"}
    gaps = rhythms["days_since"] / rhythms["usual_gap_days"]
    assert ((gaps > LAPSED_GAPS) == (rows["state"] == "lapsed"))[is_late].all()
    assert ((gaps > NEW_GAPS) == (rows["state"] == "lapsed"))[~is_repeat].all()
    for customer_id in rows.index[::150]:
        one = rhythm(demo_shop, customer_id, known=known)
        assert one is not None
        assert one.is_late == (one.n_gaps > 0 and rows.loc[customer_id, "state"] in ("late", "lapsed"))


def test_whoever_returned_had_lapsed_the_day_before(demo_shop: Warehouse) -> None:
    known = habits(demo_shop)
    staged = stages_sql(demo_shop, known)
    rows = demo_shop.frame(f"SELECT * FROM ({staged.sql})", staged.parameters)
    waiting = demo_shop.rows(
        "SELECT customer_id, arg_max(gap_days, order_time), count(gap_days), sum(gap_days), year(min(order_time)) "
        "FROM orders GROUP BY customer_id HAVING count(gap_days) > 0"
    )
    states = dict(zip(rows["customer_id"], rows["state"], strict=True))
    n_returned = 0
    for customer_id, last_gap, n_gaps, gap_sum, year in waiting:
        usual = known.shrinkage.usual_gap_days(n_gaps - 1, gap_sum - last_gap, year)
        assert usual is not None
        group = 0 if n_gaps == 1 else 1 + sum(usual > edge for edge in known.edges)
        limit = NEW_GAPS * usual if n_gaps == 1 else max(LAPSED_GAPS * usual, known.alike[group].due_days or 0)
        if states[customer_id] in ("active", "returned"):
            assert (states[customer_id] == "returned") == (last_gap > limit)
            n_returned += states[customer_id] == "returned"
    assert n_returned > 5


def test_nobody_lapses_before_the_day_by_which_most_would_have_ordered(warehouse: Warehouse) -> None:
    shop: dict[str, Sequence[int]] = {f"Q{nr}": regular(1 + nr % 5, 10, 20) for nr in range(40)}
    shop |= {"waits": regular(35, 10, 20), "gone": regular(300, 10, 20)}
    add_days(warehouse, shop)
    known = habits(warehouse)
    assert known.alike[1].due_days == 10
    slow = replace(known, alike=tuple(replace(group, due_days=200) for group in known.alike))
    for habit, expected in ((known, "late"), (slow, "active")):
        stage = stage_of(warehouse, "waits", known=habit)
        assert stage is not None
        assert stage.stage == expected
    gone = stage_of(warehouse, "gone", known=slow)
    assert gone is not None
    assert gone.stage == "lapsed"


def test_orders_after_the_day_change_no_stage(demo_copy: Warehouse) -> None:
    day = orders_until(demo_copy) - timedelta(days=130)
    before = lifecycle(demo_copy, day)
    with demo_copy.transaction() as tx:
        tx.execute("DELETE FROM orders WHERE order_time >= $day", {"day": day})
    after = lifecycle(demo_copy, day)
    assert [stage.n for stage in after.stages] == [stage.n for stage in before.stages]
    assert before.n_customers > 500


def test_months_are_the_stages_of_those_days(demo_shop: Warehouse) -> None:
    months = stages_over_time(demo_shop, n_months=3)
    assert len(months) in (3, 4)
    assert months[-1].day == orders_until(demo_shop)
    assert {month.day.day for month in months[:-1]} == {1}
    again = lifecycle(demo_shop, months[1].day)
    assert [stage.n for stage in months[1].stages] == [stage.n for stage in again.stages]
    assert [month.n_customers for month in months] == sorted(month.n_customers for month in months)


def test_movement_between_stages_adds_up(demo_shop: Warehouse) -> None:
    second = orders_until(demo_shop)
    first = second - timedelta(days=60)
    moves = stage_movement(demo_shop, first, second)
    for day, counted in ((first, moves.n_before), (second, moves.n_after)):
        assert {name: counted(name) for name in STAGES} == {s.name: s.n for s in lifecycle(demo_shop, day).stages}
    assert moves.n("lapsed", "new") == moves.n("active", "new") == 0
    assert moves.n("lapsed", "returned") > 0


def test_a_shop_where_nobody_ordered_twice_says_what_stands_in_for_the_gap(warehouse: Warehouse) -> None:
    add_days(warehouse, {f"C{nr}": [1 + 7 * nr] for nr in range(60)})
    found = lifecycle(warehouse)
    assert "there is no usual gap" in found.note
    assert {stage.name for stage in found.stages if stage.n} == {"new", "lapsed"}
    assert all(stage.mean_gap_days is None for stage in found.stages)
    assert found.stages[2].n > 0
    one = stage_of(warehouse, "C0")
    assert one is not None
    assert one.words.endswith("nobody in the shop has ordered on two days yet")


def test_one_customer_alone_is_staged(warehouse: Warehouse) -> None:
    add_days(warehouse, {"only": [3]})
    assert [stage.n for stage in lifecycle(warehouse).stages] == [0, 0, 1, 0, 0]


def test_without_orders_there_is_one_sentence(warehouse: Warehouse) -> None:
    with pytest.raises(NotEnoughData, match="there are no orders yet"):
        lifecycle(warehouse)
    assert stage_of(warehouse, "a", as_of=AS_OF) is None
