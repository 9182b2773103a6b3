"""A customer's inputs then, aged and now: what two scorings saw, and what lay between them.

For an order history the past is cut again at the two cutoffs, so corrected or late rows show as what they are. A
labelled table is kept only as it is now; its earlier row is put together from the numbers stored with the run.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from churn_core.errors import NotEnoughData
from churn_core.features.attributes import PREFIX
from churn_core.features.build import build_features
from churn_core.features.registry import FEATURES
from churn_core.intake.snapshot_frame import snapshot_to_score
from churn_core.models.bgnbd import INPUTS
from churn_core.models.telling import MEAN_GAP, N_ORDER_DAYS, SILENT, USUAL_GAP
from churn_core.stats.columns import is_number
from churn_core.timeline import ChurnDefinition, known_since

if TYPE_CHECKING:
    import pandas as pd

    from churn_core.models.movement import State
    from churn_core.warehouse import Warehouse

EVERYBODY = ChurnDefinition(horizon_days=90)
"""All past buyers: the numbers of a customer do not depend on who else is eligible, nor on the horizon."""
SPOKEN = (SILENT, MEAN_GAP, USUAL_GAP, N_ORDER_DAYS)
"""Features that the words need, whatever the models use."""


@dataclass(frozen=True, kw_only=True)
class Happened:
    """What was recorded of a customer between two cutoffs."""

    order_days: tuple[datetime, ...]
    """Days with an order, oldest first."""
    spend_amount: float | None
    """Sum of these orders, in the shop's currency; None where no amount is known."""
    counts: dict[str, int]
    """Other rows by kind: return, click, opened message, request, review; kinds without any are left out."""

    @property
    def is_anything(self) -> bool:
        """Whether anything was recorded."""
        return bool(self.order_days or self.counts)


def order_states(
    warehouse: Warehouse, customer_id: str, names: set[str], earlier: datetime, later: datetime
) -> dict[State, pd.DataFrame]:
    """The customer's features in the three states; NotEnoughData when no order before the earlier cutoff is left."""
    wanted = {name for name in names if name in FEATURES or name.startswith(PREFIX)} | {*INPUTS, *SPOKEN}

    def built(cutoff: datetime, known_until: datetime) -> pd.DataFrame:
        return build_features(
            warehouse,
            cutoff,
            EVERYBODY,
            features=sorted(wanted),
            customer_ids=[customer_id],
            known_until=known_until,
        )

    then = built(earlier, earlier)
    if not len(then):
        raise NotEnoughData(
            f"no order of this customer before {earlier:%-d %b %Y} is in the data any more, so what was known then "
            "cannot be looked at again."
        )
    aged = then if earlier == later else built(later, earlier)
    return {"then": then, "aged": aged, "now": aged if earlier == later else built(later, later)}


def table_states(
    warehouse: Warehouse, customer_id: str, kinds: dict[str, str], stored: dict[str, float | None]
) -> dict[State, pd.DataFrame]:
    """The customer's row of the labelled table now, and as the run stored it (texts as they are now).

    NotEnoughData when the customer is not in the table any more.
    """
    table, _ = snapshot_to_score(warehouse, kinds)
    if customer_id not in table.index:
        raise NotEnoughData("the customer is not in the labelled table any more, so its row cannot be looked at again.")
    now = table.loc[[customer_id]]
    numbers = {name: [stored[name]] for name in now.columns if name in stored and is_number(now[name])}
    then = now.assign(**{name: _as_float(value) for name, value in numbers.items()})
    return {"then": then, "now": now}


def _as_float(values: list[float | None]) -> list[float]:
    return [float("nan") if value is None else float(value) for value in values]


_COUNTED = {
    "return": ("returns", "return_time", ""),
    "click": ("events", "event_time", ""),
    "opened message": ("contacts", "contact_time", " AND kind IN ('opened', 'clicked')"),
    "service request": ("tickets", "opened_at", ""),
    "review": ("feedback", "feedback_time", ""),
}
"""Kind -> table, time and a further condition."""


def happened(warehouse: Warehouse, customer_id: str, earlier: datetime, later: datetime) -> Happened:
    """What was recorded of the customer from the earlier cutoff on and before the later one."""
    between = {"customer_id": customer_id, "known_until": earlier, "cutoff": later}
    orders = warehouse.rows(
        "SELECT CAST(order_time AS DATE) AS day, CAST(sum(amount) AS DOUBLE) FROM orders "
        f"WHERE customer_id = $customer_id AND {known_since('order_time')} GROUP BY day ORDER BY day",
        between,
    )
    amounts = [amount for _, amount in orders if amount is not None]
    counts = {
        kind: int(
            warehouse.value(
                f"SELECT count(*) FROM {table} WHERE customer_id = $customer_id AND {known_since(time)}{condition}",
                between,
            )
        )
        for kind, (table, time, condition) in _COUNTED.items()
    }
    return Happened(
        order_days=tuple(datetime(day.year, day.month, day.day) for day, _ in orders),
        spend_amount=sum(amounts) if amounts else None,
        counts={kind: n for kind, n in counts.items() if n},
    )
