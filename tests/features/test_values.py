"""Two routes, one number: features counted by hand with pandas against the SQL of the registry."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise

import pandas as pd
import pytest

from churn_core.features.build import build_features
from churn_core.features.registry import USUAL
from churn_core.features.usual_gap import Shrinkage, shrinkage
from churn_core.timeline import ChurnDefinition
from churn_core.warehouse import Warehouse

Frames = dict[str, pd.DataFrame]
CUTOFF = datetime(2025, 2, 1)
NAN = float("nan")


def aged(frame: pd.DataFrame, time: str, customer: str) -> pd.DataFrame:
    """One customer's rows before the cutoff with their age in calendar days."""
    rows = frame[(frame["customer_id"] == customer) & (frame[time] < CUTOFF)].copy()
    rows["age"] = (pd.Timestamp(CUTOFF) - rows[time].dt.normalize()).dt.days
    return rows.sort_values(time)


def share(part: float, whole: float) -> float:
    return min(part / whole, 1.0) if whole else NAN


def ratio(top: float, bottom: float) -> float:
    return top / bottom if bottom else NAN


def order_features(orders: pd.DataFrame, leaning: Shrinkage) -> dict[str, float]:
    days = sorted(orders["age"].unique(), reverse=True)
    gaps = [earlier - later for earlier, later in pairwise(days)]
    last, first = days[-1], days[0]

    def n_days(window: int) -> int:
        return sum(day <= window for day in days)

    def spend(window: int) -> float:
        return orders.loc[orders["age"] <= window, "amount"].sum()

    came_in = (CUTOFF - timedelta(days=int(first))).year
    usual = leaning.usual_gap_days(len(gaps), sum(gaps), came_in)
    assert usual is not None
    mean_gap = pd.Series(gaps, dtype=float).mean()
    spread = pd.Series(gaps, dtype=float).std()
    mean_amount = orders["amount"].mean()
    last_amount = orders.loc[orders["age"] == last, "amount"].sum()
    season = [day for day in days if 275 < day <= 365]
    all_season = [day for day in days if (day - 1) % 365 >= 275]
    recent = orders[orders["age"] <= 180]
    is_old = first >= 365
    return {
        "days_since_last_order": last,
        "days_since_previous_order": days[-2] if gaps else NAN,
        "days_since_first_order": first,
        "order_span_days": first - last,
        "n_orders": len(orders),
        "n_order_days": len(days),
        **{f"n_order_days_{window}": n_days(window) for window in (7, 30, 90, 180, 365)},
        **{f"spend_amount_{window}": spend(window) for window in (7, 30, 90, 180, 365)},
        "spend_amount": orders["amount"].sum(),
        "spend_per_month": orders["amount"].sum() * 30 / (first + 30),
        "order_days_per_month": len(days) * 30 / (first + 30),
        "mean_gap_days": mean_gap,
        "usual_gap_days": usual,
        "gap_spread_days": spread,
        "gap_variation_ratio": spread / mean_gap if len(gaps) > 1 else NAN,
        "last_gap_days": gaps[-1] if gaps else NAN,
        "longest_gap_days": max(gaps, default=NAN),
        "lateness_ratio": last / usual,
        "lateness_spreads": (last - mean_gap) / (spread + 1),
        "longest_gap_ratio": last / max(gaps, default=NAN),
        "last_gap_ratio": gaps[-1] / mean_gap if gaps else NAN,
        "order_trend_90": (n_days(90) + 0.5) / (n_days(180) - n_days(90) + 0.5),
        "order_trend_30": (n_days(30) + 0.5) / ((n_days(90) - n_days(30)) / 2 + 0.5),
        "pace_ratio_90": (n_days(90) + 0.5) / (len(days) * 90 / (first + 30) + 0.5),
        "spend_share_90_of_180": ratio(spend(90), spend(180)),
        "mean_order_amount": mean_amount,
        "last_order_amount": last_amount,
        "first_order_amount": orders.sort_values(["order_time", "order_id"])["amount"].iloc[0],
        "largest_order_amount": orders["amount"].max(),
        "order_amount_spread": orders["amount"].std(),
        "last_order_ratio": last_amount / mean_amount,
        "order_amount_trend_180": recent["amount"].mean() / mean_amount,
        "mean_items": orders["n_items"].mean(),
        "items_trend_180": recent["n_items"].mean() / orders["n_items"].mean(),
        "discounted_order_share": (orders["discount_amount"] > 0).mean(),
        "discounted_order_share_180": (recent["discount_amount"] > 0).mean(),
        "discount_rate": orders["discount_amount"].sum() / (orders["discount_amount"] + orders["amount"]).sum(),
        "last_order_discounted": float((orders.loc[orders["age"] == last, "discount_amount"] > 0).any()),
        "uses_several_channels": float(orders["channel"].nunique() > 1),
        "season_order_days_last_year": len(season) if is_old else NAN,
        "season_order_share": len(all_season) / len(days) if is_old else NAN,
    }


