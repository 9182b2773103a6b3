"""Orders dated far behind all others are refused in one sentence; shops that merely pause are not."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import pytest

from churn_core.errors import InputError
from churn_core.features.clock import clock_jump, require_steady_clock
from churn_core.intake.derived import refresh_derived
from churn_core.warehouse import Warehouse


def _orders(warehouse: Warehouse, times: list[pd.Timestamp], prefix: str = "o") -> None:
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{number % 40}" for number in range(len(times))],
            "order_id": [f"{prefix}{number}" for number in range(len(times))],
            "order_time": pd.Series(times).astype("datetime64[us]"),
            "amount": 10.0,
        }
    )
    with warehouse.transaction() as tx:
        tx.append("orders", frame)
        refresh_derived(tx)
        tx.bump_data_version()


def _daily(start: str, n_days: int) -> list[pd.Timestamp]:
    return list(pd.date_range(start, periods=n_days, freq="D"))


def test_one_order_in_2099_is_refused_with_its_id_and_its_date(warehouse: Warehouse) -> None:
    _orders(warehouse, _daily("2024-01-01", 400))
    assert clock_jump(warehouse) is None
    _orders(warehouse, [pd.Timestamp("2099-01-01")], prefix="stray")
    found = clock_jump(warehouse)
    assert found is not None
    assert (found.n_orders, str(found.first), str(found.usual_end)) == (1, "2099-01-01", "2025-02-03")
    with pytest.raises(InputError, match=r"1 order is dated 1 Jan 2099 or later \('stray0'\)"):
        require_steady_clock(warehouse)


def test_several_stray_days_are_one_jump(warehouse: Warehouse) -> None:
    _orders(warehouse, _daily("2024-01-01", 400))
    _orders(warehouse, [pd.Timestamp("2030-05-01"), pd.Timestamp("2099-01-01")], prefix="stray")
    found = clock_jump(warehouse)
    assert found is not None
    assert (found.n_orders, str(found.first)) == (2, "2030-05-01")


def test_a_shop_that_opens_again_after_a_pause_is_not_refused(warehouse: Warehouse) -> None:
    _orders(warehouse, [*_daily("2024-01-01", 400), *_daily("2025-06-01", 10)])
    assert clock_jump(warehouse) is None


def test_a_shop_with_long_silences_is_not_refused(warehouse: Warehouse) -> None:
    _orders(warehouse, [pd.Timestamp("2020-01-01") + pd.Timedelta(days=45 * number) for number in range(40)])
    _orders(warehouse, [pd.Timestamp("2025-01-29")], prefix="late")
    assert clock_jump(warehouse) is None


def test_an_old_stray_order_does_not_hide_a_new_one(warehouse: Warehouse) -> None:
    _orders(warehouse, [pd.Timestamp("1900-01-01"), *_daily("2024-01-01", 400), pd.Timestamp("2027-01-01")])
    found = clock_jump(warehouse)
    assert found is not None
    assert found.first.year == 2027


def test_no_orders_and_few_orders_say_nothing(warehouse: Warehouse) -> None:
    require_steady_clock(warehouse)
    assert clock_jump(warehouse) is None
    _orders(warehouse, [pd.Timestamp(datetime(2024, 1, 1)), pd.Timestamp(datetime(2099, 1, 1))])
    require_steady_clock(warehouse)
    assert clock_jump(warehouse) is None
