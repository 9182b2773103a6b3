"""Which old segment a new one continues: by the customers they share, one to one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import numpy as np

from churn_core.customers.segmentation_store import Continued
from churn_core.warehouse import Transaction, Warehouse

LEAST_SHARE = 1 / 3
"""Part of the customers of either segment that must be shared for one to continue the other."""


def shared_customers(
    warehouse: Warehouse | Transaction, old: tuple[int, datetime], new: tuple[int, datetime]
) -> dict[tuple[int, int], int]:
    """Customers by old and new segment, each segmentation at its date: (old_no, new_no) -> customers."""
    rows = warehouse.rows(
        "SELECT o.segment_no, n.segment_no, count(*) FROM (SELECT customer_id, segment_no FROM segmentation_members "
        "WHERE segmentation_id = $old AND as_of = $old_at) o JOIN (SELECT customer_id, segment_no "
        "FROM segmentation_members WHERE segmentation_id = $new AND as_of = $new_at) n USING (customer_id) "
        "GROUP BY 1, 2",
        {"old": old[0], "old_at": old[1], "new": new[0], "new_at": new[1]},
    )
    return {(one, other): n for one, other, n in rows}


def continued_segments(
    shared: Mapping[tuple[int, int], int], old_names: Mapping[int, str], new_nos: list[int]
) -> tuple[Continued, ...]:
    """One old segment at most for each new one, so that the customers shared in total are most (Kuhn 1955).

    A pair that shares less than LEAST_SHARE of both is no continuation.
    """
    from scipy.optimize import linear_sum_assignment

    old_nos = list(old_names)
    counts = np.array([[shared.get((old, new), 0) for new in new_nos] for old in old_nos])
    pairs = {new_nos[column]: row for row, column in zip(*linear_sum_assignment(-counts), strict=True)}
    found = []
    for place, no in enumerate(new_nos):
        n_new, row = int(counts[:, place].sum()), pairs.get(no)
        n_shared = int(counts[row, place]) if row is not None else 0
        n_old = int(counts[row].sum()) if row is not None else 0
        if row is None or not n_shared or n_shared < LEAST_SHARE * max(n_new, n_old):
            found.append(Continued(no=no, old_no=None, old_name="", n_shared=0, n_new=n_new, n_old=0))
            continue
        old_no = old_nos[row]
        found.append(
            Continued(no=no, old_no=old_no, old_name=old_names[old_no], n_shared=n_shared, n_new=n_new, n_old=n_old)
        )
    return tuple(found)
