"""What is usual among customers like this one: as long a customer, with as many order days.

What is usual among everybody says little about somebody who came last month. Alike are the customers of the same run
who are nearest in two numbers that behaviour of late hardly moves: the time since the first order and the number of
order days, both on a logarithmic scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from churn_core.models.runs import ScoreRun
    from churn_core.warehouse import Warehouse

ALIKE_IN = ("days_since_first_order", "n_order_days")
N_MOST = 1_000
"""Customers who are called alike, at most."""
SHARE = 0.2
"""Share of the run that is called alike, at most."""
N_LEAST = 50
"""Customers below whom a range would say nothing."""


@dataclass(frozen=True, kw_only=True)
class Similar:
    """What is usual among the customers most like one."""

    n_customers: int
    """Customers who are alike."""
    ranges: Mapping[str, tuple[float, float]]
    """Feature -> 25th and 75th percentile among them; left out where fewer than half of them have a number."""


def similar(warehouse: Warehouse, run: ScoreRun, customer_id: str) -> Similar | None:
    """What is usual among the customers of a run who are most like one.

    None where the model does not know how long and how often people have been customers (a labelled table), where the
    customer was not scored, and in runs too small to choose from.
    """
    n_alike = min(N_MOST, int(SHARE * run.n_customers))
    if n_alike < N_LEAST or not set(ALIKE_IN) <= set(run.feature_names):
        return None
    places = {f"place_{number}": run.feature_names.index(name) + 1 for number, name in enumerate(ALIKE_IN)}
    own = warehouse.rows(
        "SELECT feature_values[$place_0], feature_values[$place_1] FROM contributions "
        "WHERE run_id = $run_id AND customer_id = $customer_id",
        {"run_id": run.run_id, "customer_id": customer_id, **places},
    )
    if not own or None in own[0]:
        return None
    distance = " + ".join(
        f"abs(ln(1 + greatest(feature_values[$place_{number}], 0)) - ln(1 + greatest($own_{number}, 0)))"
        for number in range(len(ALIKE_IN))
    )
    rows = warehouse.rows(
        f"SELECT feature_values FROM contributions WHERE run_id = $run_id AND customer_id <> $customer_id "
        f"ORDER BY {distance}, customer_id LIMIT $n_most",
        {
            "run_id": run.run_id,
            "customer_id": customer_id,
            "n_most": n_alike,
            **places,
            **{f"own_{number}": value for number, value in enumerate(own[0])},
        },
    )
    values = np.array([row[0] for row in rows], dtype=float)
    is_known = (~np.isnan(values)).mean(axis=0) >= 0.5
    ranges = {}
    for place in np.flatnonzero(is_known):
        low, high = np.nanquantile(values[:, place], [0.25, 0.75])
        ranges[run.feature_names[place]] = (float(low), float(high))
    return Similar(n_customers=len(rows), ranges=ranges)
