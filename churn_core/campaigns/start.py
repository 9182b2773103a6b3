"""When a campaign may start: nothing that it will be judged by may have happened when its arms are drawn.

Apart from the draw because the plan proposes a start and those who join later need one of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from churn_core.campaigns.goals import OUTCOMES
from churn_core.campaigns.plan import Plan
from churn_core.schema import TABLES, quote
from churn_core.warehouse import Transaction, Warehouse, utc_now

RECENT_DAYS = 45
"""Data that ends within so many days is taken as the present; older data as history that is looked back on."""


def default_start(warehouse: Warehouse | Transaction) -> date:
    """First day on which customers can be contacted: today, or the day after the last order of historic data.

    Never a day that something is known of: where orders of today are there already, it is tomorrow.
    """
    today = utc_now().date()
    last = _last(warehouse, "orders")
    if last is None:
        return today
    after = last.date() + timedelta(days=1)
    return after if last < utc_now() - timedelta(days=RECENT_DAYS) else max(today, after)


def is_over(warehouse: Warehouse | Transaction, day: date) -> bool:
    """Whether a first day of contact has passed while data is of the present: nobody can be contacted in the past.

    Of history that is looked back on any day after its end will do; one day is let through for the time zone.
    """
    last = _last(warehouse, "orders")
    if last is None or last < utc_now() - timedelta(days=RECENT_DAYS):
        return False
    return day < utc_now().date() - timedelta(days=1)


def start_of(day: date) -> datetime:
    """The midnight a day begins with."""
    return datetime(day.year, day.month, day.day)


@dataclass(frozen=True, kw_only=True)
class KnownTooLate:
    """Something known that would count as outcome before the arms were drawn."""

    table: str
    last: datetime
    """Time of the last such row."""


def known_too_late(
    warehouse: Warehouse | Transaction, plan: Plan, *, from_day: date | None = None
) -> KnownTooLate | None:
    """The last thing known at or after the first day of contact by which the plan is judged; None if there is none.

    ``from_day`` stands for the plan's own first day.
    """
    day = from_day or plan.starts_on
    if day is None:
        return None
    known = [(table, _last(warehouse, table)) for table in _judged_by(plan)]
    late = [KnownTooLate(table=table, last=last) for table, last in known if last is not None and last >= start_of(day)]
    return max(late, key=lambda found: found.last) if late else None


def history_days(warehouse: Warehouse | Transaction) -> int | None:
    """Calendar days from the first order to the last, both included; None without orders."""
    first, last = warehouse.rows("SELECT min(order_time), max(order_time) FROM orders")[0]
    return None if first is None else (last.date() - first.date()).days + 1


def _judged_by(plan: Plan) -> list[str]:
    """Tables that the goal and the guardrails are counted from; orders always."""
    names = (plan.goal.outcome, *(rail.outcome for rail in plan.goal.guardrails))
    return list(dict.fromkeys(("orders", *(OUTCOMES[name].needs for name in names))))


def _last(warehouse: Warehouse | Transaction, table: str) -> datetime | None:
    time = TABLES[table].time
    assert time is not None
    found: datetime | None = warehouse.value(f"SELECT max({quote(time)}) FROM {quote(table)}")
    return found
