"""Which campaigns are over: pages open with one that has something to say, and call it finished everywhere."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from churn_core.campaigns.store import STATUSES, Campaign
from churn_core.features.definition import known_until
from churn_core.warehouse import Warehouse

FINISHED = "Finished"
"""Word for a locked campaign that is over; it stays locked as it is kept."""


def over_first(warehouse: Warehouse, found: Iterable[Campaign]) -> tuple[Campaign, ...]:
    """Campaigns whose last outcome window is known to its end before all others, otherwise in the order given."""
    end = known_until(warehouse)
    return tuple(sorted(found, key=lambda entry: _is_open(entry, end)))


def finished(warehouse: Warehouse, found: Iterable[Campaign]) -> tuple[Campaign, ...]:
    """Of these, the campaigns whose last outcome window is known to its end."""
    end = known_until(warehouse)
    return tuple(entry for entry in found if not _is_open(entry, end))


def status_words(entry: Campaign, end: datetime | None) -> str:
    """Where a campaign stands, in words, when orders are known until ``end``."""
    return FINISHED if entry.status == "locked" and not _is_open(entry, end) else STATUSES[entry.status]


def _is_open(entry: Campaign, end: datetime | None) -> bool:
    return end is None or entry.ends_at is None or entry.ends_at > end
