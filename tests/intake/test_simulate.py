"""The simulated shop: the same every time, true to its own rules, and with no truth in the warehouse."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churn_core.errors import InputError, JobCancelled
from churn_core.intake import simulate
from churn_core.intake.simulate import TABLE_NAMES, ShopPlan, SimulatedShop, load_shop, simulate_shop
from churn_core.intake.simulate_campaign import CAMPAIGN, HOLDOUT_SALT, WINDOW_DAYS, campaign_bucket
from churn_core.intake.simulate_customers import KINDS
from churn_core.schema import TABLES
from churn_core.warehouse import Warehouse


@pytest.fixture(scope="module")
def shop() -> SimulatedShop:
    return simulate_shop(ShopPlan(n_customers=6_000, seed=3))


@pytest.fixture(scope="module")
def orders(shop: SimulatedShop) -> pd.DataFrame:
    return shop.frame("orders").astype({"customer_id": str})


def test_a_plan_always_gives_the_same_shop() -> None:
    plan = ShopPlan(n_customers=200, n_years=1, seed=5)
    one, two = simulate_shop(plan), simulate_shop(plan)
    assert all(one.tables[name].equals(two.tables[name]) for name in TABLE_NAMES)
    assert one.truth.equals(two.truth)


def test_another_seed_gives_another_shop() -> None:
    one = simulate_shop(ShopPlan(n_customers=200, n_years=1, seed=5))
    two = simulate_shop(ShopPlan(n_customers=200, n_years=1, seed=6))
    assert not one.tables["orders"].equals(two.tables["orders"])


def test_counts_are_those_of_a_real_shop(shop: SimulatedShop) -> None:
    rows = {name: shop.tables[name].num_rows / 6_000 for name in TABLE_NAMES}
    assert rows["customers"] == 1
    assert 12 < rows["orders"] < 18
    assert 2 < rows["order_lines"] / rows["orders"] < 2.5
    assert 120 < rows["events"] < 190
    assert 0.04 < rows["returns"] / rows["orders"] < 0.12
    assert 0.1 < rows["feedback"] / rows["orders"] < 0.2
    assert 0.03 < rows["tickets"] / rows["orders"] < 0.1


def test_chunks_do_not_share_ids_or_behaviour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulate, "CHUNK_CUSTOMERS", 150)
    parts = simulate_shop(ShopPlan(n_customers=400, n_years=1))
    assert parts.tables["customers"].num_rows == 400
    for table in TABLE_NAMES:
        keys = parts.frame(table).astype(str)[list(TABLES[table].key)]
        assert not keys.duplicated().any(), table


def test_every_customer_orders_and_signs_up_before_the_first_order(shop: SimulatedShop, orders: pd.DataFrame) -> None:
    first = orders.groupby("customer_id").order_time.min()
    customers = shop.frame("customers").set_index("customer_id")
    assert first.index.symmetric_difference(customers.index).empty
    assert (customers.signup_time <= first.reindex(customers.index)).all()


def test_nobody_orders_after_leaving(shop: SimulatedShop, orders: pd.DataFrame) -> None:
    left_at = orders.customer_id.map(shop.truth_frame.left_at)
    assert 0.3 < shop.truth_frame.left_at.notna().mean() < 0.8
    assert not (orders.order_time > left_at).any()


def test_everything_happens_within_the_history(shop: SimulatedShop) -> None:
    end = datetime(2026, 11, 1)
    for name in TABLE_NAMES:
        column = TABLES[name].time
        if column:
            moments = shop.frame(name)[column]
            assert end - timedelta(days=3 * 365) <= moments.min()
            assert moments.max() < end, name


def test_lines_sum_to_their_order(shop: SimulatedShop, orders: pd.DataFrame) -> None:
    lines = shop.frame("order_lines").astype({"order_id": str})
    of_lines = lines.groupby("order_id").agg(amount=("amount", "sum"), n_items=("quantity", "sum"))
    both = orders.set_index("order_id")[["amount", "n_items"]].join(of_lines.add_suffix("_lines"))
    assert np.allclose(both.amount, both.amount_lines)
    assert (both.n_items == both.n_items_lines).all()
    assert np.allclose(lines.quantity * lines.unit_price - lines.discount_amount, lines.amount, atol=0.005)


def test_busy_seasons_show_in_the_orders(orders: pd.DataFrame) -> None:
    per_month = orders.groupby(orders.order_time.dt.month).size()
    assert per_month[12] + per_month[11] > 1.25 * (per_month[7] + per_month[8])


def test_kinds_of_buyers_differ_in_gaps_baskets_and_discounts(shop: SimulatedShop, orders: pd.DataFrame) -> None:
    truth = shop.truth_frame
    shares = truth.kind.value_counts(normalize=True)
    assert set(shares.index) == set(KINDS)
    assert shares.min() > 0.2
    of_customer = orders.groupby("customer_id").agg(amount=("amount", "mean"), n=("amount", "size"))
    seen = of_customer.assign(discounted=(orders.discount_amount > 0).groupby(orders.customer_id).mean())
    seen = seen[seen.n >= 4].join(truth[["kind", "own_gap_days"]]).groupby("kind").median(numeric_only=True)
    assert seen.discounted["bargain hunter"] > 2 * seen.discounted.drop("bargain hunter").max()
    small, steady, large = (seen.loc[kind] for kind in KINDS[:3])
    assert small.own_gap_days < 0.5 * steady.own_gap_days < 0.35 * large.own_gap_days
    assert small.amount < steady.amount < large.amount


@pytest.mark.parametrize("cause", ["slow_answer", "bad_experience", "returns", "discounts"])
def test_planted_causes_make_customers_leave(shop: SimulatedShop, cause: str) -> None:
    truth = shop.truth_frame
    strong = truth[f"hazard_{cause}"] > 0.3
    assert strong.sum() > 50
    assert truth.daily_hazard[strong].median() > 1.5 * truth.daily_hazard[~strong].median()
    assert truth.left_at[strong].notna().mean() > truth.left_at[~strong].notna().mean() + 0.05


def test_slow_answers_show_in_what_the_shop_can_see(shop: SimulatedShop, orders: pd.DataFrame) -> None:
    tickets = shop.frame("tickets").astype({"customer_id": str})
    tickets = tickets[tickets.opened_at < datetime(2026, 6, 1)]
    hours = (tickets.first_reply_at - tickets.opened_at).dt.total_seconds() / 3600
    last = tickets.customer_id.map(orders.groupby("customer_id").order_time.max())
    is_gone = last < tickets.opened_at + timedelta(days=90)
    assert is_gone[hours > 60].mean() > is_gone[hours < 24].mean() + 0.1


def test_browsing_fades_before_orders_do(shop: SimulatedShop) -> None:
    truth = shop.truth_frame
    lost = truth[(truth.left_at - truth.lost_interest_at).dt.days > 40].lost_interest_at
    events = shop.frame("events")
    visits = events[events.kind == "visit"].astype({"customer_id": str})
    since = (visits.event_time - visits.customer_id.map(lost)).dt.days
    before = ((since >= -40) & (since < 0)).sum()
    after = ((since >= 0) & (since < 40)).sum()
    assert after < 0.7 * before


def test_the_campaign_is_randomised_by_the_published_rule(shop: SimulatedShop) -> None:
    truth = shop.truth_frame
    met = truth[truth.campaign_arm.notna()]
    arm_of = {customer: "control" if campaign_bucket(customer) < 0.5 else "voucher" for customer in met.index}
    assert met.campaign_arm.to_dict() == arm_of
    share = (met.campaign_arm == "voucher").mean()
    assert abs(share - 0.5) < 4 * np.sqrt(0.25 / len(met))
    gaps = met.groupby("campaign_arm").own_gap_days.mean()
    assert abs(gaps["voucher"] / gaps["control"] - 1) < 0.15


def test_the_offer_reaches_only_its_arm_and_works_on_the_persuadable(shop: SimulatedShop, orders: pd.DataFrame) -> None:
    truth = shop.truth_frame
    contacts = shop.frame("contacts").astype({"customer_id": str})
    reached = set(contacts.customer_id[(contacts.campaign == CAMPAIGN) & (contacts.kind == "sent")])
    assert reached == set(truth.index[truth.campaign_arm == "voucher"])
    met = truth[truth.campaign_arm.notna()].assign(ordered=ordered_within(shop, orders, WINDOW_DAYS))
    rate = met.groupby(["group", "campaign_arm"]).ordered.mean()
    assert rate["persuadable", "voucher"] > rate["persuadable", "control"] + 0.15
    assert rate["do not disturb", "voucher"] < rate["do not disturb", "control"]
    assert not met.responded_to_campaign[met.campaign_arm == "control"].any()


def test_both_lives_are_told_and_the_arm_decides_which_was_lived(shop: SimulatedShop, orders: pd.DataFrame) -> None:
    truth = shop.truth_frame
    met = truth[truth.campaign_arm.notna()]
    lived = met.orders_without_offer.where(met.campaign_arm == "control", met.orders_with_offer)
    within = orders[ordered_in(shop, orders, WINDOW_DAYS)].groupby("customer_id").size()
    assert (within.reindex(met.index, fill_value=0) == lived).all()
    untouched = met[met.group == "lost cause"]
    assert (untouched.orders_with_offer == untouched.orders_without_offer).all()
    for ending in ("with_offer", "without_offer"):
        of_arm = met[met.campaign_arm == ("voucher" if ending == "with_offer" else "control")]
        paid = orders[ordered_in(shop, orders, WINDOW_DAYS)].groupby("customer_id").amount.sum()
        told = of_arm[f"paid_{ending}"].sum()
        assert paid.reindex(of_arm.index).sum() == pytest.approx(told, rel=0.15), "money is told as it is on average"
    assert truth[truth.campaign_arm.isna()][["group", "paid_with_offer"]].isna().all(axis=None)


def test_who_answers_in_which_way_shows_in_what_can_be_seen(shop: SimulatedShop, orders: pd.DataFrame) -> None:
    truth = shop.truth_frame
    met = truth[truth.campaign_arm.notna()]
    start = datetime.combine(shop.plan.campaign_date, datetime.min.time())
    before = orders[orders.order_time < start]
    met = met.assign(
        days_silent=(start - before.groupby("customer_id").order_time.max()).dt.days,
        discounted=(before.discount_amount > 0).groupby(before.customer_id).mean(),
        effect=met.paid_with_offer - met.paid_without_offer,
    )
    assert met.groupby("group").discounted.mean().idxmax() == "persuadable"
    late = (met.days_silent / met.own_gap_days).groupby(met.group).median()
    assert late["sure thing"] < late["persuadable"] < late["lost cause"]
    shares = met.group.value_counts(normalize=True)
    planted = {"persuadable": 0.34, "sure thing": 0.3, "lost cause": 0.2, "do not disturb": 0.16}
    assert all(abs(shares[group] - share) < 0.06 for group, share in planted.items())
    by_risk = met.sort_values("days_silent", ascending=False).effect.head(len(met) // 3).mean()
    by_discount = met.sort_values("discounted", ascending=False).effect.head(len(met) // 3).mean()
    assert by_discount > met.effect.mean() > 0, "what can be seen tells whom to contact"
    assert by_discount > 1.5 * by_risk, "and it is not who is most likely gone"


def test_nothing_differs_between_the_arms_before_the_campaign(shop: SimulatedShop) -> None:
    truth = shop.truth_frame
    met = truth[truth.campaign_arm.notna()]
    start = datetime.combine(shop.plan.campaign_date, datetime.min.time())
    contacts = shop.frame("contacts").astype({"customer_id": str})
    refused = contacts[(contacts.kind == "unsubscribed") & (contacts.contact_time < start)]
    assert not set(refused.customer_id) & set(met.index), "nobody who had refused was met"
    events = shop.frame("events").astype({"customer_id": str})
    visits = events[(events.kind == "visit") & (events.event_time < start)]
    recent = visits[visits.event_time >= start - timedelta(days=60)].groupby("customer_id").size()
    met = met.assign(visits=recent).fillna({"visits": 0})
    for group in ("persuadable", "do not disturb"):
        means = met[met.group == group].groupby("campaign_arm").visits.agg(["mean", "sem"])
        assert abs(means["mean"].diff().iloc[1]) < 4 * np.hypot(*means["sem"])


def test_the_holdout_is_drawn_by_hash_and_met_by_no_campaign(shop: SimulatedShop) -> None:
    large = simulate_shop(ShopPlan(n_customers=7_000, n_years=1, seed=3))
    assert large.plan.holdout == 0.18
    held = {one for one in large.truth_frame.index if campaign_bucket(one, HOLDOUT_SALT) < large.plan.holdout}
    met = large.truth_frame[large.truth_frame.campaign_arm.notna()]
    assert len(held) > 1_000
    assert len(met) > 300
    assert not held & set(met.index)
    assert ShopPlan(n_customers=6_000).holdout is None, "a fifth of all customers would be too many"
    assert ShopPlan(n_customers=1_000_000).holdout == 0.05


def ordered_in(shop: SimulatedShop, orders: pd.DataFrame, days: int) -> pd.Series:
    start = datetime.combine(shop.plan.campaign_date, datetime.min.time())
    return (orders.order_time >= start) & (orders.order_time < start + timedelta(days=days))


def ordered_within(shop: SimulatedShop, orders: pd.DataFrame, days: int) -> pd.Series:
    who = set(orders.customer_id[ordered_in(shop, orders, days)])
    return pd.Series({customer: customer in who for customer in shop.truth_frame.index})


def test_texts_are_in_two_languages_and_follow_the_rating(shop: SimulatedShop) -> None:
    feedback = shop.frame("feedback").astype({"language": str})
    is_chinese = feedback.text.str.contains("[\u4e00-\u9fff]")
    assert (is_chinese == (feedback.language == "zh")).all()
    assert 0.1 < is_chinese.mean() < 0.3
    assert feedback.text[~is_chinese].nunique() > 2_000
    assert not feedback.text.str.contains("{", regex=False).any()
    bad = feedback.text.str.contains("broken|refund|Avoid|退款|失望")
    assert feedback.rating[bad].mean() < 3.4 < feedback.rating[~bad].mean()


def test_people_are_obviously_made_up(shop: SimulatedShop) -> None:
    customers = shop.frame("customers")
    assert customers.email.str.endswith("@example.org").all()
    assert customers.email.is_unique
    assert customers.phone.str.contains(" 555 ").all()


def test_loading_fills_the_workspace_at_once_and_keeps_the_truth_out(demo_shop: Warehouse, demo_file: Path) -> None:
    assert demo_shop.setting("currency") == "EUR"
    assert demo_shop.setting("is_demo") is True
    assert demo_shop.data_version == 1
    assert demo_shop.rows("SELECT DISTINCT file_name FROM imports") == [("simulated shop",)]
    assert {row[0] for row in demo_shop.rows("SELECT tables[1] FROM imports")} == set(TABLE_NAMES)
    for name in TABLE_NAMES:
        assert demo_shop.n_rows(name) == demo_shop.value(
            "SELECT n_added FROM imports WHERE tables[1] = $n", {"n": name}
        )
    columns = demo_shop.rows("SELECT column_name FROM duckdb_columns() WHERE schema_name = 'main'")
    assert not {row[0] for row in columns} & {"left_at", "daily_hazard", "main_cause", "group", "campaign_arm"}
    assert demo_shop.value("SELECT count(*) FROM customers WHERE attributes::VARCHAR LIKE '%group%'") == 0
    assert demo_file.with_name("truth.parquet").exists()


def test_loaded_orders_know_their_rhythm(demo_shop: Warehouse) -> None:
    wrong = demo_shop.value(
        "SELECT count(*) FROM (SELECT gap_days, date_diff('day', CAST(lag(order_time) OVER w AS DATE), "
        "CAST(order_time AS DATE)) AS expected FROM orders WINDOW w AS (PARTITION BY customer_id ORDER BY order_time)) "
        "WHERE gap_days IS DISTINCT FROM nullif(expected, 0)"
    )
    assert wrong == 0


def test_truth_can_be_written_as_csv(warehouse: Warehouse, tmp_path: Path) -> None:
    load_shop(warehouse, ShopPlan(n_customers=40, n_years=1), truth_path=tmp_path / "truth.csv")
    truth = pd.read_csv(tmp_path / "truth.csv")
    assert len(truth) == 40
    assert {"customer_id", "left_at", "group", "daily_hazard"} <= set(truth.columns)


def test_a_workspace_with_data_is_refused(demo_copy: Warehouse) -> None:
    with pytest.raises(InputError, match="already holds data"):
        load_shop(demo_copy, ShopPlan(n_customers=10))


def test_cancelling_leaves_the_workspace_empty(warehouse: Warehouse) -> None:
    def stop(share: float, message: str) -> None:
        if message == "storing events":
            raise JobCancelled("stop")

    with pytest.raises(JobCancelled):
        load_shop(warehouse, ShopPlan(n_customers=40, n_years=1), progress=stop)
    assert all(warehouse.n_rows(name) == 0 for name in TABLE_NAMES)
    assert warehouse.data_version == 0


@pytest.mark.parametrize("plan", [{"n_customers": 0}, {"n_years": 0}])
def test_an_impossible_plan_is_refused(plan: dict[str, int]) -> None:
    with pytest.raises(InputError, match="choose between"):
        ShopPlan(**plan)
