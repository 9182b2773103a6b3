"""The same features as the registry's over orders and events, written the way one would in pandas.

The yardstick of the features benchmark. Ids come as the texts that the tables hold and are numbered once, as one would;
times come as datetimes and the few other texts as categories. Every column that ``build_features`` makes for this shop
is made here too and compared with it.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd

from churn_core.features.usual_gap import Shrinkage

WINDOWS = (7, 30, 90, 180, 365)


def pandas_features(orders: pd.DataFrame, events: pd.DataFrame, cutoff: datetime, leaning: Shrinkage) -> pd.DataFrame:
    """Features of all past buyers at the cutoff, ordered by customer; ``leaning`` is what usual gaps lean on there."""
    orders = orders[orders["order_time"] < cutoff]
    events = events[(events["event_time"] < cutoff) & (events["event_time"] >= cutoff - pd.Timedelta(days=365))]
    number, customers = pd.factorize(orders["customer_id"], sort=True)
    orders = orders.assign(age=_age(orders["order_time"], cutoff), customer_id=number)
    number = pd.Index(customers).get_indexer(pd.Index(events["customer_id"]))
    events = events.assign(age=_age(events["event_time"], cutoff), customer_id=number)[number >= 0]
    by_customer = orders.groupby("customer_id")
    table = _order_columns(orders, by_customer)
    last_age = table["days_since_last_order"]
    table = pd.concat([table, _event_columns(events, last_age)], axis=1).reindex(table.index)
    return _derived(table, cutoff, leaning)


def _age(times: pd.Series, cutoff: datetime) -> pd.Series:
    return (pd.Timestamp(cutoff).normalize() - times.dt.normalize()).dt.days.astype("int32")


def _counts(rows: pd.DataFrame) -> pd.Series:
    return rows.groupby("customer_id").size()


def _order_columns(orders: pd.DataFrame, by_customer) -> pd.DataFrame:  # type: ignore[no-untyped-def]
    ages = by_customer["age"].agg(["min", "max", "size"])
    table = pd.DataFrame(
        {"days_since_last_order": ages["min"], "days_since_first_order": ages["max"], "n_orders": ages["size"]}
    )
    gaps = by_customer["gap_days"].agg(["mean", "std", "max", "sum", "count"])
    table["mean_gap_days"], table["gap_spread_days"] = gaps["mean"], gaps["std"]
    table["longest_gap_days"], table["gap_sum"], table["n_gaps"] = gaps["max"], gaps["sum"], gaps["count"]
    amounts = by_customer["amount"].agg(["sum", "mean", "std", "max"])
    table["spend_amount"], table["mean_order_amount"] = amounts["sum"], amounts["mean"]
    table["order_amount_spread"], table["largest_order_amount"] = amounts["std"], amounts["max"]
    table["mean_items"] = by_customer["n_items"].mean()
    table["discount_sum"] = by_customer["discount_amount"].sum()
    table["n_discounted_orders"] = _counts(orders[orders["discount_amount"] > 0])
    channels = orders["channel"].cat.codes.groupby(orders["customer_id"]).agg(["min", "max"])
    table["uses_several_channels"] = channels["max"] > channels["min"]
    last = orders[orders["age"] == orders["customer_id"].map(ages["min"]).astype("int32")]
    by_last = last.groupby("customer_id")
    table["last_gap_days"] = by_last["gap_days"].max()
    table["last_order_amount"] = by_last["amount"].sum()
    table["last_order_discounted"] = by_last["discount_amount"].max() > 0
    first = orders[orders["is_new_day"] & orders["gap_days"].isna()]
    table["first_order_amount"] = first.groupby("customer_id")["amount"].sum()
    new_days = orders[orders["is_new_day"]]
    table["n_order_days"] = _counts(new_days)
    for days in WINDOWS:
        table[f"n_order_days_{days}"] = _counts(new_days[new_days["age"] <= days])
        recent = orders[orders["age"] <= days].groupby("customer_id")
        table[f"spend_amount_{days}"] = recent["amount"].sum()
        if days == 180:
            table["mean_amount_180"], table["mean_items_180"] = recent["amount"].mean(), recent["n_items"].mean()
            table["n_orders_180"] = recent.size()
        if days == 365:
            table["mean_gap_days_365"] = recent["gap_days"].mean()
    discounted = orders[(orders["age"] <= 180) & (orders["discount_amount"] > 0)]
    table["n_discounted_orders_180"] = _counts(discounted)
    table["n_season_days"] = _counts(new_days[(new_days["age"] - 1) % 365 >= 275])
    season = orders[(orders["age"] > 275) & (orders["age"] <= 365)]
    table["n_season_days_last_year"] = _counts(season[season["is_new_day"]])
    table["season_amount_last_year"] = season.groupby("customer_id")["amount"].sum()
    return table


def _event_columns(events: pd.DataFrame, last_age: pd.Series) -> pd.DataFrame:
    table = pd.DataFrame({"days_since_last_visit": events.groupby("customer_id")["age"].min()})
    for days in (7, 30, 90, 180):
        table[f"n_events_{days}"] = _counts(events[events["age"] <= days])
    for kind, name, windows in (
        ("visit", "visits", (30, 90)), ("view", "views", (30, 90)), ("search", "searches", (90,)),
        ("wishlist", "wishlist", (90,)), ("cart", "carts", (30, 90)),
    ):  # fmt: skip
        of_kind = events[events["kind"] == kind]
        for days in windows:
            table[f"n_{name}_{days}"] = _counts(of_kind[of_kind["age"] <= days])
    carts = events[events["kind"] == "cart"]
    table["days_since_last_cart"] = carts.groupby("customer_id")["age"].min()
    since = carts[carts["age"] < carts["customer_id"].map(last_age).astype("float64")]
    table["n_carts_since_order"] = _counts(since)
    return table


def _derived(table: pd.DataFrame, cutoff: datetime, leaning: Shrinkage) -> pd.DataFrame:
    counted = [str(name) for name in table if str(name).startswith(("n_", "spend_", "season_amount", "discount_sum"))]
    table = table.fillna(dict.fromkeys(counted, 0))
    t = table
    first, last = t["days_since_first_order"], t["days_since_last_order"]
    is_old = first >= 365
    t["days_since_previous_order"] = last + t["last_gap_days"]
    came_in = (pd.Timestamp(cutoff).normalize() - pd.to_timedelta(first, unit="D")).dt.year
    mean, weight = came_in.map(leaning.cohort_gap_days).fillna(leaning.shop_gap_days), leaning.weight
    t["usual_gap_days"] = mean if weight is None else (t["gap_sum"] + weight * mean) / (t["n_gaps"] + weight)
    t["gap_variation_ratio"] = t["gap_spread_days"] / t["mean_gap_days"]
    t["lateness_ratio"] = last / t["usual_gap_days"]
    t["lateness_spreads"] = (last - t["mean_gap_days"]) / (t["gap_spread_days"] + 1)
    t["longest_gap_ratio"] = last / t["longest_gap_days"]
    t["last_gap_ratio"] = t["last_gap_days"] / t["mean_gap_days"]
    t["gap_trend_365"] = t["mean_gap_days_365"] / t["mean_gap_days"]
    t["order_days_per_month"] = t["n_order_days"] * 30 / (first + 30)
    t["spend_per_month"] = t["spend_amount"] * 30 / (first + 30)
    t["order_trend_30"] = (t["n_order_days_30"] + 0.5) / ((t["n_order_days_90"] - t["n_order_days_30"]) / 2 + 0.5)
    t["order_trend_90"] = (t["n_order_days_90"] + 0.5) / (t["n_order_days_180"] - t["n_order_days_90"] + 0.5)
    before = (t["n_order_days_365"] - t["n_order_days_180"]) * 180 / 185
    t["order_trend_180"] = (t["n_order_days_180"] + 0.5) / (before + 0.5)
    t["pace_ratio_90"] = (t["n_order_days_90"] + 0.5) / (t["n_order_days"] * 90 / (first + 30) + 0.5)
    t["spend_share_90_of_180"] = t["spend_amount_90"] / t["spend_amount_180"].where(t["spend_amount_180"] > 0)
    t["spend_share_180_of_365"] = t["spend_amount_180"] / t["spend_amount_365"].where(t["spend_amount_365"] > 0)
    t["last_order_ratio"] = t["last_order_amount"] / t["mean_order_amount"]
    t["order_amount_trend_180"] = t["mean_amount_180"] / t["mean_order_amount"]
    t["items_trend_180"] = t["mean_items_180"] / t["mean_items"]
    t["discounted_order_share"] = t["n_discounted_orders"] / t["n_orders"]
    t["discounted_order_share_180"] = t["n_discounted_orders_180"] / t["n_orders_180"].where(t["n_orders_180"] > 0)
    t["discount_rate"] = t["discount_sum"] / (t["discount_sum"] + t["spend_amount"])
    t["visit_after_order_days"] = (last - t["days_since_last_visit"]).clip(lower=0).fillna(0)
    t["order_span_days"] = first - last
    t["season_order_days_last_year"] = t["n_season_days_last_year"].where(is_old)
    t["season_spend_last_year"] = t["season_amount_last_year"].where(is_old)
    t["season_order_share"] = (t["n_season_days"] / t["n_order_days"]).where(is_old)
    t["event_trend_30"] = (t["n_events_30"] + 1) / ((t["n_events_90"] - t["n_events_30"]) / 2 + 1)
    t["event_trend_90"] = (t["n_events_90"] + 1) / (t["n_events_180"] - t["n_events_90"] + 1)
    t["events_per_order_180"] = t["n_events_180"] / (t["n_order_days_180"] + 1)
    t["cart_order_ratio_90"] = (t["n_carts_90"] + 0.5) / (t["n_order_days_90"] + 0.5)
    return table


def largest_difference(ours: pd.DataFrame, theirs: pd.DataFrame) -> float:
    """The largest relative difference between two tables of features; rows are in the same order."""
    worst = 0.0 if len(ours) == len(theirs) else float("inf")
    for name in ours:
        one, other = ours[name].to_numpy(float), theirs[name].to_numpy(float)
        if (np.isnan(one) != np.isnan(other)).any():
            return float("inf")
        worst = max(worst, float(np.nanmax(np.abs(one - other) / (1 + np.abs(other)), initial=0.0)))
    return worst
