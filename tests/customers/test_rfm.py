"""RFM by hand and against pandas: ties, thresholds, point in time, movement, members, and shops with little in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product

import numpy as np
import pandas as pd
import pytest

from churn_core.customers.moves import NOT_YET
from churn_core.customers.rfm import RfmTable, orders_until, rfm, rfm_of, scored_sql, thresholds
from churn_core.customers.rfm_members import RfmChoice, save_choice
from churn_core.customers.rfm_outlook import outlook, rfm_movement
from churn_core.customers.rfm_rule import GROUPS, SCORES, RfmRule, Thresholds, same_rule
from churn_core.customers.rfm_rules import activate_rule, active_rule, save_rule, saved_rules
from churn_core.customers.segments import segments
from churn_core.errors import ChurnError, InputError, NotEnoughData, NotFound
from churn_core.features.definition import save_definition
from churn_core.timeline import ChurnDefinition
from churn_core.warehouse import Warehouse

from .conftest import AS_OF, add_orders, add_run

PARTS = ["recency", "frequency", "money"]
OF_ALL = RfmRule(base_days=None)
OWN = RfmRule(
    kind="rule", thresholds=Thresholds(recency=(100, 60, 30, 10), frequency=(2, 3, 4, 5), money=(30, 60, 90, 120))
)


def own(**limits: tuple[float | None, ...]) -> dict[str, object]:
    """What makes a rule of own thresholds, with some of them replaced."""
    usual = Thresholds(recency=(9, 7, 5, 3), frequency=(1, 2, 3, 4), money=(1, 2, 3, 4))
    return {"kind": "rule", "thresholds": replace(usual, **limits)}


def add_amounts(warehouse: Warehouse, rows: Sequence[tuple[str, int, float | None]]) -> None:
    """Orders as customer, days before AS_OF and amount."""
    frame = pd.DataFrame(
        {
            "customer_id": [row[0] for row in rows],
            "order_id": [f"A{nr}" for nr in range(len(rows))],
            "order_time": [AS_OF - timedelta(days=row[1]) + timedelta(hours=12) for row in rows],
            "amount": pd.Series([row[2] for row in rows], dtype="float64"),
        }
    )
    with warehouse.transaction() as tx:
        tx.append("orders", frame)
        tx.bump_data_version()


def scored(warehouse: Warehouse, rule: RfmRule, day: datetime = AS_OF) -> pd.DataFrame:
    """Facts and scores of every customer."""
    made = scored_sql(rule, thresholds(warehouse, rule, day), day)
    return warehouse.frame(f"SELECT * FROM ({made.sql}) ORDER BY customer_id", made.parameters).set_index("customer_id")


def fifth(values: pd.Series, base: pd.Series, *, is_less_better: bool = False) -> pd.Series:
    """The score by mid-rank among the base, as pandas ranks."""
    sign = -1 if is_less_better else 1
    ranks = (sign * values[base]).rank(method="average")
    inside = np.floor(5 * (ranks - 0.5) / base.sum() + 1e-9).astype(int) + 1
    least = {score: (sign * values[base])[inside >= score].min() for score in SCORES[1:] if (inside >= score).any()}
    return sum(((sign * values) >= limit).astype(int) for limit in least.values()) + 1


def test_every_combination_of_scores_belongs_to_exactly_one_group() -> None:
    found = {scores: RfmRule().group(*scores) for scores in product(SCORES, SCORES, SCORES)}
    assert len(found) == 125
    assert set(found.values()) == set(GROUPS)
    for scores, group in found.items():
        assert sum(group == name for name in GROUPS) == 1, scores
    with pytest.raises(InputError, match="scores are from 1 to 5"):
        RfmRule().group(0, 1, 1)


def test_five_customers_by_hand(warehouse: Warehouse) -> None:
    add_amounts(
        warehouse,
        [
            ("a", 1, 10), ("a", 2, 10), ("a", 3, 10), ("a", 4, 10), ("a", 5, 100),
            ("b", 20, 30), ("b", 25, 30), ("b", 26, 20), ("b", 27, 20),
            ("c", 40, 25), ("c", 41, 25), ("c", 42, 10), ("d", 70, 20), ("d", 71, 20), ("e", 200, 5),
        ],
    )  # fmt: skip
    by_fifths = scored(warehouse, OF_ALL)
    assert list(by_fifths.loc["a", ["recency_days", "n_orders", "spend_amount"]]) == [1, 5, 140.0]
    assert by_fifths[["recency", "frequency", "money"]].to_numpy().tolist() == [[s, s, s] for s in (5, 4, 3, 2, 1)]
    assert by_fifths["rfm_group"].tolist() == ["champions", "loyal", "needs attention", "hibernating", "lost"]
    by_rule = scored(warehouse, OWN)
    assert by_rule[["recency", "frequency", "money"]].to_numpy().tolist() == [
        [5, 5, 5], [4, 4, 4], [3, 3, 3], [2, 2, 2], [1, 1, 1],
    ]  # fmt: skip
    table = rfm(warehouse, rule=OF_ALL)
    assert {name: cell.n for name, cell in table.groups.items() if cell.n} == dict.fromkeys(by_fifths["rfm_group"], 1)
    assert table.groups["champions"].spend_amount == 140.0


def test_the_grid_of_sql_is_the_grid_of_the_rule(demo_shop: Warehouse) -> None:
    day = orders_until(demo_shop)
    found = scored(demo_shop, OF_ALL, day)
    limits = thresholds(demo_shop, OF_ALL, day)
    assert len(found.groupby(["recency", "frequency", "money"])) > 40
    for row in found.to_dict("records"):
        spend = None if pd.isna(row["spend_amount"]) else row["spend_amount"]
        scores = tuple(row[part] for part in PARTS)
        assert limits.scores(row["recency_days"], row["n_orders"], spend) == scores
        assert OF_ALL.group(*scores) == row["rfm_group"]


@pytest.mark.parametrize("rule", [OF_ALL, RfmRule(), RfmRule(base_days=90, window_days=365)])
def test_scores_are_those_of_pandas(demo_shop: Warehouse, rule: RfmRule) -> None:
    day = datetime(*orders_until(demo_shop).timetuple()[:3]) - timedelta(days=100)
    orders = demo_shop.frame("SELECT customer_id, order_time, CAST(amount AS DOUBLE) AS amount FROM orders")
    orders = orders[orders["order_time"] < day]
    last = orders.groupby("customer_id")["order_time"].max()
    counted = orders[orders["order_time"] >= day - timedelta(days=rule.window_days)] if rule.window_days else orders
    expected = pd.DataFrame(
        {
            "recency_days": (pd.Timestamp(day) - last.dt.normalize()).dt.days,
            "n_orders": counted.groupby("customer_id").size().reindex(last.index, fill_value=0),
            "spend_amount": counted.groupby("customer_id")["amount"].sum().round(2).reindex(last.index, fill_value=0.0),
        }
    )
    base = expected["recency_days"] <= (rule.base_days or 10**6)
    expected["recency"] = fifth(expected["recency_days"], base, is_less_better=True)
    expected["frequency"] = fifth(expected["n_orders"], base)
    expected["money"] = fifth(expected["spend_amount"], base)
    found = scored(demo_shop, rule, day)[list(expected)]
    assert len(found) > 500
    pd.testing.assert_frame_equal(found, expected, check_dtype=False, check_names=False)


def test_equal_values_get_equal_scores_where_ntile_would_cut_through_them(warehouse: Warehouse) -> None:
    add_orders(warehouse, {f"C{nr:02d}": range(1 + nr, 2 + nr + (nr >= 12)) for nr in range(20)})
    found = scored(warehouse, OF_ALL)
    assert found.groupby("n_orders")["frequency"].nunique().tolist() == [1, 1]
    assert sorted(found["frequency"].unique()) == [2, 5]
    cut = warehouse.rows(
        "SELECT n, count(DISTINCT part) FROM (SELECT n, ntile(5) OVER (ORDER BY n, customer_id) AS part FROM "
        "(SELECT customer_id, count(*) AS n FROM orders GROUP BY 1)) GROUP BY n"
    )
    assert max(parts for _, parts in cut) > 1


def test_orders_after_the_day_change_nothing(demo_copy: Warehouse) -> None:
    day = orders_until(demo_copy) - timedelta(days=150)
    before = rfm(demo_copy, day)
    movement = rfm_movement(demo_copy, day - timedelta(days=90), day)
    with demo_copy.transaction() as tx:
        tx.execute("DELETE FROM orders WHERE order_time >= $day", {"day": day})
    assert before.everybody.n > 500
    assert rfm(demo_copy, day).cells == before.cells
    assert rfm_movement(demo_copy, day - timedelta(days=90), day).moves == movement.moves


def test_an_order_on_the_midnight_itself_is_not_seen(warehouse: Warehouse) -> None:
    add_amounts(warehouse, [("a", 5, 10.0), ("b", 8, 10.0)])
    with warehouse.transaction() as tx:
        tx.execute(
            "INSERT INTO orders (customer_id, order_id, order_time, amount) VALUES ('a', 'x', $t, 500)", {"t": AS_OF}
        )
    assert rfm(warehouse, AS_OF).everybody.spend_amount == 20.0
    assert rfm(warehouse).everybody.spend_amount == 520.0


def test_movement_adds_up_to_both_days(demo_shop: Warehouse) -> None:
    second = orders_until(demo_shop)
    first = second - timedelta(days=120)
    moves = rfm_movement(demo_shop, first, second)
    tables = rfm(demo_shop, first), rfm(demo_shop, second)
    assert {name: moves.n_before(name) for name in GROUPS} == {name: c.n for name, c in tables[0].groups.items()}
    assert {name: moves.n_after(name) for name in GROUPS} == {name: c.n for name, c in tables[1].groups.items()}
    assert moves.n_before(NOT_YET) == tables[1].everybody.n - tables[0].everybody.n > 0
    assert moves.n_moved + sum(moves.n(name, name) for name in GROUPS) == moves.n_known
    assert 0 < moves.n_worse() < moves.n_moved
    spent = sum(move.spend_between or 0.0 for move in moves.moves)
    between = demo_shop.value(
        "SELECT sum(amount) FROM orders WHERE order_time >= $first AND order_time < $second",
        {"first": first, "second": second},
    )
    assert spent == pytest.approx(float(between))
    with pytest.raises(InputError, match="choose a later second day"):
        rfm_movement(demo_shop, second, first)


def test_churn_rates_after_are_those_of_a_plain_loop(demo_copy: Warehouse) -> None:
    save_definition(demo_copy, ChurnDefinition(horizon_days=60, activity_days=200, lead_days=5))
    found = outlook(demo_copy)
    assert len(found.days) == 3
    orders = demo_copy.frame("SELECT customer_id, order_time FROM orders")
    counted = dict.fromkeys(GROUPS, (0, 0))
    for day in found.days:
        groups = scored(demo_copy, RfmRule(), day)["rfm_group"].to_dict()
        last = orders[orders["order_time"] < day].groupby("customer_id")["order_time"].max().to_dict()
        start = day + timedelta(days=5)
        is_after = (orders["order_time"] >= start) & (orders["order_time"] < start + timedelta(days=60))
        stayed = set(orders[is_after]["customer_id"])
        for customer, group in groups.items():
            if last[customer] >= day - timedelta(days=200):
                n, n_churned = counted[group]
                counted[group] = (n + 1, n_churned + (customer not in stayed))
    assert {name: (rate.n, rate.n_churned) for name, rate in found.groups.items()} == counted
    rates = [found.groups[name].churn_rate for name in ("champions", "loyal", "needs attention")]
    assert all(rate is not None for rate in rates)
    assert rates == sorted(rates)  # type: ignore[type-var]
    assert all(found.days[nr + 1] - found.days[nr] >= timedelta(days=65) for nr in range(2))


def test_an_edited_rule_is_a_new_version_and_the_old_one_comes_back(demo_copy: Warehouse) -> None:
    assert active_rule(demo_copy) == RfmRule()
    before = rfm(demo_copy).groups
    limits = Thresholds(recency=(300, 120, 60, 30), frequency=(2, 4, 8, 16), money=(50, 100, 400, 800))
    saved = save_rule(demo_copy, RfmRule(kind="rule", thresholds=limits))
    assert rfm(demo_copy).rule == active_rule(demo_copy) == saved
    assert rfm(demo_copy).thresholds == limits
    assert {name: cell.n for name, cell in rfm(demo_copy).groups.items()} != {name: c.n for name, c in before.items()}
    save_rule(demo_copy, RfmRule())
    activate_rule(demo_copy, 1)
    assert [(entry.rule.version, entry.is_active) for entry in saved_rules(demo_copy)] == [(2, False), (1, True)]
    actions = [row[0] for row in demo_copy.rows("SELECT action FROM audit_log ORDER BY entry DESC LIMIT 3")]
    assert actions == ["rfm rule activated", "rfm rule saved", "rfm rule saved"]
    assert saved_rules(demo_copy)[0].saved_by
    with pytest.raises(NotFound, match="no RFM rule 9"):
        activate_rule(demo_copy, 9)


def test_a_rule_survives_being_stored() -> None:
    grid = (("lost",) * 5, *RfmRule().grid[1:])
    for rule in (RfmRule(), OWN, RfmRule(base_days=None, window_days=30, grid=grid)):
        assert RfmRule.from_json(rule.to_json()) == rule
    assert same_rule(replace(OWN, version=3), replace(OWN, base_days=None))
    assert not same_rule(OWN, RfmRule())


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"kind": "decile"}, "kind of RFM rule 'decile' not found"),
        ({"window_days": 0}, "the window is 0 days"),
        ({"base_days": -1}, "the base of the fifths is -1 days"),
        ({"grid": (("lost",) * 5,) * 4}, "five rows"),
        ({"grid": (("lost",) * 4 + ("gone",),) * 5}, "RFM group 'gone' not found"),
        ({"kind": "rule"}, "own thresholds belong"),
        (
            own(recency=(10, 20, 30, 40)),
            "thresholds of recency are 10, 20, 30, 40; a higher score must ask for fewer days",
        ),
        (
            own(frequency=(2, 2, 3, 4)),
            "thresholds of orders are 2, 2, 3, 4",
        ),
        (
            own(money=(1, None, 3, 4)),
            "thresholds of spend need a number",
        ),
    ],
)  # fmt: skip
def test_an_impossible_rule_is_refused_in_one_sentence(changed: dict[str, object], words: str) -> None:
    with pytest.raises(ChurnError) as refused:
        RfmRule(**changed)  # type: ignore[arg-type]
    assert words in str(refused.value)


def test_value_at_risk_comes_from_the_scoring_known_on_the_day(warehouse: Warehouse) -> None:
    add_orders(warehouse, {"a": [1, 5, 9], "b": [40, 80], "c": [3]})
    add_run(warehouse, {"a": 0.2, "b": 0.8}, values={"a": 100.0, "b": None}, as_of=AS_OF)
    found = rfm(warehouse, AS_OF)
    assert found.run_as_of == AS_OF
    assert (found.everybody.n_scored, found.everybody.mean_risk) == (2, pytest.approx(0.5))
    assert found.everybody.value_at_risk == pytest.approx(20.0)
    earlier = rfm(warehouse, AS_OF - timedelta(days=2))
    assert (earlier.run_id, earlier.everybody.mean_risk, earlier.everybody.value_at_risk) == (None, None, None)


def test_one_customer_is_scored_like_everybody(demo_shop: Warehouse) -> None:
    day = orders_until(demo_shop)
    found = scored(demo_shop, RfmRule(), day)
    for customer in found.index[:: len(found) // 5]:
        one = rfm_of(demo_shop, customer)
        assert one is not None
        assert (one.recency, one.frequency, one.money) == tuple(found.loc[customer, ["recency", "frequency", "money"]])
        assert one.group == found.loc[customer, "rfm_group"]
        assert one == rfm_of(demo_shop, customer, known=thresholds(demo_shop, RfmRule(), day))
    assert rfm_of(demo_shop, "nobody'; DROP TABLE orders; --") is None


def test_a_group_and_a_square_are_kept_as_segments(demo_copy: Warehouse) -> None:
    found = rfm(demo_copy)
    group = save_choice(demo_copy, RfmChoice(group="champions"))
    square = save_choice(demo_copy, RfmChoice(recency=5, frequency=5), "The very best")
    assert (group.n_members, square.n_members) == (found.groups["champions"].n, found.square(5, 5).n)
    assert group.kind == "members"
    assert group.name.startswith("RFM champions, ")
    assert save_choice(demo_copy, RfmChoice(group="champions")) == group
    assert len(segments(demo_copy)) == 2
    members = {row[0] for row in demo_copy.rows("SELECT customer_id FROM segment_members WHERE segment_id = 1")}
    table = scored(demo_copy, RfmRule(), found.day)
    assert members == set(table.index[table["rfm_group"] == "champions"])
    save_rule(demo_copy, OWN)
    again = save_choice(demo_copy, RfmChoice(group="champions"))
    assert again.name == f"{group.name} (2)"
    with pytest.raises(InputError, match="exists already"):
        save_choice(demo_copy, RfmChoice(group="lost"), "The very best")
    with pytest.raises(InputError, match="choose an RFM group, or scores"):
        RfmChoice(recency=7, frequency=1)


def test_a_group_without_anybody_is_not_saved(warehouse: Warehouse) -> None:
    add_orders(warehouse, {"a": [1], "b": [1]})
    with pytest.raises(NotEnoughData, match="nobody is in RFM lost"):
        save_choice(warehouse, RfmChoice(group="lost"))
    assert segments(warehouse) == ()


def notes(found: RfmTable) -> str:
    return "\n".join(found.notes)


def test_everybody_the_same_is_said_and_scored_in_the_middle(warehouse: Warehouse) -> None:
    add_orders(warehouse, {f"C{nr}": [7] for nr in range(30)})
    found = rfm(warehouse)
    assert [(cell.recency, cell.frequency, cell.money, cell.n) for cell in found.cells] == [(3, 3, 3, 30)]
    assert "Everybody has ordered once, so frequency tells nobody apart: all get 3." in found.notes
    assert "ordered last on the same day" in notes(found)
    assert "spent the same" in notes(found)


def test_zero_and_negative_spend_rank_lowest_and_are_said(warehouse: Warehouse) -> None:
    add_amounts(warehouse, [(f"C{nr}", 3 + nr, float(nr * 10 - 20)) for nr in range(30)])
    found = rfm(warehouse)
    assert "3 of 30 customers have a spend of zero or less; they rank below everybody who paid." in found.notes
    assert set(scored(warehouse, OF_ALL).loc[["C0", "C1", "C2"], "money"]) == {1}


def test_without_amounts_money_is_frequency(warehouse: Warehouse) -> None:
    add_amounts(warehouse, [(f"C{nr}", 1 + nr + 3 * k, None) for nr in range(10) for k in range(nr)] + [("D", 9, None)])
    found = rfm(warehouse)
    assert "No order has an amount" in notes(found)
    assert f"There are {found.everybody.n} customers only" in notes(found)
    assert found.everybody.spend_amount is None
    assert all(cell.frequency == cell.money for cell in found.cells)


def test_an_unknown_spend_among_known_ones_is_said(warehouse: Warehouse) -> None:
    add_amounts(warehouse, [(f"C{nr}", 3 + nr, 20.0 + nr) for nr in range(30)] + [("D", 2, None)])
    assert "The spend of 1 of 31 customers is not known; their M is taken as their F." in rfm(warehouse).notes


def test_where_nobody_ordered_within_the_base_those_silent_shortest_are_it(warehouse: Warehouse) -> None:
    add_orders(warehouse, {"a": [10], "b": [10], "c": [500]})
    found = scored(warehouse, RfmRule(base_days=5), AS_OF)
    assert found["recency"].tolist() == [3, 3, 1]


def test_without_orders_there_is_one_sentence(warehouse: Warehouse) -> None:
    with pytest.raises(NotEnoughData, match="there are no orders yet"):
        rfm(warehouse)
    assert rfm_of(warehouse, "a") is None
    add_orders(warehouse, {"a": [10]})
    with pytest.raises(NotEnoughData, match="there are no orders before 1 Jan 2020; choose 23 Oct 2026 or later"):
        rfm(warehouse, datetime(2020, 1, 1))
    assert outlook(warehouse).days == ()
