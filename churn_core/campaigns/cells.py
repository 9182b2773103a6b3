"""The outcomes of a campaign's customers added up in the database: one query, sums per arm and group.

Orders are read once, however many metrics speak of them; what leaves the database is as small as the table of arms.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import reduce
from itertools import combinations_with_replacement
from typing import Any

from churn_core.campaigns.comparison import Cell
from churn_core.campaigns.counted import HISTORY, Counted, filed_column, flag_sql, past_sql, quantities_sql
from churn_core.campaigns.store import Campaign
from churn_core.campaigns.windows import may_matter
from churn_core.errors import InputError
from churn_core.settings import settings
from churn_core.stats.moments import JointMoments, Rate
from churn_core.warehouse import Warehouse

Cells = dict[str, dict[str, Cell]]
"""Arm -> stratum -> sums."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Who is counted, and how they are put together."""

    counted: Sequence[Counted]
    who: str = "true"
    """SQL condition on an assignment."""
    part: str = "''"
    """SQL of the group beside arm and stratum: a slice, a look."""
    filed: Mapping[int, str] = field(default_factory=dict)
    """Outcomes of one file by place: only the customers in it are counted."""
    data_until: datetime | None = None
    """The midnight up to which orders are complete."""


def sums(warehouse: Warehouse, campaign: Campaign, wanted: Wanted) -> dict[str, dict[str, Cells]]:
    """Sums of every metric: part -> key of the metric -> arm -> stratum."""
    asked = list(dict.fromkeys(value for entry in wanted.counted for value in entry.values))
    place = {value: number for number, value in enumerate(asked)}
    columns, readings = _readings(wanted.counted, place)
    values = "".join(f", {value} AS x{number}" for value, number in place.items())
    rows = warehouse.records(
        f"WITH {_tables(wanted, is_small=_is_small(warehouse, campaign))} SELECT arm, part, stratum{columns} FROM "
        f"(SELECT drawn.arm AS arm, CAST({wanted.part} AS VARCHAR) AS part, coalesce(drawn.stratum, '') AS stratum"
        f"{values} FROM drawn {_joins(wanted)}) GROUP BY ALL ORDER BY ALL",
        _parameters(warehouse, campaign, wanted),
    )
    found: dict[str, dict[str, Cells]] = {}
    for row in rows:
        metrics = found.setdefault(str(row["part"] or ""), {})
        for key, reading in readings.items():
            metrics.setdefault(key, {}).setdefault(str(row["arm"]), {})[str(row["stratum"])] = reading.cell(row)
    return found


AddUp = Callable[[Warehouse, Campaign, Wanted], dict[str, dict[str, Cells]]]
"""What adds up: :func:`sums`, or an answer from sums that were made before."""


def together(cells: Sequence[Cell]) -> Cell:
    """Several cells of one metric as one."""
    return reduce(_added, cells)


def added(cells: Cells, new: Cells) -> Cells:
    """The sums of one metric with those of further customers."""
    made: Cells = {arm: dict(strata) for arm, strata in cells.items()}
    for arm, strata in new.items():
        for stratum, cell in strata.items():
            own = made.setdefault(arm, {})
            own[stratum] = together([own[stratum], cell]) if stratum in own else cell
    return made


def nobody(entry: Counted) -> Cell:
    """The cell of an arm without customers."""
    if entry.metric.kind == "rate":
        return Rate(n_hits=0, n=0)
    zeros = (0.0,) * len(entry.values)
    return JointMoments(n=0, means=zeros, covariances=(zeros,) * len(zeros))


@dataclass(frozen=True, kw_only=True)
class _Reading:
    """How the columns of a row become the cell of one metric."""

    is_rate: bool
    places: tuple[int, ...]

    def cell(self, row: Mapping[str, Any]) -> Cell:
        n = int(row[f"n{self.places[0]}"])
        if self.is_rate:
            return Rate(n_hits=int(row[f"hits{self.places[0]}"]), n=n)
        return JointMoments(
            n=n,
            means=tuple(float(row[f"mean{i}"] or 0.0) for i in self.places),
            covariances=tuple(
                tuple(float(row[f"spread{min(i, j)}_{max(i, j)}"] or 0.0) for j in self.places) for i in self.places
            ),
        )


