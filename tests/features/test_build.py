"""Who gets a row of features, in which order and type, and what a selection of customers changes: nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from churn_core.errors import NotFound
from churn_core.features.attributes import OTHER
from churn_core.features.build import build_features
from churn_core.features.registry import FEATURES
from churn_core.timeline import ChurnDefinition
from churn_core.warehouse import Warehouse

Frames = dict[str, pd.DataFrame]
Load = Callable[[Frames], Warehouse]
CUTOFF = datetime(2025, 2, 1)
ALL_BUYERS = ChurnDefinition(horizon_days=60)


def buyers(frames: Frames, days: int | None = None) -> list[str]:
    orders = frames["orders"]
    past = orders[orders["order_time"] < CUTOFF]
    if days is not None:
        past = past[past["order_time"] >= CUTOFF - timedelta(days=days)]
    return sorted(past["customer_id"].unique())


def test_all_past_buyers_in_the_order_of_their_ids(frames: Frames, small_shop: Warehouse) -> None:
    built = build_features(small_shop, CUTOFF, ALL_BUYERS)
    assert list(built.index) == buyers(frames)
    assert built.index.name == "customer_id"
    assert set(built.dtypes) == {np.dtype("float32")}
    assert not np.isinf(built.to_numpy()).any()


@pytest.mark.parametrize("days", [20, 60, 365])
def test_only_customers_active_in_the_window(frames: Frames, small_shop: Warehouse, days: int) -> None:
    definition = ChurnDefinition(horizon_days=60, activity_days=days)
    active = build_features(small_shop, CUTOFF, definition)
    assert list(active.index) == buyers(frames, days)
    everyone = build_features(small_shop, CUTOFF, ALL_BUYERS)
    pd.testing.assert_frame_equal(active, everyone.loc[active.index])


def test_one_customer_has_the_numbers_of_the_whole_table(small_shop: Warehouse) -> None:
    everyone = build_features(small_shop, CUTOFF, ALL_BUYERS)
    some = [everyone.index[7], everyone.index[2]]
    built = build_features(small_shop, CUTOFF, ALL_BUYERS, customer_ids=[*some, "nobody"])
    pd.testing.assert_frame_equal(built, everyone.loc[sorted(some)])
    assert build_features(small_shop, CUTOFF, ALL_BUYERS, customer_ids=[]).empty


def test_a_sample_is_the_same_customers_at_every_cutoff(frames: Frames, small_shop: Warehouse) -> None:
    everyone = build_features(small_shop, CUTOFF, ALL_BUYERS)
    sample = build_features(small_shop, CUTOFF, ALL_BUYERS, n_most=12)
    assert len(sample) == 12
    pd.testing.assert_frame_equal(sample, everyone.loc[sample.index])
    later = build_features(small_shop, CUTOFF + timedelta(days=60), ALL_BUYERS, n_most=12)
    assert len(set(sample.index) & set(later.index)) >= 10
    assert list(build_features(small_shop, CUTOFF, ALL_BUYERS, n_most=12).index) == list(sample.index)
    assert len(build_features(small_shop, CUTOFF, ALL_BUYERS, n_most=10_000)) == len(everyone)


def test_chosen_features_come_in_the_order_of_the_registry(small_shop: Warehouse) -> None:
    asked = ["n_products", FEATURES["days_since_last_order"], "lateness_ratio"]
    built = build_features(small_shop, CUTOFF, ALL_BUYERS, features=asked)
    assert list(built.columns) == ["days_since_last_order", "lateness_ratio", "n_products"]
    everything = build_features(small_shop, CUTOFF, ALL_BUYERS)
    pd.testing.assert_frame_equal(built, everything[list(built.columns)])


def test_an_unknown_feature_is_refused_with_the_nearest_name(small_shop: Warehouse) -> None:
    with pytest.raises(NotFound, match="did you mean 'n_orders'"):
        build_features(small_shop, CUTOFF, ALL_BUYERS, features=["n_order"])


def test_before_the_first_order_nobody_is_eligible(small_shop: Warehouse) -> None:
    assert build_features(small_shop, datetime(2000, 1, 1), ALL_BUYERS).empty


def test_hostile_ids_are_only_ids(frames: Frames, load_frames: Load) -> None:
    ids = ["00042", "O'Brien", '"; DROP TABLE orders; --', "=1+1", "😀", "a\\b", "$cutoff", "%s", " x", "名前"]
    renamed = {}
    new_names = {f"c{number:02d}": name for number, name in enumerate(ids)}
    for table, frame in frames.items():
        renamed[table] = frame.assign(customer_id=frame["customer_id"].replace(new_names))
    shop = load_frames(renamed)
    plain = build_features(load_frames(frames), CUTOFF, ALL_BUYERS)
    built = build_features(shop, CUTOFF, ALL_BUYERS)
    assert set(ids) & set(built.index) == {new_names[name] for name in plain.index if name in new_names}
    assert len(set(ids) & set(built.index)) >= 8
    for old, new in new_names.items():
        if old in plain.index:
            alone = build_features(shop, CUTOFF, ALL_BUYERS, customer_ids=[new])
            np.testing.assert_array_equal(alone.loc[new].to_numpy(), plain.loc[old].to_numpy())
    assert shop.n_rows("orders") == len(frames["orders"])


def test_only_attributes_marked_as_stable_become_columns(frames: Frames, load_frames: Load) -> None:
    shop = load_frames(frames)
    assert not [name for name in build_features(shop, CUTOFF, ALL_BUYERS) if name.startswith("attribute:")]
    with shop.transaction() as tx:
        tx.save_setting("stable_attributes", ["country", "size", "pla/n~", "name"])
    built = build_features(shop, CUTOFF, ALL_BUYERS)
    assert list(built.columns)[-3:] == ["attribute:country", "attribute:size", "attribute:pla/n~"]
    country = frames["customers"].set_index("customer_id")["country"]
    for customer in built.index:
        known = country[customer]
        found = built.loc[customer, "attribute:country"]
        assert (pd.isna(found) and pd.isna(known)) or found == known
    assert list(built["attribute:country"].cat.categories) == ["DE", "FR", OTHER]
    assert built["attribute:size"].dtype == np.float32
    assert built["attribute:size"].max() == 6
    assert set(built["attribute:pla/n~"]) == {"gold"}
    alone = build_features(shop, CUTOFF, ALL_BUYERS, features=["n_orders", "attribute:country"], customer_ids=["c01"])
    assert list(alone.columns) == ["n_orders", "attribute:country"]
    assert alone["attribute:country"].dtype == built["attribute:country"].dtype


def test_rare_values_of_an_attribute_are_told_as_other(frames: Frames, load_frames: Load) -> None:
    customers = frames["customers"]
    cities = [f"town {number:02d}" for number in range(len(customers))]
    shop = load_frames(frames | {"customers": customers.assign(city=cities)})
    with shop.transaction() as tx:
        tx.save_setting("stable_attributes", ["city"])
    column = build_features(shop, CUTOFF, ALL_BUYERS)["attribute:city"]
    assert len(column.cat.categories) == 31
    assert (column == OTHER).any()
    assert column.notna().all()
