"""Where time is cut.

The one rule that makes the numbers true: features see strictly before the cutoff, labels see from
``cutoff + lead`` on. Every query that must not look ahead takes its condition from :func:`seen_before`,
:func:`known_before` or :func:`in_label_window`; no other module writes a comparison with the cutoff.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from churn_core.errors import InputError


@dataclass(frozen=True, kw_only=True)
class ChurnDefinition:
    """What "churned" means for this shop."""

    horizon_days: int
    """Days looked ahead: no order within them is churn."""
    activity_days: int | None = None
    """Eligible are customers with an order in this many days before the cutoff; None means all past buyers."""
    lead_days: int = 0
    """Days between the cutoff and the start of the label window, left free to act."""
    version: int = 0
    """Counts the saved definitions of a workspace; 0 for one that was not saved."""

    def __post_init__(self) -> None:
        if not 1 <= self.horizon_days <= 1095:
            raise InputError(f"the horizon is {self.horizon_days} days; choose between 1 and 1095 days.")
        if self.activity_days is not None and not 1 <= self.activity_days <= 3650:
            raise InputError(f"the activity window is {self.activity_days} days; choose between 1 and 3650 days.")
        if not 0 <= self.lead_days <= 365:
            raise InputError(f"the lead is {self.lead_days} days; choose between 0 and 365 days.")

    @property
    def span_days(self) -> int:
        """Days from a cutoff until its outcome is fully known."""
        return self.lead_days + self.horizon_days

    def label_window(self, cutoff: datetime) -> tuple[datetime, datetime]:
        """First instant inside and first instant after the window in which an order means "stayed"."""
        start = cutoff + timedelta(days=self.lead_days)
        return start, start + timedelta(days=self.horizon_days)

    def outcome_known_at(self, cutoff: datetime) -> datetime:
        """The instant from which the label of a customer at this cutoff can be known."""
        return cutoff + timedelta(days=self.span_days)


def seen_before(column: str, days: int | None = None) -> str:
    """SQL condition: the row was known before ``$cutoff`` (and at most ``days`` earlier).

    >>> seen_before("order_time")
    'order_time < $cutoff'
    >>> seen_before("order_time", days=30)
    'order_time < $cutoff AND order_time >= $cutoff - INTERVAL 30 DAY'
    """
    condition = f"{column} < $cutoff"
    if days is not None:
        condition += f" AND {column} >= $cutoff - INTERVAL {int(days)} DAY"
    return condition


def known_before(column: str, days: int | None = None) -> str:
    """SQL condition of features: the row was known before ``$known_until`` (and at most ``days`` before ``$cutoff``).

    ``$known_until`` is the cutoff itself, or an instant before it: then the customer is seen at the cutoff as if
    nothing had happened since. Windows and ages count back from the cutoff all the same.

    >>> known_before("order_time", days=30)
    'order_time < $known_until AND order_time >= $cutoff - INTERVAL 30 DAY'
    """
    condition = f"{column} < $known_until"
    if days is not None:
        condition += f" AND {column} >= $cutoff - INTERVAL {int(days)} DAY"
    return condition


def known_since(column: str) -> str:
    """SQL condition: the row became known from ``$known_until`` on and before ``$cutoff``.

    >>> known_since("order_time")
    'order_time >= $known_until AND order_time < $cutoff'
    """
    return f"{column} >= $known_until AND {column} < $cutoff"


def in_label_window(column: str, definition: ChurnDefinition) -> str:
    """SQL condition: the row falls into the label window that belongs to ``$cutoff``.

    >>> in_label_window("order_time", ChurnDefinition(horizon_days=90, lead_days=7))
    'order_time >= $cutoff + INTERVAL 7 DAY AND order_time < $cutoff + INTERVAL 97 DAY'
    """
    return (
        f"{column} >= $cutoff + INTERVAL {int(definition.lead_days)} DAY "
        f"AND {column} < $cutoff + INTERVAL {int(definition.span_days)} DAY"
    )


def past_cutoffs(
    *,
    first: datetime,
    known_until: datetime,
    definition: ChurnDefinition,
    step_days: int = 30,
    n_most: int | None = None,
) -> list[datetime]:
    """Cutoffs whose outcome is known, oldest first, counted back from the latest possible one.

    ``first`` is the earliest cutoff allowed, ``known_until`` the instant up to which orders are complete.

    >>> definition = ChurnDefinition(horizon_days=90)
    >>> cutoffs = past_cutoffs(first=datetime(2011, 1, 1), known_until=datetime(2011, 9, 11), definition=definition)
    >>> [f"{cutoff:%m-%d}" for cutoff in cutoffs]
    ['01-14', '02-13', '03-15', '04-14', '05-14', '06-13']
    """
    if step_days < 1:
        raise InputError(f"the step between cutoffs is {step_days} days; it must be at least 1 day.")
    cutoff = known_until - timedelta(days=definition.span_days)
    found: list[datetime] = []
    while cutoff >= first and (n_most is None or len(found) < n_most):
        found.append(cutoff)
        cutoff -= timedelta(days=step_days)
    return found[::-1]
