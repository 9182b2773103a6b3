"""What is sent back brings no margin: spend is less returns where they are known, on the day of the return."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from churn_core.features.net_spend import has_returns
from churn_core.models import worth
from churn_core.models.worth_period import GROSS, frame_at, period_at, recent
from churn_core.models.worth_rhythm import SPEND
from churn_core.warehouse import Warehouse

END = datetime(2025, 1, 1)
CUTOFF = END - timedelta(days=60)
Row = tuple[str, datetime, float | None]


def give_back(warehouse: Warehouse, rows: Sequence[Row]) -> None:
    """Returns of these customers, days and amounts."""
    known = int(warehouse.value("SELECT count(*) FROM returns"))
    frame = pd.DataFrame(rows, columns=["customer_id", "return_time", "amount"])
    frame["return_id"] = [f"r{known + number}" for number in range(len(rows))]
    frame["return_time"] = frame["return_time"].astype("datetime64[us]")
    with warehouse.transaction() as tx:
        tx.append("returns", frame)
        tx.bump_data_version()


def orders_of(warehouse: Warehouse, customers: Sequence[str]) -> list[Row]:
    """Their orders, as returns a day later."""
    rows = warehouse.rows(
        "SELECT customer_id, order_time + INTERVAL 1 DAY, CAST(amount AS DOUBLE) FROM orders "
        "WHERE list_contains($customers::VARCHAR[], customer_id) ORDER BY order_id",
        {"customers": list(customers)},
    )
    return [(str(customer), at, float(amount)) for customer, at, amount in rows]


def fitted(warehouse: Warehouse, cutoff: datetime) -> worth.WorthModel:
    return worth.fit_worth(worth.History(warehouse, 60, cutoff), cutoff, frame_at(warehouse, cutoff, 60))


@pytest.mark.usefixtures("quick_worth")
def test_whoever_returns_everything_is_worth_little(worth_shop: Warehouse) -> None:
    frame = frame_at(worth_shop, CUTOFF, 60)
    busiest = [str(customer) for customer in frame["spend_amount_90"].nlargest(12).index]
    gross = pd.Series(fitted(worth_shop, CUTOFF).amounts(frame), index=frame.index)
    give_back(worth_shop, orders_of(worth_shop, busiest))
    frame = frame_at(worth_shop, CUTOFF, 60)
    model = fitted(worth_shop, CUTOFF)
    assert model.is_learned
    net = pd.Series(model.amounts(frame), index=frame.index)
    assert gross[busiest].min() > gross.median()
    assert net[busiest].mean() < 0.35 * gross[busiest].mean()
    by_rhythm = pd.Series(model.rhythm.expected_spend(frame, 60), index=frame.index)
    assert (by_rhythm[busiest] == 0).all()
    assert (by_rhythm.drop(index=busiest) > 0).all()


def test_spend_is_less_the_returns_of_the_same_days(worth_shop: Warehouse) -> None:
    before, target = frame_at(worth_shop, CUTOFF, 60), period_at(worth_shop, CUTOFF, 60)
    spent = before["spend_amount_30"].nlargest(2)
    first, second = spent.index
    third = before.index[int(np.argmax(target.outcome[SPEND]))]
    came = float(target.outcome[SPEND].max())
    give_back(
        worth_shop,
        [
            (first, CUTOFF - timedelta(days=45), 5.0),
            (first, CUTOFF - timedelta(seconds=1), 7.0),
            (second, CUTOFF - timedelta(days=3), 1e6),
            (third, CUTOFF, 4.0),
            (third, CUTOFF + timedelta(days=60) - timedelta(seconds=1), 6.0),
            (third, CUTOFF + timedelta(days=60), 50.0),
            (third, CUTOFF + timedelta(days=5), None),
        ],
    )
    net, judged = frame_at(worth_shop, CUTOFF, 60), period_at(worth_shop, CUTOFF, 60)
    assert net.loc[first, "spend_amount_30"] == pytest.approx(before.loc[first, "spend_amount_30"] - 7)
    assert net.loc[first, "spend_amount_90"] == pytest.approx(before.loc[first, "spend_amount_90"] - 12)
    assert net.loc[first, "spend_amount"] == pytest.approx(before.loc[first, "spend_amount"] - 12)
    assert net.loc[second, ["spend_amount", "spend_amount_30"]].tolist() == [0, 0]
    assert recent(net, SPEND, 30)[net.index.get_loc(second)] == 0
    place = net.index.get_loc(third)
    assert judged.outcome[SPEND][place] == pytest.approx(came - 10)
    assert judged.outcome[GROSS][place] == pytest.approx(came)
    assert judged.outcome[GROSS] == pytest.approx(target.outcome[SPEND])
    others = ~net.index.isin([first, second])
    pd.testing.assert_frame_equal(net.loc[others, before.columns], before.loc[others])


@pytest.mark.usefixtures("quick_worth")
def test_a_return_after_the_cutoff_is_not_known_before_it(worth_shop: Warehouse) -> None:
    early = [str(customer) for customer in frame_at(worth_shop, CUTOFF, 60).index[:40:4]]
    give_back(worth_shop, [row for row in orders_of(worth_shop, early) if row[1] < CUTOFF])
    frame = frame_at(worth_shop, CUTOFF, 60)
    before = fitted(worth_shop, CUTOFF).amounts(frame)
    give_back(worth_shop, [(str(customer), CUTOFF, 9_999.0) for customer in frame.index])
    later = frame_at(worth_shop, CUTOFF, 60)
    pd.testing.assert_frame_equal(later, frame)
    assert fitted(worth_shop, CUTOFF).amounts(later) == pytest.approx(before, rel=1e-9)
    assert period_at(worth_shop, CUTOFF, 60).outcome[SPEND].sum() == 0


@pytest.mark.usefixtures("quick_worth")
def test_predicted_came_and_both_simple_answers_are_net_alike(worth_shop: Warehouse) -> None:
    target = period_at(worth_shop, CUTOFF, 60)
    gross = worth.judge_worth(fitted(worth_shop, CUTOFF), target)
    rows = orders_of(worth_shop, [str(customer) for customer in target.frame.index])
    give_back(worth_shop, [(customer, at - timedelta(days=1), 0.25 * (amount or 0.0)) for customer, at, amount in rows])
    net = worth.judge_worth(fitted(worth_shop, CUTOFF), period_at(worth_shop, CUTOFF, 60))
    assert gross is not None
    assert net is not None
    assert net.is_net
    assert net.actual_gross == pytest.approx(gross.actual)
    for name in ("actual", "predicted", "mae_same", "mae_rhythm"):
        assert getattr(net, name) == pytest.approx(0.75 * getattr(gross, name), rel=0.02), name
    assert net.mae == pytest.approx(0.75 * gross.mae, rel=0.1)


@pytest.mark.usefixtures("quick_worth")
def test_without_amounts_of_returns_spend_is_what_was_ordered(worth_shop: Warehouse) -> None:
    assert not has_returns(worth_shop)
    target = period_at(worth_shop, CUTOFF, 60)
    ordered = worth_shop.frame(
        "SELECT customer_id, CAST(sum(amount) AS DOUBLE) AS spend FROM orders WHERE order_time >= $since "
        "AND order_time < $until GROUP BY customer_id",
        {"since": CUTOFF, "until": END},
    ).set_index("customer_id")["spend"]
    expected = ordered.reindex(target.frame.index).fillna(0.0).to_numpy(dtype=float)
    assert target.outcome[SPEND] == pytest.approx(expected)
    assert GROSS not in target.outcome
    found = worth.judge_worth(fitted(worth_shop, CUTOFF), target)
    assert found is not None
    assert (found.is_net, found.actual_gross, found.gross_correlation) == (False, None, None)
    give_back(worth_shop, [("c1", CUTOFF - timedelta(days=1), None), ("c2", CUTOFF + timedelta(days=1), None)])
    assert not has_returns(worth_shop)
    assert period_at(worth_shop, CUTOFF, 60).outcome[SPEND] == pytest.approx(expected)
