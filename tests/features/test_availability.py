"""A table or an optional column that was not uploaded removes the features that rest on it, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pandas as pd
import pytest

from churn_core.features.build import build_features
from churn_core.features.registry import FEATURES, USUAL, available_features, needs_of, tables_of
from churn_core.timeline import ChurnDefinition
from churn_core.warehouse import Warehouse

Frames = dict[str, pd.DataFrame]
Load = Callable[[Frames], Warehouse]
CUTOFF = datetime(2025, 2, 1)
DEFINITION = ChurnDefinition(horizon_days=60)

REMOVED_WITH = {
    "customers": {"days_since_signup", "days_signup_to_order"},
    "order_lines": {"lines_per_order", "n_products", "top_category_share", "mean_unit_price"},
    "returns": {"n_returns", "return_amount_ratio", "days_since_last_return"},
    "events": {"n_visits_30", "n_carts_since_order", "days_since_last_visit", "cart_order_ratio_90"},
    "feedback": {"mean_rating", "days_since_last_feedback"},
    "tickets": {"n_open_tickets", "mean_wait_hours", "last_satisfaction"},
    "contacts": {"open_rate_90", "has_unsubscribed"},
}

REMOVED_WITHOUT_COLUMN = {
    ("orders", "discount_amount"): {
        "discounted_order_share", "discounted_order_share_180", "discount_rate", "last_order_discounted",
    },
    ("orders", "n_items"): {"mean_items", "items_trend_180"},
    ("orders", "channel"): {"uses_several_channels"},
    ("order_lines", "category"): {
        "n_categories", "n_categories_180", "kept_category_share_180", "top_category_share",
    },
    ("order_lines", "quantity"): {"mean_unit_price"},
    ("returns", "amount"): {"return_amount_ratio"},
    ("tickets", "satisfaction"): {"mean_satisfaction", "last_satisfaction"},
    ("feedback", "rating"): {
        "n_ratings", "mean_rating", "last_rating", "lowest_rating_365", "rating_trend_points",
    },
}  # fmt: skip


def names(warehouse: Warehouse) -> set[str]:
    return {feature.name for feature in available_features(warehouse)}


def test_a_full_shop_has_every_feature(small_shop: Warehouse) -> None:
    assert names(small_shop) == set(USUAL)


@pytest.mark.parametrize("table", REMOVED_WITH)
def test_an_empty_table_removes_exactly_its_features(
    table: str, frames: Frames, small_shop: Warehouse, load_frames: Load
) -> None:
    without = load_frames({name: frame for name, frame in frames.items() if name != table})
    removed = set(USUAL) - names(without)
    assert removed >= REMOVED_WITH[table]
    assert removed == {feature.name for feature in USUAL.values() if table in tables_of(feature)}
    assert all(FEATURES[name].table == table for name in removed)
    kept = build_features(small_shop, CUTOFF, DEFINITION).drop(columns=sorted(removed))
    pd.testing.assert_frame_equal(build_features(without, CUTOFF, DEFINITION), kept)


@pytest.mark.parametrize(("table", "column"), REMOVED_WITHOUT_COLUMN)
def test_an_empty_column_removes_exactly_what_rests_on_it(
    table: str, column: str, frames: Frames, load_frames: Load
) -> None:
    without = load_frames(frames | {table: frames[table].drop(columns=column)})
    assert set(USUAL) - names(without) == REMOVED_WITHOUT_COLUMN[table, column]


def test_orders_without_amounts_still_have_recency_and_rhythm(frames: Frames, load_frames: Load) -> None:
    bare = load_frames({"orders": frames["orders"][["customer_id", "order_id", "order_time"]]})
    found = names(bare)
    assert {"days_since_last_order", "n_order_days", "days_since_first_order", "lateness_ratio"} <= found
    assert not any(FEATURES[name].unit == "currency" for name in found)
    assert build_features(bare, CUTOFF, DEFINITION)["lateness_ratio"].notna().all()


def test_needs_and_tables_of_a_derived_feature_come_from_its_parts() -> None:
    assert needs_of(FEATURES["return_amount_ratio"]) == {"returns.amount", "orders.amount"}
    assert tables_of(FEATURES["return_amount_ratio"]) == {"returns", "orders"}
    assert needs_of(FEATURES["lateness_ratio"]) == frozenset()


def test_a_customer_without_rows_counts_zero_but_before_the_log_began_nothing_is_known(
    frames: Frames, load_frames: Load
) -> None:
    events = frames["events"]
    late = events[(events["event_time"] >= "2024-10-01") & (events["customer_id"] != "c03")]
    shop = load_frames(frames | {"events": late})
    asked = ["n_events_90", "days_since_last_visit", "n_carts_since_order"]
    now = build_features(shop, CUTOFF, DEFINITION, features=asked)
    assert now["n_events_90"].notna().all()
    assert now.loc["c03", "n_events_90"] == 0
    assert pd.isna(now.loc["c03", "days_since_last_visit"])
    before = build_features(shop, datetime(2024, 10, 1), DEFINITION, features=asked)
    assert len(before)
    assert before.isna().all(axis=None)