def basket_features(lines: pd.DataFrame, returns: pd.DataFrame, orders: pd.DataFrame) -> dict[str, float]:
    products = lines.groupby("product_id")["age"].agg(["min", "max"])
    categories = lines.groupby("category")["age"].agg(["min", "size"])
    last = orders["age"].min()
    return {
        "lines_per_order": len(lines) / len(orders),
        "mean_unit_price": lines["amount"].sum() / lines["quantity"].sum(),
        "n_products": len(products),
        "n_new_products_180": (products["max"] <= 180).sum(),
        "repeat_product_share": (products["max"] > products["min"]).mean(),
        "n_categories": len(categories),
        "n_categories_180": (categories["min"] <= 180).sum(),
        "kept_category_share_180": (categories["min"] <= 180).mean(),
        "top_category_share": categories["size"].max() / len(lines),
        "n_returns": len(returns),
        "n_returns_180": (returns["age"] <= 180).sum(),
        "n_returns_since_order": (returns["age"] <= last).sum(),
        "return_order_ratio": len(returns) / len(orders),
        "return_amount_ratio": returns["amount"].sum() / orders["amount"].sum(),
        "days_since_last_return": returns["age"].min(),
    }


def behaviour_features(events: pd.DataFrame, contacts: pd.DataFrame, orders: pd.DataFrame) -> dict[str, float]:
    events = events[events["age"] <= 365]
    contacts = contacts[contacts["channel"] == "email"]
    last = orders["age"].min()
    kinds = {kind: events.loc[events["kind"] == kind, "age"] for kind in ("visit", "view", "cart", "search")}
    mails = {kind: contacts.loc[contacts["kind"] == kind, "age"] for kind in ("sent", "opened", "clicked")}
    return {
        "days_since_last_visit": events["age"].min(),
        **{f"n_events_{window}": (events["age"] <= window).sum() for window in (7, 30, 90, 180)},
        "n_visits_30": (kinds["visit"] <= 30).sum(),
        "n_views_90": (kinds["view"] <= 90).sum(),
        "n_searches_90": (kinds["search"] <= 90).sum(),
        "visit_after_order_days": max(last - events["age"].min(), 0) if len(events) else 0,
        "n_carts_since_order": (kinds["cart"] < last).sum(),
        "n_carts_90": (kinds["cart"] <= 90).sum(),
        "days_since_last_cart": kinds["cart"].min(),
        "n_emails_90": (mails["sent"] <= 90).sum(),
        "n_opened_90": (mails["opened"] <= 90).sum(),
        "open_rate_90": share((mails["opened"] <= 90).sum(), (mails["sent"] <= 90).sum()),
        "click_rate_365": share((mails["clicked"] <= 365).sum(), (mails["sent"] <= 365).sum()),
        "days_since_last_open": pd.concat([mails["opened"], mails["clicked"]]).min(),
        "has_unsubscribed": float((contacts["kind"] == "unsubscribed").any()),
    }


def service_features(tickets: pd.DataFrame, feedback: pd.DataFrame, orders: pd.DataFrame) -> dict[str, float]:
    replied = tickets["first_reply_at"].where(tickets["first_reply_at"] < CUTOFF)
    resolved = tickets["resolved_at"].where(tickets["resolved_at"] < CUTOFF)
    waits = (replied - tickets["opened_at"]).dt.total_seconds() / 3600
    satisfaction = tickets["satisfaction"].where(resolved.notna())
    stated = tickets.assign(satisfaction=satisfaction).dropna(subset="satisfaction")
    rated = feedback.dropna(subset="rating")

    def latest(rows: pd.DataFrame, time: str, column: str) -> float:
        return rows.loc[rows[time] == rows[time].max(), column].min() if len(rows) else NAN

    last_rating = latest(rated, "feedback_time", "rating")
    return {
        "n_tickets_90": (tickets["age"] <= 90).sum(),
        "n_tickets_365": (tickets["age"] <= 365).sum(),
        "n_tickets_since_order": (tickets["age"] <= orders["age"].min()).sum(),
        "days_since_last_ticket": tickets["age"].min(),
        "n_open_tickets": resolved.isna().sum(),
        "open_ticket_days": tickets.loc[resolved.isna(), "age"].max(),
        "n_unanswered_tickets": replied.isna().sum(),
        "mean_wait_hours": waits.mean(),
        "longest_wait_hours_365": waits[tickets["age"] <= 365].max(),
        "mean_satisfaction": satisfaction.mean(),
        "last_satisfaction": latest(stated, "opened_at", "satisfaction"),
        "n_ratings": len(rated),
        "mean_rating": rated["rating"].mean(),
        "last_rating": last_rating,
        "lowest_rating_365": rated.loc[rated["age"] <= 365, "rating"].min(),
        "rating_trend_points": last_rating - rated["rating"].mean(),
        "days_since_last_feedback": feedback["age"].min(),
    }


