"""What is counted per arm: the database and a loop over customers give the same sums, and only windows count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from churn_core.campaigns.cells import Wanted, sums, together
from churn_core.campaigns.comparison import Outcomes
from churn_core.campaigns.counted import Span, from_orders
from churn_core.campaigns.experiment import read_out
from churn_core.campaigns.measure import (
    Measured,
    measure,
    measure_by,
    measure_over_time,
    measure_slices,
    overlap,
    pre_period,
)
from churn_core.campaigns.plan import Arm, Goal, Guardrail, Plan
from churn_core.campaigns.store import Campaign, create_draft
from churn_core.campaigns.windows import is_complete
from churn_core.errors import InputError, NotFound
from churn_core.settings import Settings, save_settings
from churn_core.stats.cuped import adjust
from churn_core.stats.estimate import Comparison
from churn_core.stats.moments import JointMoments, Rate
from churn_core.warehouse import Warehouse

MakeCampaign = Callable[..., Campaign]
Put = Callable[..., None]

START = datetime(2024, 3, 1)
DAYS = 30
END_OF_DATA = START + timedelta(days=44)
"""The first two waves are complete then, the third is not."""
NAMES = ("retained", "orders", "spend", "margin", "repurchase", "order_value", "discount_share", "complained")

PLAN = Plan(
    name="Three arms in waves",
    goal=Goal(outcome="spend", window_days=DAYS, smallest_effect=1.0, cap=60.0),
    arms=(
        Arm(name="control", share=0.3),
        Arm(name="coupon", share=0.4, action="coupon", channel="email"),
        Arm(name="call", share=0.3, action="call", channel="phone"),
    ),
    starts_on=START.date(),
)


def drawn_customers(n: int = 240) -> pd.DataFrame:
    """Three weekly waves and some who joined on days between; arms, strata and slices independent of each other."""
    rng = np.random.default_rng(7)
    starts = [START + timedelta(days=int(day)) for day in rng.choice([0, 7, 14, 3, 20], n, p=[0.4, 0.2, 0.2, 0.1, 0.1])]
    return pd.DataFrame(
        {
            "customer_id": [f"c{number:03d}" for number in range(n)],
            "arm": rng.choice(["control", "coupon", "call"], n, p=[0.3, 0.4, 0.3]),
            "stratum": rng.choice(["high · top third", "low · bottom third"], n),
            "starts_at": starts,
            "tier": np.array(["high", "low", None])[rng.choice(3, n, p=[0.5, 0.4, 0.1])],
            "value_band": rng.choice(["high", "middle"], n),
            "main_group": rng.choice(["spend", "recency"], n),
            "risk": np.where(rng.random(n) < 0.9, rng.random(n), np.nan),
        }
    )


def some_orders(drawn: pd.DataFrame) -> pd.DataFrame:
    """Orders before, in and after the windows, some on the very instants where windows begin and end."""
    rng = np.random.default_rng(8)
    buyers = drawn[rng.random(len(drawn)) < 0.8]
    rows = []
    for customer, start in zip(buyers["customer_id"], buyers["starts_at"], strict=True):
        edges = [start, start + timedelta(days=DAYS), start - timedelta(days=DAYS), start - timedelta(seconds=1)]
        minutes = rng.integers(-60 * 1440, 44 * 1440, rng.integers(1, 6))
        times = [START + timedelta(minutes=int(minute)) for minute in minutes]
        times += [edge for edge in edges if rng.random() < 0.25]
        rows += [(customer, time) for time in times if time < END_OF_DATA]
    rows.append(("c000", END_OF_DATA - timedelta(minutes=1)))
    frame = pd.DataFrame(rows, columns=["customer_id", "order_time"])
    frame["order_id"] = [f"o{number}" for number in range(len(frame))]
    frame["amount"] = np.round(rng.gamma(2, 15, len(frame)), 2)
    frame["discount_amount"] = np.where(rng.random(len(frame)) < 0.4, 2.5, np.nan)
    return frame


DRAWN = drawn_customers()
ORDERS = some_orders(DRAWN)
TICKETS = pd.DataFrame(
    {
        "customer_id": DRAWN["customer_id"].iloc[::3],
        "ticket_id": [f"t{number}" for number in range(len(DRAWN.iloc[::3]))],
        "opened_at": DRAWN["starts_at"].iloc[::3]
        + pd.to_timedelta(np.random.default_rng(9).choice([-1, 0, 29, 30], len(DRAWN.iloc[::3])), unit="D"),
    }
)


@pytest.fixture
def waves(warehouse: Warehouse, made_campaign: MakeCampaign, put: Put) -> Campaign:
    """The campaign in waves with its orders and tickets."""
    save_settings(warehouse, Settings(margin_rate=0.4))
    put(warehouse, "orders", ORDERS)
    put(warehouse, "tickets", TICKETS)
    return made_campaign(warehouse, PLAN, assigned=DRAWN)


def by_hand(drawn: pd.DataFrame, orders: pd.DataFrame, days: int = DAYS) -> pd.DataFrame:
    """The outcomes of every customer with a whole window, by a loop."""
    rows = []
    bought = dict(list(orders.groupby("customer_id")))
    opened = dict(list(TICKETS.groupby("customer_id")["opened_at"]))
    for entry in drawn.to_dict("records"):
        start, window = entry["starts_at"], timedelta(days=DAYS)
        if start + window > END_OF_DATA:
            continue
        own = bought.get(entry["customer_id"], orders.head(0))
        inside = own[(own["order_time"] >= start) & (own["order_time"] < start + timedelta(days=days))]
        before = own[(own["order_time"] >= start - window) & (own["order_time"] < start)]
        tickets = opened.get(entry["customer_id"], TICKETS["opened_at"].head(0))
        paid, discounts = inside["amount"].sum(), inside["discount_amount"].sum()
        rows.append(
            {
                "customer_id": entry["customer_id"],
                "arm": entry["arm"],
                "stratum": entry["stratum"],
                "tier": entry["tier"] if isinstance(entry["tier"], str) else "",
                "starts_at": start,
                "retained": len(inside) > 0,
                "orders": float(len(inside)),
                "spend": min(paid, 60.0),
                "spend_uncapped": paid,
                "margin": 0.4 * (paid + discounts) - discounts,
                "repurchase": inside["order_time"].dt.date.nunique() > 1,
                "order_value": paid,
                "discount_share": discounts,
                "undiscounted": paid + discounts,
                "complained": bool(((tickets >= start) & (tickets < start + timedelta(days=days))).any()),
                "spend_before": min(before["amount"].sum(), 60.0),
                "spend_uncapped_before": before["amount"].sum(),
                "orders_before": float(len(before)),
                "margin_before": 0.4 * (before["amount"].sum() + before["discount_amount"].sum())
                - before["discount_amount"].sum(),
                "no_past": float((own["order_time"] < start).sum() == 0),
            }
        )
    return pd.DataFrame(rows)


COLUMNS: dict[str, list[str]] = {
    "orders": ["orders", "orders_before", "no_past"],
    "spend": ["spend", "spend_before", "no_past"],
    "spend_uncapped": ["spend_uncapped", "spend_uncapped_before", "no_past"],
    "margin": ["margin", "margin_before", "no_past"],
    "order_value": ["order_value", "orders"],
    "discount_share": ["discount_share", "undiscounted"],
}


def check_cells(outcomes: Outcomes, rows: pd.DataFrame, name: str, *, stratum: str = "") -> None:
    for arm, strata in outcomes.cells.items():
        cell, own = strata[stratum], rows[rows["arm"] == arm]
        assert cell.n == len(own)
        if isinstance(cell, Rate):
            assert cell.n_hits == own[name].sum()
            continue
        table = own[COLUMNS[name][: len(cell.means)]]
        np.testing.assert_allclose(cell.means, table.mean(), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(cell.covariances, table.cov(), rtol=1e-9, atol=1e-9)


def test_the_database_counts_what_a_loop_over_customers_counts(warehouse: Warehouse, waves: Campaign) -> None:
    found = measure(warehouse, waves, NAMES)
    rows = by_hand(DRAWN, ORDERS)
    assert found.known_until == END_OF_DATA
    assert set(found.outcomes) == {*NAMES, "spend_uncapped"}
    assert 0 < sum(found.n_complete.values()) < len(DRAWN)
    assert dict(found.n_complete) == rows["arm"].value_counts().to_dict()
    assert dict(found.n_assigned) == DRAWN["arm"].value_counts().to_dict()
    assert found.days_left == 20 + DAYS - 44
    assert found.outcomes["spend"].n_covariates == 2
    assert 0 < rows["retained"].mean() < 1
    assert 0 < rows["complained"].mean() < 1
    assert 0 < rows["no_past"].mean() < 1
    for name, outcomes in found.outcomes.items():
        check_cells(outcomes, rows, name)


def test_few_customers_of_a_large_shop_are_counted_the_same_way(
    warehouse: Warehouse, made_campaign: MakeCampaign, put: Put
) -> None:
    few = DRAWN.iloc[:24]
    put(warehouse, "orders", ORDERS)
    assert len(few) * 20 < len(ORDERS)
    mine = made_campaign(warehouse, PLAN, assigned=few)
    found = measure(warehouse, mine, ["orders"], within_strata=False)
    rows = by_hand(few, ORDERS)
    for arm, strata in found.outcomes["orders"].cells.items():
        assert strata[""].n == (rows["arm"] == arm).sum()
    counted = sums(warehouse, mine, Wanted(
        counted=[from_orders("orders", Span(days=DAYS), past_days=DAYS)], who=is_complete(DAYS), data_until=END_OF_DATA
    ))[""]["orders"]  # fmt: skip
    for arm, strata in counted.items():
        total = together(list(strata.values()))
        assert isinstance(total, JointMoments)
        np.testing.assert_allclose(total.means, rows[rows["arm"] == arm][COLUMNS["orders"]].mean(), rtol=1e-9)


def test_slices_are_parts_of_the_whole(warehouse: Warehouse, waves: Campaign) -> None:
    rows = by_hand(DRAWN, ORDERS)
    slices = measure_by(warehouse, waves, "retained", "tier")
    assert set(slices) == {"", "high", "low"}
    for name, outcomes in slices.items():
        check_cells(outcomes, rows[rows["tier"] == name], "retained")
    together = measure_slices(warehouse, waves, "retained")
    assert set(together) == {"tier", "value_band", "main_group"}
    assert together["tier"] == slices


def test_slices_by_anything_that_was_not_stored_at_the_draw_are_refused(warehouse: Warehouse, waves: Campaign) -> None:
    with pytest.raises(InputError, match=r"'country' was not stored at the draw.*tier, value_band, main_group"):
        measure_by(warehouse, waves, "spend", "country")


def changed(measured: Measured) -> dict[str, Any]:
    return {name: outcomes.cells for name, outcomes in measured.outcomes.items()}


def assert_same(first: dict[str, Any], second: dict[str, Any]) -> None:
    assert first.keys() == second.keys()
    for name, cells in first.items():
        for arm, strata in cells.items():
            for stratum, cell in strata.items():
                other = second[name][arm][stratum]
                assert cell.n == other.n
                if isinstance(cell, Rate):
                    assert cell == other
                else:
                    np.testing.assert_allclose(cell.means, other.means, rtol=1e-9)
                    np.testing.assert_allclose(cell.covariances, other.covariances, rtol=1e-9, atol=1e-12)


def test_orders_outside_the_windows_change_nothing(warehouse: Warehouse, waves: Campaign, put: Put) -> None:
    before = measure(warehouse, waves, NAMES)
    rows = by_hand(DRAWN, ORDERS).to_dict("records")
    has_past = [row for row in rows if row["no_past"] == 0]
    outside = [
        *((row["customer_id"], row["starts_at"] - timedelta(days=DAYS, seconds=1)) for row in has_past),
        *((row["customer_id"], row["starts_at"] + timedelta(days=DAYS)) for row in rows),
        ("somebody else", START + timedelta(days=1)),
    ]
    frame = pd.DataFrame([entry for entry in outside if entry[1] < END_OF_DATA], columns=["customer_id", "order_time"])
    frame["order_id"] = [f"more{number}" for number in range(len(frame))]
    put(warehouse, "orders", frame.assign(amount=1000.0, discount_amount=100.0))
    after = measure(warehouse, waves, NAMES)
    assert len(frame) > 100
    assert_same(changed(before), changed(after))


def test_an_order_inside_a_window_is_seen(warehouse: Warehouse, waves: Campaign, put: Put) -> None:
    before = measure(warehouse, waves, ["orders"]).outcomes["orders"]
    row = by_hand(DRAWN, ORDERS).iloc[0]
    put(warehouse, "orders", [{"customer_id": row.customer_id, "order_id": "x", "order_time": row.starts_at}])
    after = measure(warehouse, waves, ["orders"]).outcomes["orders"]
    cell, then = before.cells[row.arm][""], after.cells[row.arm][""]
    assert isinstance(cell, JointMoments)
    assert isinstance(then, JointMoments)
    assert then.means[0] * then.n == pytest.approx(cell.means[0] * cell.n + 1)


def test_the_whole_readout_runs_on_what_was_measured(warehouse: Warehouse, waves: Campaign) -> None:
    found = measure(warehouse, waves, NAMES)
    result = read_out(found.n_complete, list(found.outcomes.values()), control="control", shares=waves.plan.shares)
    assert {entry.metric for entry in result.results} == set(found.outcomes)
    spend = next(entry for entry in result.results if entry.metric == "retained" and entry.arm == "coupon")
    assert spend.comparison.method.startswith("pooled z")


def test_strata_with_the_same_shares_are_compared_plainly(warehouse: Warehouse, waves: Campaign) -> None:
    found = measure(warehouse, waves, ["retained"])
    assert not found.is_within_strata
    assert set(found.outcomes["retained"].strata) == {""}
    asked = measure(warehouse, waves, ["retained"], within_strata=True)
    assert set(asked.outcomes["retained"].strata) == {"high · top third", "low · bottom third"}
    rows = by_hand(DRAWN, ORDERS)
    for name in asked.outcomes["retained"].strata:
        check_cells(asked.outcomes["retained"], rows[rows["stratum"] == name], "retained", stratum=name)


def test_strata_with_other_shares_are_compared_within(
    warehouse: Warehouse, made_campaign: MakeCampaign, put: Put, small_plan: Plan
) -> None:
    uneven = [("a", "control", 40), ("a", "coupon", 10), ("b", "control", 10), ("b", "coupon", 40), ("c", "coupon", 1)]
    rows = [
        {"customer_id": f"{stratum}{arm}{number}", "arm": arm, "stratum": stratum}
        for stratum, arm, n in uneven
        for number in range(n)
    ]
    late = {"customer_id": "x", "order_id": "late", "order_time": START + timedelta(days=DAYS), "amount": 5.0}
    bought = [
        {"customer_id": row["customer_id"], "order_id": row["customer_id"], "order_time": START, "amount": 2.0}
        for row in rows
        if row["stratum"] == "a"
    ]
    put(warehouse, "orders", [late, *bought])
    campaign = made_campaign(warehouse, small_plan, assigned=rows)
    found = measure(warehouse, campaign)
    assert found.is_within_strata
    result = read_out(found.n_complete, list(found.outcomes.values()), control="control")
    retained = next(entry.comparison for entry in result.results if entry.metric == "retained")
    assert retained.method.startswith("Cochran-Mantel-Haenszel")
    assert retained.difference.value == pytest.approx(0.0)


def test_what_was_before_the_start_is_told_of_everybody(warehouse: Warehouse, waves: Campaign) -> None:
    found = pre_period(warehouse, waves)
    assert set(found) == {"retained", "orders", "spend", "risk"}
    n_known = DRAWN[DRAWN["risk"].notna()]["arm"].value_counts()
    for arm in waves.plan.shares:
        assert found["orders"].n(arm) == (DRAWN["arm"] == arm).sum()
        assert found["risk"].n(arm) == n_known[arm]
    own = DRAWN.merge(ORDERS, on="customer_id")
    ages = own["starts_at"] - own["order_time"]
    inside = own[(ages > timedelta(0)) & (ages <= timedelta(days=DAYS))]
    for arm in waves.plan.shares:
        cell = found["retained"].rate(arm)
        assert cell.n_hits == inside[inside["arm"] == arm]["customer_id"].nunique()


def test_looks_of_waves_grow_with_whole_windows(warehouse: Warehouse, waves: Campaign) -> None:
    looks = measure_over_time(warehouse, waves, "retained")
    assert [look.day for look in looks] == list(range(30, 45))
    assert all(look.is_whole_window for look in looks)
    rows = by_hand(DRAWN, ORDERS)
    for look in looks:
        check_cells(look.outcomes, rows[rows["starts_at"] + timedelta(days=DAYS) <= look.at], "retained")
    assert looks[-1].outcomes.cells == measure(warehouse, waves, ["retained"]).outcomes["retained"].cells


def test_looks_of_one_wave_hold_the_first_days_of_everybody(
    warehouse: Warehouse, made_campaign: MakeCampaign, put: Put
) -> None:
    drawn = DRAWN.assign(starts_at=START)
    put(warehouse, "orders", ORDERS)
    campaign = made_campaign(warehouse, PLAN, assigned=drawn)
    looks = measure_over_time(warehouse, campaign, "spend")
    assert [look.day for look in looks] == [7, 14, 21, 28, 30]
    assert [look.is_whole_window for look in looks] == [False, False, False, False, True]
    for look in looks:
        assert look.n_complete == len(drawn)
        check_cells(look.outcomes, by_hand(drawn, ORDERS, look.day), "spend")
    raw = measure_over_time(warehouse, campaign, "spend_uncapped")
    check_cells(raw[-1].outcomes, by_hand(drawn, ORDERS), "spend_uncapped")


def test_a_running_wave_is_looked_at_before_it_is_complete(
    warehouse: Warehouse, made_campaign: MakeCampaign, put: Put, small_plan: Plan
) -> None:
    put(warehouse, "orders", [{"customer_id": "c0001", "order_id": "o", "order_time": START + timedelta(days=15)}])
    campaign = made_campaign(warehouse, small_plan, 20)
    looks = measure_over_time(warehouse, campaign, "retained")
    assert [(look.day, look.is_whole_window) for look in looks] == [(7, False), (14, False)]
    found = measure(warehouse, campaign)
    assert dict(found.n_complete) == {"control": 0, "coupon": 0}
    assert dict(found.n_started) == {"control": 10, "coupon": 10}
    assert found.days_left == 14
    assert found.outcomes["retained"].rate("control") == Rate(n_hits=0, n=0)


def test_before_the_start_nothing_is_known_and_nothing_breaks(
    warehouse: Warehouse, made_campaign: MakeCampaign, put: Put, small_plan: Plan
) -> None:
    campaign = made_campaign(warehouse, small_plan, 4)
    empty = measure(warehouse, campaign)
    assert (empty.known_until, empty.days_left) == (None, None)
    assert measure_over_time(warehouse, campaign, "retained") == ()
    put(warehouse, "orders", [{"customer_id": "c0001", "order_id": "o", "order_time": START - timedelta(days=2)}])
    found = measure(warehouse, campaign)
    assert dict(found.n_started) == {"control": 0, "coupon": 0}
    assert found.days_left == DAYS + 1
    assert set(found.outcomes) == {"retained", "orders"}
    assert measure(warehouse, campaign, ["unsubscribed"]).outcomes["unsubscribed"].n("coupon") == 0


def test_what_the_tables_cannot_tell_is_said_instead_of_zero(
    warehouse: Warehouse, made_campaign: MakeCampaign, put: Put, small_plan: Plan
) -> None:
    rails = (Guardrail(outcome="unsubscribed", margin=0.01), Guardrail(outcome="discount_share", margin=0.01))
    plan = replace(small_plan, goal=replace(small_plan.goal, guardrails=rails))
    campaign = made_campaign(warehouse, plan, 4)
    late = START + timedelta(days=DAYS)
    put(warehouse, "orders", [{"customer_id": "c0001", "order_id": "o", "order_time": late, "amount": 3.0}])
    put(warehouse, "contacts", [{"customer_id": "c0001", "contact_time": START - timedelta(days=1), "kind": "sent"}])
    found = measure(warehouse, campaign)
    assert "no contacts since the campaign's start" in found.unknown["unsubscribed"]
    assert "do not say discount granted" in found.unknown["discount_share"]
    with pytest.raises(InputError, match="no contacts"):
        measure_over_time(warehouse, campaign, "unsubscribed")
    put(warehouse, "orders", [
        {"customer_id": "c0001", "order_id": "p", "order_time": late, "amount": 3.0, "discount_amount": 1.0}
    ])  # fmt: skip
    again = measure(warehouse, campaign, ["order_value"])
    assert "nobody in arm 'control'" in again.unknown["order_value"]


def test_names_that_are_no_outcome_are_refused_with_the_nearest(warehouse: Warehouse, waves: Campaign) -> None:
    with pytest.raises(NotFound, match="did you mean 'retained'"):
        measure(warehouse, waves, ["retaind"])
    with pytest.raises(NotFound, match="did you mean 'margin'"):
        measure_over_time(warehouse, waves, "margn")


def test_a_draft_cannot_be_measured(warehouse: Warehouse, small_plan: Plan) -> None:
    with pytest.raises(InputError, match="still a draft"):
        measure(warehouse, create_draft(warehouse, small_plan))


@pytest.mark.parametrize("arms", [["control"], ["control", "coupon"], ["coupon", "coupon", "control"]])
def test_a_handful_of_customers_gives_a_readout_without_a_verdict(
    warehouse: Warehouse, made_campaign: MakeCampaign, put: Put, small_plan: Plan, arms: list[str]
) -> None:
    rows = [{"customer_id": f"c{number}", "arm": arm, "stratum": f"s{number % 2}"} for number, arm in enumerate(arms)]
    late = START + timedelta(days=DAYS)
    put(warehouse, "orders", [
        {"customer_id": customer, "order_id": f"{customer}{time}", "order_time": time, "amount": 7.0}
        for customer in ("c0", "c1") for time in (START, late)
    ])  # fmt: skip
    found = measure(warehouse, made_campaign(warehouse, small_plan, assigned=rows))
    result = read_out(found.n_complete, list(found.outcomes.values()), control="control")
    assert result.status == "too_small"


def interval(found: Comparison) -> tuple[float, float]:
    assert found.difference.low is not None
    assert found.difference.high is not None
    return found.difference.low, found.difference.high


def test_the_past_reduces_the_noise_and_moves_nothing(
    warehouse: Warehouse, made_campaign: MakeCampaign, put: Put, small_plan: Plan
) -> None:
    rng = np.random.default_rng(3)
    n = 400
    usual = rng.gamma(2, 20, n)
    ids = [f"c{number:04d}" for number in range(n)]
    before = pd.DataFrame({"customer_id": ids, "order_time": START - timedelta(days=3), "amount": usual})
    after = before.assign(order_time=START + timedelta(days=3), amount=usual + rng.normal(0, 5, n))
    end = pd.DataFrame({"customer_id": ["x"], "order_time": [START + timedelta(days=DAYS)], "amount": [1.0]})
    frame = pd.concat([before, after, end]).round({"amount": 2})
    put(warehouse, "orders", frame.assign(order_id=[f"o{number}" for number in range(len(frame))]))
    found = measure(warehouse, made_campaign(warehouse, small_plan, n), ["spend"])
    spend = found.outcomes["spend"]
    with_past = read_out(found.n_complete, [spend], control="control").results[0].comparison
    bare = {
        arm: {"": JointMoments(n=cell.n, means=cell.means[:1], covariances=((cell.covariances[0][0],),))}
        for arm, cells in spend.cells.items()
        if isinstance(cell := cells[""], JointMoments)
    }
    without = read_out(found.n_complete, [replace(spend, cells=bare, n_covariates=0)], control="control")
    sharp, plain = interval(with_past), interval(without.results[0].comparison)
    assert sharp[1] - sharp[0] < 0.5 * (plain[1] - plain[0])
    assert sharp[0] < 0 < sharp[1]


def test_nothing_and_a_mark_adjust_like_the_mean_and_a_mark() -> None:
    rng = np.random.default_rng(11)
    past, is_new = rng.gamma(2, 20, 300), rng.random(300) < 0.2
    outcome = np.where(is_new, 30, past) + rng.normal(0, 4, 300)
    mean = past[~is_new].mean()
    made = []
    for value in (0.0, mean):
        filled = np.where(is_new, value, past)
        arms = [JointMoments.of(outcome[part], filled[part], is_new[part]) for part in (slice(0, 150), slice(150, 300))]
        made.append(adjust(arms))
    assert made[0].variance_ratio == pytest.approx(made[1].variance_ratio)
    for zero, filled_up in zip(made[0].arms, made[1].arms, strict=True):
        assert (zero.mean, zero.variance) == pytest.approx((filled_up.mean, filled_up.variance))


def test_customers_of_another_campaign_in_the_same_days_are_counted(
    warehouse: Warehouse, made_campaign: MakeCampaign, put: Put, small_plan: Plan
) -> None:
    mine = made_campaign(warehouse, small_plan, 10)
    arms = {row[0]: row[1] for row in warehouse.rows("SELECT customer_id, arm FROM assignments")}
    other = replace(small_plan, name="Other", goal=replace(small_plan.goal, window_days=10))
    rows = [
        {"customer_id": "c0000", "arm": "coupon", "starts_at": START - timedelta(days=9)},
        {"customer_id": "c0001", "arm": "coupon", "starts_at": START - timedelta(days=10)},
        {"customer_id": "c0002", "arm": "control", "starts_at": START},
        {"customer_id": "c0003", "arm": "coupon", "starts_at": START + timedelta(days=29)},
        {"customer_id": "nobody", "arm": "coupon", "starts_at": START},
    ]
    made_campaign(warehouse, other, assigned=rows, campaign_id="camp-other")
    made_campaign(warehouse, other, assigned=rows, campaign_id="camp-cancelled", status="cancelled")
    found = overlap(warehouse, mine)
    expected = pd.Series([arms["c0000"], arms["c0003"]]).value_counts().to_dict()
    assert dict(found.n_also_elsewhere) == {arm: expected.get(arm, 0) for arm in ("control", "coupon")}
    assert [entry.name for entry in found.others] == ["Other"]
    assert not found.is_clean
    put(warehouse, "exports", [{"export_id": 1, "campaign_id": "camp-cancelled"}])
    assert len(overlap(warehouse, mine).others) == 2
    assert dict(overlap(warehouse, mine).n_also_elsewhere) == dict(found.n_also_elsewhere)


def test_one_address_in_two_arms_is_counted(
    warehouse: Warehouse, made_campaign: MakeCampaign, put: Put, small_plan: Plan
) -> None:
    rows = [("a", "control"), ("b", "coupon"), ("c", "coupon"), ("d", "coupon"), ("e", "control"), ("f", "coupon")]
    addresses = {"a": "Ann@x.org", "b": " ann@X.org", "c": "c@x.org", "d": "c@x.org", "e": "", "f": None}
    put(warehouse, "customers", [{"customer_id": key, "email": email} for key, email in addresses.items()])
    campaign = made_campaign(warehouse, small_plan, assigned=[{"customer_id": c, "arm": arm} for c, arm in rows])
    found = overlap(warehouse, campaign)
    assert dict(found.n_shared_email) == {"control": 1, "coupon": 1}
    assert found.others == ()
