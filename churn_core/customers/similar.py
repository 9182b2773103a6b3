"""What is usual among customers like this one: as long a customer with as many order days, or alike in a text.

What is usual among everybody says little about somebody who came last month. Alike are the customers of the same run
who are nearest in two numbers that behaviour of late hardly moves: the time since the first order and the number of
order days, both on a logarithmic scale. A labelled table has neither; there alike are those who have the same text in
the column of texts that counts most for the customer, such as the same contract.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from churn_core.customers.attributes import attribute_value
from churn_core.models.families import CONSTANTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from churn_core.models.runs import ScoreRun
    from churn_core.warehouse import Warehouse

ALIKE_IN = ("days_since_first_order", "n_order_days")
AS_LONG = "who have been customers about as long, with about as many order days"
N_MOST = 1_000
"""Customers who are called alike, at most."""
SHARE = 0.2
"""Share of the run that is called alike by nearness, at most."""
N_LEAST = 50
"""Customers below whom a range would say nothing."""


@dataclass(frozen=True, kw_only=True)
class Similar:
    """What is usual among the customers most like one."""

    n_customers: int
    """Customers who are alike."""
    words: str
    """In what they are alike, to go on with after their number."""
    ranges: Mapping[str, tuple[float, float]]
    """Feature -> 25th and 75th percentile among them; left out where fewer than half of them have a number."""


def similar(warehouse: Warehouse, run: ScoreRun, customer_id: str) -> Similar | None:
    """What is usual among the customers of a run who are most like one.

    None where the customer was not scored, where nothing is known to be alike in (a table of numbers alone), and where
    too few are alike.
    """
    if set(ALIKE_IN) <= set(run.feature_names):
        return _as_long(warehouse, run, customer_id)
    return _same_text(warehouse, run, customer_id) if run.source == "snapshots" else None


def _as_long(warehouse: Warehouse, run: ScoreRun, customer_id: str) -> Similar | None:
    """The nearest in tenure and order days."""
    n_alike = min(N_MOST, int(SHARE * run.n_customers))
    if n_alike < N_LEAST:
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
    return _usual(run, rows, AS_LONG)


def _same_text(warehouse: Warehouse, run: ScoreRun, customer_id: str) -> Similar | None:
    """Those of a labelled table with the same text in the column that counts most, of which enough have the same."""
    own = warehouse.rows(
        "SELECT contributions FROM contributions WHERE run_id = $run_id AND customer_id = $customer_id",
        {"run_id": run.run_id, "customer_id": customer_id},
    )
    if not own:
        return None
    known = run.summary.get("usual") or {}
    texts = [
        (-abs(contribution), name)
        for name, contribution in zip(run.feature_names, own[0][0], strict=True)
        if name not in known and name not in CONSTANTS
    ]
    for _, name in sorted(texts):
        value, parameters = attribute_value(name, run.source, "name")
        asked = {**parameters, "customer_id": customer_id}
        text = warehouse.value(f"SELECT {value} FROM snapshots WHERE customer_id = $customer_id", asked)
        if not text:
            continue
        rows = warehouse.rows(
            "SELECT feature_values FROM contributions JOIN snapshots USING (customer_id) "
            f"WHERE run_id = $run_id AND customer_id <> $customer_id AND {value} = $text "
            "ORDER BY md5(customer_id) LIMIT $n_most",
            {**asked, "run_id": run.run_id, "text": text, "n_most": N_MOST},
        )
        if len(rows) >= N_LEAST:
            return _usual(run, rows, f"whose {name} is {text} too")
    return None


def _usual(run: ScoreRun, rows: Sequence[tuple[Sequence[float]]], words: str) -> Similar:
    """The ranges among the customers of some rows of feature values."""
    values = np.array([row[0] for row in rows], dtype=float)
    is_known = (~np.isnan(values)).mean(axis=0) >= 0.5
    ranges = {}
    for place in np.flatnonzero(is_known):
        low, high = np.nanquantile(values[:, place], [0.25, 0.75])
        ranges[run.feature_names[place]] = (float(low), float(high))
    return Similar(n_customers=len(rows), words=words, ranges=ranges)
