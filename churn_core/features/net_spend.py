"""What was sent back: spend is counted less the returns of the same days, because they bring no margin.

Kept apart because it is the one place where returns meet spend: the expected value of the scores, what customers are
worth, the answers these are compared with, what came, and revenue per week are all net by it. A return counts on its
own day, not on that of its order: before that day nobody knew of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

import numpy as np

from churn_core.features.sources import age_days, within
from churn_core.stats.columns import numbers
from churn_core.timeline import ChurnDefinition, in_label_window, seen_before

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from churn_core.warehouse import Warehouse

_KNOWN = "amount > 0"
"""A return of an unknown amount takes nothing off."""
_SPEND = "spend_amount"


def has_returns(warehouse: Warehouse) -> bool:
    """Whether any return with an amount is known; without one, spend is what was ordered."""
    return bool(warehouse.rows(f"SELECT 1 FROM returns WHERE {_KNOWN} LIMIT 1"))


def less_returned_before(
    warehouse: Warehouse, cutoff: datetime, frame: pd.DataFrame, windows: Sequence[int]
) -> pd.DataFrame:
    """The features of a cutoff with spend, in all and in each window of days, less what was returned by then.

    Never below 0; spend that is not known stays so.
    """
    if _SPEND not in frame.columns:
        return frame
    sums = [f"CAST(sum(amount) AS DOUBLE) AS {_SPEND}"]
    sums += [f"CAST(sum(amount) FILTER (WHERE {within(days)}) AS DOUBLE) AS {_SPEND}_{days}" for days in windows]
    found = warehouse.frame(
        f"SELECT customer_id, {', '.join(sums)} FROM (SELECT customer_id, amount, {age_days('return_time')} AS "
        f"age_days FROM returns WHERE {seen_before('return_time')} AND {_KNOWN}) GROUP BY customer_id",
        {"cutoff": cutoff},
    ).set_index("customer_id")
    place = found.index.get_indexer(frame.index)
    net = {
        name: net_of(numbers(frame[name]), _placed(found[name], place)).astype(np.float32)
        for name in found.columns
        if name in frame.columns
    }
    return frame.assign(**net)


def returned_within(
    warehouse: Warehouse, cutoff: datetime, definition: ChurnDefinition, customers: pd.Index
) -> NDArray[np.float64]:
    """What each of these customers sent back within the horizon after a cutoff, in the shop's currency."""
    found = warehouse.frame(
        "SELECT customer_id, CAST(sum(amount) AS DOUBLE) AS amount FROM returns "
        f"WHERE {in_label_window('return_time', definition)} AND {_KNOWN} GROUP BY customer_id",
        {"cutoff": cutoff},
    ).set_index("customer_id")
    return _placed(found["amount"], found.index.get_indexer(customers))


def shop_returned_within(warehouse: Warehouse, cutoff: datetime, definition: ChurnDefinition) -> float:
    """What was sent back by everybody within the horizon after a cutoff, in the shop's currency."""
    found = warehouse.value(
        f"SELECT CAST(sum(amount) AS DOUBLE) FROM returns WHERE {in_label_window('return_time', definition)} "
        f"AND {_KNOWN}",
        {"cutoff": cutoff},
    )
    return float(found or 0.0)


def returned_per_week(warehouse: Warehouse) -> dict[date, float]:
    """What was sent back in each calendar week, by its Monday, in the shop's currency."""
    rows = warehouse.rows(
        "SELECT CAST(date_trunc('week', return_time) AS DATE) AS week, CAST(sum(amount) AS DOUBLE) FROM returns "
        f"WHERE {_KNOWN} GROUP BY week"
    )
    return {week: float(amount) for week, amount in rows}


def net_of(spend: NDArray[np.float64], returned: NDArray[np.float64]) -> NDArray[np.float64]:
    """Spend less what was returned, not below 0; as it is where nothing was returned.

    >>> net_of(np.array([100.0, 30.0, 50.0]), np.array([40.0, 80.0, 0.0])).tolist()
    [60.0, 0.0, 50.0]
    """
    return np.where(returned > 0, np.maximum(spend - returned, 0.0), spend)


def _placed(values: pd.Series, place: NDArray[np.intp]) -> NDArray[np.float64]:
    """Values by place; 0 where a customer (place -1) or a value is missing."""
    return np.nan_to_num(np.append(numbers(values), 0.0))[place]