def _readings(counted: Sequence[Counted], place: Mapping[str, int]) -> tuple[str, dict[str, _Reading]]:
    columns: dict[str, str] = {}
    readings = {}
    for entry in counted:
        places = tuple(place[value] for value in entry.values)
        is_rate = entry.metric.kind == "rate"
        columns[f"n{places[0]}"] = f"count(x{places[0]})"
        if is_rate:
            columns[f"hits{places[0]}"] = f"count(*) FILTER (x{places[0]})"
        else:
            columns |= {f"mean{i}": f"avg(x{i})" for i in places}
            pairs = combinations_with_replacement(sorted(places), 2)
            columns |= {f"spread{i}_{j}": f"covar_samp(x{i}, x{j})" for i, j in pairs}
        readings[entry.key] = _Reading(is_rate=is_rate, places=places)
    return "".join(f", {sql} AS {name}" for name, sql in columns.items()), readings


def _tables(wanted: Wanted, *, is_small: bool) -> str:
    made = [f"drawn AS (SELECT * FROM assignments AS drawn WHERE campaign_id = $campaign_id AND {wanted.who})"]
    if wanted.filed:
        values = [
            f"any_value(value) FILTER (metric = $filed_{place}) AS {filed_column(place).removeprefix('filed.')}"
            for place in wanted.filed
        ]
        made.append(
            f"filed AS (SELECT customer_id, {', '.join(values)} FROM outcomes "
            "WHERE campaign_id = $campaign_id AND list_contains($filed, metric) GROUP BY customer_id)"
        )
    quantities = quantities_sql(wanted.counted)
    if quantities:
        made.append(
            f"bought AS (SELECT drawn.customer_id, {quantities} FROM orders JOIN drawn USING (customer_id) "
            f"WHERE {may_matter('orders.order_time')} GROUP BY drawn.customer_id)"
        )
    if _asks_past(wanted):
        made.append(past_sql(is_small=is_small))
    made += [table for table, _ in _flags(wanted)]
    return ", ".join(made)


def _joins(wanted: Wanted) -> str:
    made = ["JOIN filed ON filed.customer_id = drawn.customer_id"] if wanted.filed else []
    if quantities_sql(wanted.counted):
        made.append("LEFT JOIN bought ON bought.customer_id = drawn.customer_id")
    if _asks_past(wanted):
        made.append("LEFT JOIN past ON past.customer_id = drawn.customer_id")
    return " ".join([*made, *(join for _, join in _flags(wanted))])


def _asks_past(wanted: Wanted) -> bool:
    return any(HISTORY in entry.values for entry in wanted.counted)


def _is_small(warehouse: Warehouse, campaign: Campaign) -> bool:
    """Whether so few were drawn that looking for their orders is quicker than adding up everybody's."""
    sql = "SELECT count(*) FROM assignments WHERE campaign_id = $id"
    return int(warehouse.value(sql, {"id": campaign.campaign_id})) * 20 < warehouse.n_rows("orders")


def _flags(wanted: Wanted) -> list[tuple[str, str]]:
    asked = dict.fromkeys(flag for entry in wanted.counted for flag in entry.flags)
    return [flag_sql(name, days) for name, days in asked]


def _parameters(warehouse: Warehouse, campaign: Campaign, wanted: Wanted) -> dict[str, object]:
    if campaign.starts_at is None:
        raise InputError(f"campaign {campaign.name!r} is still a draft; lock it first, which draws the arms.")
    ((first, last),) = warehouse.rows(
        "SELECT min(starts_at), max(starts_at) FROM assignments WHERE campaign_id = $id", {"id": campaign.campaign_id}
    )
    first, last = first or campaign.starts_at, last or campaign.starts_at
    back = max((span.days for entry in wanted.counted for span in entry.spans if span.is_before), default=0)
    return {
        "campaign_id": campaign.campaign_id,
        "campaign_start": campaign.starts_at,
        "windows_begin": first - timedelta(days=back),
        "windows_end": last + timedelta(days=campaign.plan.goal.window_days),
        "last_start": last,
        "data_until": wanted.data_until,
        "margin_rate": settings(warehouse).margin_rate,
        "filed": list(wanted.filed.values()),
        **{f"filed_{place}": name for place, name in wanted.filed.items()},
    }


def _added(first: Cell, second: Cell) -> Cell:
    if isinstance(first, Rate) and isinstance(second, Rate):
        return first + second
    if isinstance(first, JointMoments) and isinstance(second, JointMoments):
        return first + second
    raise TypeError("a rate and moments are not sums of one metric")
