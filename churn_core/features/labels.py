"""What happened after the cutoff: the label of each eligible customer.

Kept apart from the features, which end where this begins; the window is cut by ``timeline.in_label_window`` alone.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from churn_core.errors import NotEnoughData
from churn_core.features.definition import known_until
from churn_core.features.net_spend import has_returns, net_of, returned_within
from churn_core.features.query import eligible_sql
from churn_core.timeline import ChurnDefinition, in_label_window
from churn_core.warehouse import Warehouse

if TYPE_CHECKING:
    import pandas as pd


def build_labels(
    warehouse: Warehouse, cutoff: datetime, definition: ChurnDefinition, features: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Who of the customers churned, and what the others spent, in the label window of a cutoff.

    Indexed like ``features`` (all eligible customers by id when None): ``churned`` says that there was no order in the
    window, ``future_amount`` is the spend in it in the shop's currency (0 for churned customers, missing where no
    amount is known), less what was sent back in it where returns with amounts are known. Raises NotEnoughData when the
    orders end before the window does.
    """
    import pandas as pd

    _check_known(warehouse, cutoff, definition)
    bought = warehouse.frame(
        "SELECT customer_id, CAST(sum(amount) AS DOUBLE) AS future_amount FROM orders "
        f"WHERE {in_label_window('order_time', definition)} GROUP BY customer_id",
        {"cutoff": cutoff},
    ).set_index("customer_id")
    if features is None:
        asked = warehouse.frame(
            f"SELECT customer_id FROM ({eligible_sql(definition)}) ORDER BY customer_id",
            {"cutoff": cutoff, "known_until": cutoff},
        )
        customers = pd.Index(asked["customer_id"], name="customer_id")
    else:
        customers = features.index
    position = bought.index.get_indexer(customers)
    churned = position < 0
    amounts = bought["future_amount"].to_numpy()
    future = amounts[position] if len(amounts) else position * 0.0
    future[churned] = 0.0
    if has_returns(warehouse):
        future = net_of(future.astype(float), returned_within(warehouse, cutoff, definition, customers))
    return pd.DataFrame({"churned": churned, "future_amount": future}, index=customers)


def _check_known(warehouse: Warehouse, cutoff: datetime, definition: ChurnDefinition) -> None:
    end = known_until(warehouse)
    known_at = definition.outcome_known_at(cutoff)
    if end is None or known_at > end:
        found = f"the orders end before {end:%-d %b %Y}" if end else "there are no orders"
        raise NotEnoughData(
            f"what became of customers after {cutoff:%-d %b %Y} is known on {known_at:%-d %b %Y}, but {found}; "
            "choose an earlier cutoff or a shorter horizon."
        )
