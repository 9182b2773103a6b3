"""What became of RFM groups: movement between two days, and how many left after past days.

Separate from the groups of one day because it looks at several; rates are told of days whose outcome is known alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from churn_core.customers.cohort_curves import definition_in_force
from churn_core.customers.moves import Moves, moves_between
from churn_core.customers.rfm import orders_until, scored_sql, thresholds
from churn_core.customers.rfm_rule import GROUPS, RfmRule
from churn_core.customers.rfm_rules import active_rule
from churn_core.customers.selection import Condition
from churn_core.features.definition import first_cutoff
from churn_core.stats.proportions import wilson_interval
from churn_core.timeline import ChurnDefinition, in_label_window, past_cutoffs, seen_before
from churn_core.warehouse import Warehouse

N_DAYS = 3
"""Past days looked at, the latest with a known outcome; their windows do not overlap."""


@dataclass(frozen=True, kw_only=True)
class AfterRate:
    """How many of a group left after the past days, each customer counted on every day they stood in it."""

    n: int
    """Customers on those days of whom the churn question is asked."""
    n_churned: int

    @property
    def churn_rate(self) -> float | None:
        """Share that churned; None for an empty group."""
        return self.n_churned / self.n if self.n else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % interval of that share (Wilson, 1927); None for an empty group."""
        return wilson_interval(self.n_churned, self.n) if self.n else None


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """What became of every group after past days."""

    definition: ChurnDefinition
    """What churned means."""
    days: tuple[datetime, ...]
    """The past days, oldest first; empty while no outcome is known."""
    groups: dict[str, AfterRate]


def rfm_movement(
    warehouse: Warehouse, first: datetime, second: datetime | None = None, *, rule: RfmRule | None = None
) -> Moves:
    """Movement between the groups of two days (the second by default the end of the orders), both by the same rule.

    By fifths each day has the fifths of its own customers. NotEnoughData when there is no order before the first.
    """
    days = orders_until(warehouse, first), orders_until(warehouse, second)
    used = rule or active_rule(warehouse)
    parts = []
    for name, day in zip(("_first", "_second"), days, strict=True):
        scored = scored_sql(used, thresholds(warehouse, used, day), day, name=name)
        parts.append(
            Condition(
                sql=f"SELECT customer_id, rfm_group AS state, spend_in_all FROM ({scored.sql})",
                parameters=scored.parameters,
            )
        )
    return moves_between(warehouse, *parts, days=days, groups=tuple(GROUPS))


def outlook(warehouse: Warehouse, as_of: datetime | None = None, *, rule: RfmRule | None = None) -> Outlook:
    """Churn rates after the latest past days whose outcome was known at ``as_of`` (default: the end of the orders)."""
    day, used = orders_until(warehouse, as_of), rule or active_rule(warehouse)
    definition, _ = definition_in_force(warehouse)
    first = first_cutoff(warehouse, definition)
    assert first is not None
    days = past_cutoffs(
        first=first, known_until=day, definition=definition, step_days=definition.span_days, n_most=N_DAYS
    )
    counted = dict.fromkeys(GROUPS, (0, 0))
    for past in days:
        scored = scored_sql(used, thresholds(warehouse, used, past), past)
        for group, n, n_stayed in warehouse.rows(
            "SELECT rfm_group, count(*), count(bought.customer_id) FROM "
            f"(SELECT customer_id, rfm_group FROM ({scored.sql}) "
            f"WHERE {seen_before('last_time', days=definition.activity_days)}) LEFT JOIN (SELECT DISTINCT customer_id "
            f"FROM orders WHERE {in_label_window('order_time', definition)}) bought USING (customer_id) GROUP BY ALL",
            scored.parameters,
        ):
            counted[group] = (counted[group][0] + n, counted[group][1] + n - n_stayed)
    return Outlook(
        definition=definition,
        days=tuple(days),
        groups={group: AfterRate(n=n, n_churned=n_churned) for group, (n, n_churned) in counted.items()},
    )
