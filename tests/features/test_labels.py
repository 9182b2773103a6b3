"""Labels look at [cutoff + lead, cutoff + lead + horizon) and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pandas as pd
import pytest

from churn_core.errors import NotEnoughData
from churn_core.features.build import build_features
from churn_core.features.labels import build_labels
from churn_core.timeline import ChurnDefinition
from churn_core.warehouse import Warehouse

Frames = dict[str, pd.DataFrame]
Load = Callable[[Frames], Warehouse]
CUTOFF = datetime(2025, 2, 1)
DEFINITION = ChurnDefinition(horizon_days=30, lead_days=7)


def shop_with(load_frames: Load, *later: tuple[str, datetime, float | None]) -> Warehouse:
    """Four old customers, an order long after the window, and the orders given."""
    rows = [(name, datetime(2025, 1, 1), 1.0) for name in ("anna", "bob", "cem", "dana")]
    rows += [*later, ("elsewhere", datetime(2025, 12, 1), 1.0)]
    orders = pd.DataFrame(rows, columns=["customer_id", "order_time", "amount"])
    orders["order_id"] = [str(number) for number in range(len(orders))]
    return load_frames({"orders": orders})


def test_the_window_is_closed_at_its_start_and_open_at_its_end(load_frames: Load) -> None:
    start, end = CUTOFF + timedelta(days=7), CUTOFF + timedelta(days=37)
    instant = timedelta(microseconds=1)
    shop = shop_with(
        load_frames, ("anna", start, 10.0), ("bob", start - instant, 20.0), ("cem", end - instant, 30.0),
        ("dana", end, 40.0),
    )  # fmt: skip
    labels = build_labels(shop, CUTOFF, DEFINITION)
    assert labels["churned"].to_dict() == {"anna": False, "bob": True, "cem": False, "dana": True}
    assert labels["future_amount"].to_dict() == {"anna": 10.0, "bob": 0.0, "cem": 30.0, "dana": 0.0}
    assert labels["churned"].dtype == bool


def test_labels_are_indexed_like_the_features(small_shop: Warehouse, frames: Frames) -> None:
    cutoff = datetime(2024, 11, 1)
    features = build_features(small_shop, cutoff, DEFINITION, n_most=15)
    labels = build_labels(small_shop, cutoff, DEFINITION, features)
    pd.testing.assert_index_equal(labels.index, features.index)
    orders = frames["orders"]
    window = orders[(orders["order_time"] >= "2024-11-08") & (orders["order_time"] < "2024-12-08")]
    expected = window.groupby("customer_id")["amount"].sum().reindex(features.index)
    assert list(labels["churned"]) == list(expected.isna())
    sent_back = frames["returns"]
    late = sent_back[(sent_back["return_time"] >= "2024-11-08") & (sent_back["return_time"] < "2024-12-08")]
    less = late.groupby("customer_id")["amount"].sum().reindex(features.index).fillna(0)
    net = (expected.fillna(0) - less).clip(lower=0)
    assert labels["future_amount"].to_numpy() == pytest.approx(net.to_numpy())
    everyone = build_labels(small_shop, cutoff, DEFINITION)
    pd.testing.assert_frame_equal(everyone.loc[features.index], labels)


def test_what_is_sent_back_in_the_window_is_taken_off(load_frames: Load) -> None:
    inside, end = CUTOFF + timedelta(days=7), CUTOFF + timedelta(days=37)
    orders = (("anna", inside, 10.0), ("bob", inside, 20.0), ("cem", inside, 30.0), ("dana", inside, None))
    shop = shop_with(load_frames, *orders)
    returned = [
        ("anna", inside - timedelta(microseconds=1), 4.0), ("anna", end, 4.0), ("bob", inside, 5.0),
        ("bob", end - timedelta(microseconds=1), 2.5), ("cem", inside + timedelta(days=1), 90.0),
        ("dana", inside + timedelta(days=1), 3.0), ("anna", inside, None),
    ]  # fmt: skip
    frame = pd.DataFrame(returned, columns=["customer_id", "return_time", "amount"])
    frame["return_time"] = frame["return_time"].astype("datetime64[us]")
    frame["return_id"] = [str(number) for number in range(len(frame))]
    with shop.transaction() as tx:
        tx.append("returns", frame)
    labels = build_labels(shop, CUTOFF, DEFINITION)
    assert not labels["churned"].any()
    spent = labels["future_amount"]
    assert spent[["anna", "bob", "cem"]].to_dict() == {"anna": 10.0, "bob": 12.5, "cem": 0.0}
    assert pd.isna(spent["dana"])


def test_everybody_churned_when_nobody_ordered(load_frames: Load) -> None:
    labels = build_labels(shop_with(load_frames), CUTOFF, DEFINITION)
    assert labels["churned"].all()
    assert (labels["future_amount"] == 0).all()


def test_an_unknown_amount_stays_unknown(load_frames: Load) -> None:
    shop = shop_with(load_frames, ("anna", CUTOFF + timedelta(days=10), None))
    labels = build_labels(shop, CUTOFF, DEFINITION)
    assert not labels.loc["anna", "churned"]
    assert pd.isna(labels.loc["anna", "future_amount"])


def test_an_outcome_that_is_not_known_yet_is_refused(load_frames: Load) -> None:
    shop = shop_with(load_frames)
    with pytest.raises(NotEnoughData, match="choose an earlier cutoff"):
        build_labels(shop, datetime(2025, 11, 1), DEFINITION)
    last = datetime(2025, 12, 2) - timedelta(days=DEFINITION.span_days)
    assert len(build_labels(shop, last, DEFINITION)) == 4
    with pytest.raises(NotEnoughData):
        build_labels(shop, last + timedelta(days=1), DEFINITION)
