"""All sums of a readout from one reading of the orders.

Measuring, the time before, looks and slices each ask for sums of their own. What they will ask for is known beforehand,
so it is added up once, by what was stored at the draw, and each of them gets its part; whatever else is asked for is
added up as usual.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from churn_core.campaigns.asked import counted_for, unknowable
from churn_core.campaigns.cells import Cells, Wanted, added, sums
from churn_core.campaigns.counted import Counted
from churn_core.campaigns.looks import so_far_metrics
from churn_core.campaigns.measure import SLICES, before_metrics, slices_part
from churn_core.campaigns.store import Campaign
from churn_core.campaigns.windows import is_complete
from churn_core.features.gaps import known_until
from churn_core.warehouse import Warehouse

_Reading = tuple[str, tuple[str, ...]]


class OnePass:
    """Answers as :func:`churn_core.campaigns.cells.sums` would, from sums made when it is created."""

    def __init__(self, warehouse: Warehouse, campaign: Campaign, names: Sequence[str], filed: Sequence[str]) -> None:
        until = known_until(warehouse)
        self._complete = is_complete(campaign.plan.goal.window_days)
        self._slices = slices_part(tuple(SLICES))
        asked = [name for name in names if name not in filed and unknowable(warehouse, campaign, name) is None]
        counted = [entry for name in asked for entry in counted_for(campaign, name, {})]
        counted += before_metrics(campaign)
        ((first, last),) = warehouse.rows(
            "SELECT min(starts_at), max(starts_at) FROM assignments WHERE campaign_id = $id",
            {"id": campaign.campaign_id},
        )
        goal = campaign.plan.goal.outcome
        if first is not None and first == last and until is not None and goal in asked:
            counted += so_far_metrics(campaign, goal, first, until).values()
        by_reading = {_reading(entry): entry for entry in counted}
        self._keys = {reading: f"{number}" for number, reading in enumerate(by_reading)}
        numbered = [replace(entry, key=self._keys[reading]) for reading, entry in by_reading.items()]
        complete = f"CASE WHEN {self._complete} THEN 'yes' ELSE 'no' END"
        columns = ", ".join(f"coalesce(drawn.{column}, '')" for column in SLICES)
        part = f"to_json([{complete}, {columns}])" if until is not None else f"to_json(['no', {columns}])"
        found = sums(warehouse, campaign, Wanted(counted=numbered, part=part, data_until=until))
        self._parts = [(json.loads(key), cells) for key, cells in sorted(found.items())]

    def __call__(self, warehouse: Warehouse, campaign: Campaign, wanted: Wanted) -> dict[str, dict[str, Cells]]:
        """The sums that are wanted, from those made before where they hold them."""
        keys = {entry.key: self._keys.get(_reading(entry)) for entry in wanted.counted}
        is_known = wanted.who in ("true", self._complete) and wanted.part in ("''", self._slices)
        if wanted.filed or not is_known or None in keys.values():
            return sums(warehouse, campaign, wanted)
        made: dict[str, dict[str, Cells]] = {}
        for (complete, *values), cells in self._parts:
            if wanted.who == self._complete and complete == "no":
                continue
            metrics = made.setdefault("" if wanted.part == "''" else json.dumps(values), {})
            for key, own in keys.items():
                metrics[key] = added(metrics.get(key, {}), cells[str(own)])
        return made


def _reading(entry: Counted) -> _Reading:
    """What makes two metrics the same sums."""
    return entry.metric.kind, entry.values
