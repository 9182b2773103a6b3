"""Time-series signals by hand, and that they are there only where they were asked for."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime

import numpy as np
import pandas as pd
import pytest

from churn_core.errors import NotFound
from churn_core.features.build import build_features, learnable
from churn_core.features.registry import FEATURES, USUAL, available_features
from churn_core.features.signals import SIGNALS, asked_signals, choose_signals
from churn_core.timeline import ChurnDefinition
from churn_core.warehouse import Warehouse

Frames = dict[str, pd.DataFrame]
CUTOFF = datetime(2025, 2, 1)
EVERYBODY = ChurnDefinition(horizon_days=60)
NAN = float("nan")
ALL = [feature.name for feature in FEATURES.values() if feature.signal]


def aged(frame: pd.DataFrame, time: str) -> pd.DataFrame:
    rows = frame[frame[time] < CUTOFF].copy()
    rows["age"] = (pd.Timestamp(CUTOFF) - rows[time].dt.normalize()).dt.days
    return rows


def slope(counts: list[float]) -> float:
    """Least squares slope of counts in the order of time, by numpy."""
    return float(np.polyfit(range(len(counts)), counts, 1)[0])


def per_block(ages: np.ndarray, values: np.ndarray, n_blocks: int) -> list[float]:
    """Sums of values by block of 30 days, the oldest first."""
    return [float(values[(ages > 30 * b) & (ages <= 30 * (b + 1))].sum()) for b in range(n_blocks)][::-1]


def order_signals(orders: pd.DataFrame, shop: dict[str, float]) -> dict[str, float]:
    ages, amounts = orders["age"].to_numpy(float), orders["amount"].to_numpy(float)
    days = np.unique(ages)
    gaps, ended = np.diff(days), days[:-1]
    first = days.max()

    def fading(values: np.ndarray, weights: np.ndarray, half_life: float) -> float:
        return float((weights * 0.5 ** (values / half_life)).sum())

    def n_days(low: float, high: float) -> float:
        return float(((days > low) & (days <= high)).sum())

    def spend(low: float, high: float) -> float:
        return float(amounts[(ages > low) & (ages <= high)].sum())

    ones = np.ones(len(days))
    fast, slow = fading(days, ones, 30), fading(days, ones, 180)
    gap = fading(ended, gaps, 180) / fading(ended, np.ones(len(gaps)), 180) if len(gaps) else NAN
    has_year = first >= 455
    change = (n_days(0, 90) + 0.5) / (n_days(365, 455) + 0.5)
    return {
        "order_ewma_30": fast,
        "order_ewma_180": slow,
        "order_momentum_30": (6 * fast + 0.5) / (slow + 0.5),
        "spend_ewma_90": fading(ages, amounts, 90),
        "gap_ewma_days": gap,
        "lateness_ewma_ratio": days.min() / gap,
        "order_average_change_30_90": n_days(0, 30) - n_days(0, 90) / 3,
        "order_average_change_90_180": n_days(0, 90) / 3 - n_days(0, 180) / 6,
        "order_average_change_180_365": n_days(0, 180) / 6 - n_days(0, 365) * 30 / 365,
        "spend_average_change_90_365": spend(0, 90) / 3 - spend(0, 365) * 30 / 365,
        "order_slope_180": slope(per_block(days, ones, 6)) if first >= 180 else NAN,
        "order_slope_360": slope(per_block(days, ones, 12)) if first >= 360 else NAN,
        "spend_slope_180": slope(per_block(ages, amounts, 6)) if first >= 180 else NAN,
        "order_change_year_90": change if has_year else NAN,
        "spend_change_year_90": (spend(0, 90) + 1) / (spend(365, 455) + 1) if has_year else NAN,
        "season_lift_last_year": (n_days(275, 365) + 0.5) / (n_days(365, 455) + 0.5) if has_year else NAN,
        "order_trend_shop_90": (n_days(0, 90) + 0.5)
        / (n_days(90, 180) + 0.5)
        * (shop["180"] - shop["90"])
        / shop["90"],
        "order_change_year_shop_90": change * shop["last_year"] / shop["90"] if has_year else NAN,
        "season_orders_expected_90": n_days(0, 90) * shop["coming"] / shop["last_year"],
    }


def click_signals(events: pd.DataFrame) -> dict[str, float]:
    ages = events.loc[events["age"] <= 365, "age"].to_numpy(float)
    fast, slow = (float((0.5 ** (ages / half_life)).sum()) for half_life in (14, 90))
    return {
        "event_ewma_14": fast,
        "event_momentum_14": (fast * 90 / 14 + 1) / (slow + 1),
        "event_slope_180": slope(per_block(ages, np.ones(len(ages)), 6)),
    }


@pytest.fixture(scope="module")
def by_hand(frames: Frames) -> pd.DataFrame:
    orders, events = aged(frames["orders"], "order_time"), aged(frames["events"], "event_time")
    days = orders.drop_duplicates(["customer_id", "age"])["age"]
    shop = {
        "90": float((days <= 90).sum()),
        "180": float((days <= 180).sum()),
        "last_year": float(((days > 365) & (days <= 455)).sum()),
        "coming": float(((days > 275) & (days <= 365)).sum()),
    }
    rows = {
        customer: {
            **order_signals(own, shop),
            **click_signals(events[events["customer_id"] == customer]),
        }
        for customer, own in orders.groupby("customer_id")
    }
    return pd.DataFrame.from_dict(rows, orient="index").sort_index()


@pytest.mark.parametrize("name", ALL)
def test_both_routes_give_the_same_numbers(name: str, by_hand: pd.DataFrame, small_shop: Warehouse) -> None:
    built = build_features(small_shop, CUTOFF, EVERYBODY, features=ALL)
    assert list(built.index) == list(by_hand.index)
    pd.testing.assert_series_equal(
        by_hand[name].astype("float32"), built[name], rtol=2e-5, atol=1e-5, check_names=False, check_index=False
    )
    assert built[name].nunique() > 3


def test_every_signal_is_compared_and_missing_where_it_says_so(by_hand: pd.DataFrame) -> None:
    assert set(by_hand.columns) == set(ALL)
    for name in ("order_slope_360", "order_change_year_90", "gap_ewma_days"):
        assert by_hand[name].isna().any(), name
        assert by_hand[name].notna().any(), name


def test_one_customer_by_hand(load_frames: Callable[[Frames], Warehouse]) -> None:
    """Ages 30 and 60 days: the weights are a half and a quarter, the gap of 30 days ended 30 days ago."""
    orders = pd.DataFrame(
        {
            "customer_id": "anna",
            "order_id": ["1", "2"],
            "order_time": pd.to_datetime(["2024-12-03", "2025-01-02"]),
            "amount": [10.0, 40.0],
        }
    )
    shop = load_frames({"orders": orders})
    built = build_features(shop, CUTOFF, EVERYBODY, features=ALL).loc["anna"]
    assert built["order_ewma_30"] == pytest.approx(0.75)
    assert built["gap_ewma_days"] == pytest.approx(30)
    assert built["lateness_ewma_ratio"] == pytest.approx(1)
    assert built["spend_ewma_90"] == pytest.approx(40 * 0.5 ** (1 / 3) + 10 * 0.5 ** (2 / 3), rel=1e-5)
    assert built["order_average_change_30_90"] == pytest.approx(1 - 2 / 3)
    assert math.isnan(built["order_slope_180"])
    assert math.isnan(built["order_change_year_90"])


def test_signals_are_learned_from_where_they_were_asked_for(
    frames: Frames, load_frames: Callable[[Frames], Warehouse]
) -> None:
    shop = load_frames(frames)
    assert set(learnable(shop)) == set(USUAL)
    assert choose_signals(shop, ["slopes", "fading"]) == ("fading", "slopes")
    assert asked_signals(shop) == ("fading", "slopes")
    asked = {feature.name for feature in FEATURES.values() if feature.signal in ("fading", "slopes")}
    assert {feature.name for feature in available_features(shop)} == set(USUAL) | asked
    assert asked <= set(build_features(shop, CUTOFF, EVERYBODY).columns)
    choose_signals(shop, [])
    assert set(learnable(shop)) == set(USUAL)
    with pytest.raises(NotFound, match="did you mean 'slopes'"):
        choose_signals(shop, ["slope"])


def test_a_model_in_use_keeps_its_signals_when_others_are_chosen(
    frames: Frames, load_frames: Callable[[Frames], Warehouse]
) -> None:
    shop = load_frames(frames)
    with shop.transaction() as tx:
        tx.execute(
            "INSERT INTO model_versions (model_version, trained_at, source, estimator, status, data_version, "
            "definition_version, feature_names, summary, artifact, sha256) VALUES (1, $now, 'orders', 'blend', "
            "'champion', 1, 1, ['order_ewma_30', 'n_orders', 'season of the shop'], '{}', '{}', '')",
            {"now": CUTOFF},
        )
    built = build_features(shop, CUTOFF, EVERYBODY)
    assert "order_ewma_30" in built.columns
    assert set(built.columns) - set(USUAL) == {"order_ewma_30"}
    assert "order_ewma_30" not in learnable(shop)


def test_every_group_of_signals_has_features_and_words() -> None:
    assert {FEATURES[name].signal for name in ALL} == set(SIGNALS)
    assert all(words[0].isupper() for words in SIGNALS.values())
