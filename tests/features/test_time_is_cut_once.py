"""The past ends at the cutoff: rows at or after it change no feature, and one module alone compares with it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import churn_core
from churn_core.errors import InputError
from churn_core.features.build import build_features
from churn_core.features.registry import available_features
from churn_core.schema import TABLES
from churn_core.timeline import ChurnDefinition
from churn_core.warehouse import Warehouse

Frames = dict[str, pd.DataFrame]
INSTANT = r"\$(?:cutoff|known_until)\b"
COMPARED = re.compile(rf"[<>=]=?\s*{INSTANT}|{INSTANT}\s*(?:[<>]|=)|between[^\"']*{INSTANT}", re.IGNORECASE)
DEFINITION = ChurnDefinition(horizon_days=60, activity_days=400)


def known_at(frames: Frames, cutoff: datetime) -> Frames:
    """The shop as it stood at the cutoff: later rows, and later entries of earlier rows, were not there yet."""
    known = {}
    for table, frame in frames.items():
        time = TABLES[table].time
        known[table] = frame if time is None else frame[frame[time] < cutoff]
    tickets = known["tickets"].copy()
    settled = tickets["resolved_at"].fillna(tickets["first_reply_at"]).fillna(tickets["opened_at"])
    tickets["satisfaction"] = tickets["satisfaction"].where(settled < cutoff)
    for column in ("first_reply_at", "resolved_at"):
        tickets[column] = tickets[column].where(tickets[column] < cutoff)
    return known | {"tickets": tickets}


def with_rows_at(frames: Frames, cutoff: datetime) -> Frames:
    """The shop with a copy of every timed row at the cutoff itself: the first instant that must not be seen."""
    more = {}
    for table, frame in frames.items():
        time = TABLES[table].time
        if time is not None:
            copies = frame.head(200).assign(**{time: pd.Timestamp(cutoff)})
            if "order_id" in copies:
                copies["order_id"] += "-again"
            frame = pd.concat([frame, copies], ignore_index=True)
        more[table] = frame
    return more


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(minutes=st.integers(30 * 24 * 60, 890 * 24 * 60), is_midnight=st.booleans())
def test_rows_at_or_after_the_cutoff_change_no_feature(
    frames: Frames, load_frames: Callable[[Frames], Warehouse], minutes: int, is_midnight: bool
) -> None:
    cutoff = datetime(2023, 1, 1) + timedelta(minutes=minutes)
    if is_midnight:
        cutoff = datetime.combine(cutoff.date(), datetime.min.time())
    later = load_frames(with_rows_at(frames, cutoff))
    then = load_frames(known_at(frames, cutoff))
    features = available_features(later)
    with_future = build_features(later, cutoff, DEFINITION, features=features)
    without = build_features(then, cutoff, DEFINITION, features=features)
    pd.testing.assert_frame_equal(with_future, without, rtol=1e-6)
    later.close()
    then.close()


def test_a_row_just_before_the_cutoff_is_seen(frames: Frames, load_frames: Callable[[Frames], Warehouse]) -> None:
    cutoff = datetime(2024, 6, 1)
    extra = frames["orders"].head(1).assign(order_id="late", order_time=pd.Timestamp(cutoff) - timedelta(seconds=1))
    shop = load_frames(frames | {"orders": pd.concat([frames["orders"], extra], ignore_index=True)})
    seen = build_features(shop, cutoff, DEFINITION, features=["days_since_last_order"])
    assert seen.loc[extra["customer_id"].iloc[0], "days_since_last_order"] == 1


def test_the_simulated_shop_keeps_the_past_apart(demo_copy: Warehouse) -> None:
    end = demo_copy.value("SELECT max(order_time) FROM orders")
    cutoff = datetime.combine(end.date() - timedelta(days=120), datetime.min.time())
    features = available_features(demo_copy)
    before = build_features(demo_copy, cutoff, DEFINITION, features=features)
    with demo_copy.transaction() as tx:
        for table in TABLES.values():
            if table.time:
                tx.execute(f"DELETE FROM {table.name} WHERE {table.time} >= $cutoff", {"cutoff": cutoff})
    after = build_features(demo_copy, cutoff, DEFINITION, features=features)
    assert len(before) > 300
    assert np.isfinite(before.to_numpy()).mean() > 0.5
    pd.testing.assert_frame_equal(before, after, rtol=1e-6)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(minutes=st.integers(60 * 24 * 60, 890 * 24 * 60), days_since=st.integers(0, 200))
def test_what_happened_between_the_known_instant_and_the_cutoff_changes_no_feature(
    frames: Frames, load_frames: Callable[[Frames], Warehouse], minutes: int, days_since: int
) -> None:
    cutoff = datetime(2023, 1, 1) + timedelta(minutes=minutes)
    known = cutoff - timedelta(days=days_since)
    later, then = load_frames(frames), load_frames(known_at(frames, known))
    features = available_features(later)
    everybody = ChurnDefinition(horizon_days=60)
    hidden = build_features(later, cutoff, everybody, features=features, known_until=known)
    absent = build_features(then, cutoff, everybody, features=features)
    pd.testing.assert_frame_equal(hidden, absent, rtol=1e-6)
    later.close()
    then.close()


def test_known_until_the_cutoff_is_the_same_as_not_saying_so(small_shop: Warehouse) -> None:
    cutoff = datetime(2024, 6, 1)
    plain = build_features(small_shop, cutoff, DEFINITION)
    pd.testing.assert_frame_equal(plain, build_features(small_shop, cutoff, DEFINITION, known_until=cutoff))
    with pytest.raises(InputError, match="after the cutoff"):
        build_features(small_shop, cutoff, DEFINITION, known_until=cutoff + timedelta(days=1))


def test_with_nothing_new_only_ages_grow(small_shop: Warehouse) -> None:
    cutoff = datetime(2024, 6, 1)
    everybody = ChurnDefinition(horizon_days=60)
    then = build_features(small_shop, cutoff, everybody)
    aged = build_features(small_shop, cutoff + timedelta(days=40), everybody, known_until=cutoff)
    assert list(aged.index) == list(then.index)
    for name in ("days_since_last_order", "days_since_first_order", "days_since_last_visit", "days_since_signup"):
        grown = aged[name] - then[name]
        assert set(grown.dropna().unique()) == {40.0}, name
    for name in ("n_orders", "mean_gap_days", "spend_amount", "n_ratings", "n_products"):
        pd.testing.assert_series_equal(aged[name], then[name])


def modules_that_compare() -> list[str]:
    folder = Path(churn_core.__file__).parent
    return [
        str(path.relative_to(folder))
        for path in sorted(folder.rglob("*.py"))
        if COMPARED.search(path.read_text(encoding="utf-8"))
    ]


def test_one_module_alone_compares_with_the_cutoff() -> None:
    assert modules_that_compare() == ["timeline.py"]


@pytest.mark.parametrize(
    "sql", ["t >= $cutoff", "t<$cutoff", "$cutoff > t", "t BETWEEN $cutoff AND x", "t = $cutoff", "t < $known_until"]
)
def test_the_guard_would_notice(sql: str) -> None:
    assert COMPARED.search(sql)
