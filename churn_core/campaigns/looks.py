"""How an outcome came to be known: looks at past days, as somebody reading on that day would have seen it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from churn_core.campaigns.asked import (
    UNCAPPED,
    counted_for,
    is_uneven,
    one_metric,
    outcomes_of,
    whole_windows,
    without_denominator,
)
from churn_core.campaigns.cells import AddUp, Cells, Wanted, added, sums
from churn_core.campaigns.comparison import Outcomes
from churn_core.campaigns.counted import Counted
from churn_core.campaigns.store import Campaign
from churn_core.campaigns.windows import day_known
from churn_core.features.definition import known_until as orders_until
from churn_core.warehouse import Warehouse

DAILY_UP_TO = 28
"""Days of looks up to which they are daily; weekly beyond."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """An outcome as it could be known some days after the campaign's start."""

    day: int
    """Days since the campaign's start."""
    at: datetime
    """The midnight of that day."""
    n_complete: int
    """Customers counted in it."""
    is_whole_window: bool
    """Whether it counts whole windows; else only the days so far of everybody's window."""
    outcomes: Outcomes


def measure_over_time(warehouse: Warehouse, campaign: Campaign, name: str, *, add_up: AddUp = sums) -> tuple[Look, ...]:
    """One outcome as it stood on past days: daily in windows of up to four weeks, else weekly.

    Where customers start in waves or one by one, a look holds those whose whole window was known on that day, so that
    it grows from look to look. Where all start together, a look holds the first days of everybody's window, and only
    the last one the whole. Empty while no look is due.
    """
    until = orders_until(warehouse)
    entry, filed = one_metric(warehouse, campaign, name)
    ((first, last),) = warehouse.rows(
        "SELECT min(starts_at), max(starts_at) FROM assignments WHERE campaign_id = $id", {"id": campaign.campaign_id}
    )
    if first is None or (until is None and not filed):
        return ()
    if first == last and until is not None and not filed:
        return _looks_so_far(warehouse, campaign, name, first, until, add_up)
    return _looks_by_start(warehouse, campaign, entry, filed, until)


def _looks_so_far(
    warehouse: Warehouse, campaign: Campaign, name: str, first: datetime, until: datetime, add_up: AddUp
) -> tuple[Look, ...]:
    """Everybody started on the same day: the first days of all windows, each look a metric of the same query."""
    window = campaign.plan.goal.window_days
    counted = so_far_metrics(campaign, name, first, until)
    if not counted:
        return ()
    found = add_up(warehouse, campaign, Wanted(counted=list(counted.values()), data_until=until)).get("", {})
    looks = [
        _look(campaign, entry, found.get(entry.key, {}), day, first, is_whole_window=day == window)
        for day, entry in counted.items()
    ]
    return tuple(look for look in looks if without_denominator(look.outcomes) is None)


def so_far_metrics(campaign: Campaign, name: str, first: datetime, until: datetime) -> dict[int, Counted]:
    """The outcome over the first days of the window, by the number of days at each look."""
    window = campaign.plan.goal.window_days
    counted = {}
    for day in _look_days(window, min(window, (until - first).days)):
        by_key = {entry.key: entry for entry in counted_for(campaign, name.removesuffix(UNCAPPED), {}, days=day)}
        counted[day] = replace(by_key.get(name) or next(iter(by_key.values())), key=f"{day}")
    return counted


def _looks_by_start(
    warehouse: Warehouse, campaign: Campaign, entry: Counted, filed: Mapping[int, str], until: datetime | None
) -> tuple[Look, ...]:
    """Customers started on different days: whole windows alone, more of them at every look."""
    part = day_known(campaign.plan.goal.window_days)
    parts = sums(warehouse, campaign, whole_windows(campaign, [entry], until, filed, part=part))
    known = sorted(int(day) for day in parts)
    if not known:
        return ()
    looks = []
    cells: Cells = {}
    days = [known[0] + step for step in (0, *_look_days(known[-1] - known[0], known[-1] - known[0]))]
    for day in days:
        for new in [day_new for day_new in known if day_new <= day]:
            known.remove(new)
            cells = added(cells, parts[str(new)][entry.key])
        looks.append(_look(campaign, entry, cells, day, campaign.starts_at, is_whole_window=True))
    return tuple(look for look in looks if without_denominator(look.outcomes) is None)


def _look_days(whole: int, known: int) -> list[int]:
    """Days after the first on which is looked, the last known one included when nothing follows it."""
    step = 1 if whole <= DAILY_UP_TO else 7
    days = list(range(step, known + 1, step))
    if known == whole and known > 0 and (not days or days[-1] < known):
        days.append(known)
    return days


def _look(
    campaign: Campaign, entry: Counted, cells: Cells, day: int, start: datetime | None, *, is_whole_window: bool
) -> Look:
    outcomes = outcomes_of(campaign, entry, cells, is_uneven(cells))
    return Look(
        day=day,
        at=(start or datetime.min) + timedelta(days=day),
        n_complete=sum(outcomes.n(arm) for arm in outcomes.cells),
        is_whole_window=is_whole_window,
        outcomes=outcomes,
    )