def by_hand(frames: Frames, leaning: Shrinkage) -> pd.DataFrame:
    """Features of every past buyer, counted with pandas."""
    past = frames["orders"][frames["orders"]["order_time"] < CUTOFF]
    rows = {}
    for customer in sorted(past["customer_id"].unique()):
        orders = aged(frames["orders"], "order_time", customer)
        signup = frames["customers"].set_index("customer_id").loc[customer, "signup_time"]
        signup_age = (pd.Timestamp(CUTOFF) - signup).days
        rows[customer] = {
            **order_features(orders, leaning),
            **basket_features(
                aged(frames["order_lines"], "order_time", customer),
                aged(frames["returns"], "return_time", customer),
                orders,
            ),
            **behaviour_features(
                aged(frames["events"], "event_time", customer),
                aged(frames["contacts"], "contact_time", customer),
                orders,
            ),
            **service_features(
                aged(frames["tickets"], "opened_at", customer),
                aged(frames["feedback"], "feedback_time", customer),
                orders,
            ),
            "days_since_signup": signup_age,
            "days_signup_to_order": signup_age - orders["age"].max(),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


@pytest.fixture(scope="module")
def two_routes(frames: Frames, small_shop: Warehouse) -> tuple[pd.DataFrame, pd.DataFrame]:
    expected = by_hand(frames, shrinkage(small_shop, CUTOFF))
    built = build_features(small_shop, CUTOFF, ChurnDefinition(horizon_days=60))
    return expected, built


def test_most_features_are_counted_by_hand(two_routes: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    expected, built = two_routes
    assert len(expected) >= 30
    assert set(expected.columns) <= set(built.columns)
    assert len(expected.columns) >= 90
    assert list(built.columns) == list(USUAL)


def test_both_routes_give_the_same_numbers(two_routes: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    expected, built = two_routes
    assert list(expected.index) == list(built.index)
    for name in expected.columns:
        pd.testing.assert_series_equal(
            expected[name].astype("float32"), built[name], rtol=1e-5, check_names=False, check_index=False, obj=name
        )


def test_the_comparison_has_present_and_missing_values(two_routes: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    expected, _ = two_routes
    assert expected.notna().any().all()
    for name in ("last_gap_days", "days_since_last_return", "season_order_share", "last_satisfaction"):
        assert expected[name].isna().any(), name


def test_one_customer_by_hand(load_frames: Callable[[Frames], Warehouse]) -> None:
    days = ["2024-12-02", "2024-12-12", "2024-12-12", "2025-01-11"]
    orders = pd.DataFrame(
        {
            "customer_id": "anna",
            "order_id": ["1", "2", "3", "4"],
            "order_time": pd.to_datetime(days),
            "amount": [10.0, 20.0, 5.0, 40.0],
        }
    )
    built = build_features(load_frames({"orders": orders}), CUTOFF, ChurnDefinition(horizon_days=60)).loc["anna"]
    expected = {
        "days_since_last_order": 21, "days_since_previous_order": 51, "days_since_first_order": 61,
        "n_orders": 4, "n_order_days": 3, "n_order_days_30": 1, "n_order_days_90": 3,
        "mean_gap_days": 20, "last_gap_days": 30, "longest_gap_days": 30, "usual_gap_days": 20,
        "gap_spread_days": math.sqrt(200), "lateness_ratio": 21 / 20, "longest_gap_ratio": 0.7,
        "spend_amount": 75, "spend_amount_30": 40, "last_order_amount": 40, "mean_order_amount": 18.75,
        "last_order_ratio": 40 / 18.75,
    }  # fmt: skip
    for name, value in expected.items():
        assert built[name] == pytest.approx(value), name
    assert math.isnan(built["season_order_share"])
    assert "mean_items" not in built.index
