"""What a refresh of the queue would do, without doing it: the effect of other settings, and who waits beyond the day.

Apart from the refresh because it must not write: the rules are asked in temporary tables that are thrown away, so that
nobody who works on an alert meanwhile is in anybody's way.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from churn_core.customers.alert_held import HeldBack
from churn_core.customers.alert_policy import AlertPolicy, alert_policy
from churn_core.customers.alert_pool import situation_of
from churn_core.customers.alert_raising import Candidates, candidates
from churn_core.customers.alert_refresh import ORDERED_SQL, UNNAMED_SQL, ask_rules
from churn_core.warehouse import Transaction, Warehouse, utc_now


@dataclass(frozen=True, kw_only=True)
class Foreseen:
    """What a refresh with a policy would do now."""

    n_new: int
    """Alerts that would be raised."""
    n_today: int
    """Alerts of today that have places of the day already."""
    n_waiting: int
    """Customers who would qualify beyond the places of the day."""
    n_held_back: int
    """Customers who would qualify and must not be contacted."""
    n_leaving: int
    """Untouched alerts that would leave the queue, because no rule names the customer or others have more at stake."""

    @property
    def words(self) -> str:
        """The effect in one or two sentences."""
        raised = f"{self.n_new:,} new {'alert' if self.n_new == 1 else 'alerts'} now" if self.n_new else "no new alert"
        already = (
            f", because {self.n_today:,} of today {'counts' if self.n_today == 1 else 'count'} already"
            if self.n_waiting and self.n_today
            else ""
        )
        parts = [f"Would raise {raised}{already}"]
        if self.n_waiting:
            parts.append(f"{self.n_waiting:,} more would wait beyond the places of the day")
        if self.n_held_back:
            parts.append(f"{self.n_held_back:,} would be left alone for a campaign or the holdout")
        if self.n_leaving:
            parts.append(f"{self.n_leaving:,} that nobody has touched would leave the queue")
        return f"{'; '.join(parts)}."


def foresee(
    warehouse: Warehouse, policy: AlertPolicy, *, held_back: HeldBack | None = None, now: datetime | None = None
) -> Foreseen:
    """What a refresh with this policy would do; nothing is changed."""
    moment = now or utc_now()
    with warehouse.supposed() as tx:
        found = _asked(warehouse, tx, policy, held_back, moment)
        n_leaving = int(
            tx.value(
                f"SELECT count(*) FROM ({UNNAMED_SQL}) WHERE alert_id NOT IN (SELECT alert_id FROM ({ORDERED_SQL}))"
            )
        )
    return Foreseen(
        n_new=len(found.chosen),
        n_today=found.n_today,
        n_waiting=len(found.waiting),
        n_held_back=found.n_held,
        n_leaving=n_leaving + len(found.gave_way),
    )


def who_waits(
    warehouse: Warehouse, *, held_back: HeldBack | None = None, now: datetime | None = None
) -> tuple[str, ...]:
    """Customers who qualify beyond the places of the day, in the order in which they would be raised.

    With those whom a refresh would raise at this moment: nobody has them yet either.
    """
    with warehouse.supposed() as tx:
        found = _asked(warehouse, tx, alert_policy(tx), held_back, now or utc_now())
    return (*found.chosen, *found.waiting)


def _asked(
    warehouse: Warehouse, tx: Transaction, policy: AlertPolicy, held_back: HeldBack | None, now: datetime
) -> Candidates:
    situation = situation_of(warehouse, tx, policy)
    ask_rules(tx, situation, held_back)
    return candidates(tx, situation, now)
