"""Who belongs to which cohort: by the month of the first order, or by something that is known of every customer.

Separate because the triangle and the curves must mean the same customers: both build on the SQL made here. A value
comes from the user's file, so it reaches SQL as a parameter only; what the warehouse gives back is its number.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from churn_core.customers.attributes import attribute_value, attributes
from churn_core.errors import unknown_name
from churn_core.timeline import seen_before
from churn_core.warehouse import Warehouse

MONTH = "month"
"""Cohorts by the month of the first order."""
CHANNEL = "channel"
"""Cohorts by the channel of the first order."""
N_MOST = 12
"""Values of an attribute that are a cohort of their own; the rarer ones are one together."""
CUTS = (0.25, 0.5, 0.75)
"""Where a number with many values is cut: into quarters of the customers who have it."""
OTHERS, UNKNOWN = "all others", "not known"

_OTHERS, _UNKNOWN = 0, -1
_FIRST = "is_new_day AND gap_days IS NULL"
"""The first order of a customer, one row each."""


@dataclass(frozen=True, kw_only=True)
class Grouping:
    """What customers are put into cohorts by."""

    name: str
    """month, channel, or the name of an attribute."""
    label: str
    """In words, to go on with after "by"."""
    is_number: bool = False
    """Whether it has too many values to be a cohort each, so that quarters of the customers are cohorts."""


@dataclass(frozen=True, kw_only=True)
class Members:
    """The customers of a grouping as SQL: customer_id, start (month of the first order) and cohort (a number)."""

    grouping: Grouping
    sql: str
    parameters: dict[str, object]
    labels: dict[int, str] | None
    """Cohort number -> name, in the order of the table; None where the number is a month."""

    def label(self, cohort: int) -> str:
        """Name of a cohort."""
        return month_label(cohort) if self.labels is None else self.labels[cohort]


def month_label(month: int) -> str:
    """A month counted from the year 0, in words.

    >>> month_label(2024 * 12 + 2)
    'Mar 2024'
    """
    year, number = divmod(month, 12)
    return f"{datetime(year, number + 1, 1):%b %Y}"


def month_number(column: str) -> str:
    """SQL text of the month of a time, counted from the year 0."""
    return f"(year({column}) * 12 + month({column}) - 1)"


def groupings(warehouse: Warehouse) -> tuple[Grouping, ...]:
    """What cohorts can be made by: month, channel of the first order, every attribute of the customers."""
    found = [Grouping(name=MONTH, label="month of the first order")]
    if warehouse.value(f"SELECT count(*) FROM orders WHERE {_FIRST} AND channel IS NOT NULL"):
        found.append(Grouping(name=CHANNEL, label="channel of the first order"))
    named = [entry for entry in attributes(warehouse, "orders") if entry.name not in (MONTH, CHANNEL)]
    return (
        *found,
        *(Grouping(name=entry.name, label=entry.name.replace("_", " "), is_number=entry.is_number) for entry in named),
    )


def members(warehouse: Warehouse, name: str, end: datetime) -> Members:
    """The customers with an order before ``end`` and their cohorts; NotFound when nothing is called that."""
    known = {grouping.name: grouping for grouping in groupings(warehouse)}
    if name not in known:
        raise unknown_name("attribute", name, known)
    start = f"{month_number('order_time')} AS start"
    seen = f"{_FIRST} AND {seen_before('order_time')}"
    cutoff: dict[str, object] = {"cutoff": end}
    if name == MONTH:
        sql = f"SELECT customer_id, {start}, {month_number('order_time')} AS cohort FROM orders WHERE {seen}"
        return Members(grouping=known[name], sql=sql, parameters=cutoff, labels=None)
    rows, parameters = _valued(name, start, seen)
    if known[name].is_number:
        return _quarters(warehouse, known[name], rows, parameters | cutoff)
    kept = warehouse.rows(
        f"SELECT value, count(*) AS n FROM ({rows}) WHERE value IS NOT NULL GROUP BY value "
        f"ORDER BY n DESC, value LIMIT {N_MOST}",
        parameters | cutoff,
    )
    values = [str(value) for value, _ in kept]
    number = (
        f"CASE WHEN value IS NULL THEN {_UNKNOWN} "
        f"ELSE coalesce(list_position(CAST($kept AS VARCHAR[]), CAST(value AS VARCHAR)), {_OTHERS}) END"
    )
    return Members(
        grouping=known[name],
        sql=f"SELECT customer_id, start, {number} AS cohort FROM ({rows})",
        parameters={**parameters, **cutoff, "kept": values},
        labels={**dict(enumerate(_apart(values), start=1)), _OTHERS: OTHERS, _UNKNOWN: UNKNOWN},
    )


def _quarters(warehouse: Warehouse, grouping: Grouping, rows: str, parameters: dict[str, object]) -> Members:
    """Cohorts by where a number stands among those of all customers; equal numbers are never parted."""
    number = "try_cast(value AS DOUBLE)"
    cuts = warehouse.value(
        f"SELECT quantile_disc({number}, {list(CUTS)}) FROM ({rows}) WHERE isfinite({number})", parameters
    )
    edges = sorted(set(cuts or ()))
    place = " + ".join(["1", *(f"CAST({number} > $edge_{nr} AS INTEGER)" for nr in range(len(edges)))])
    return Members(
        grouping=grouping,
        sql=f"SELECT customer_id, start, CASE WHEN isfinite({number}) THEN {place} ELSE {_UNKNOWN} END AS cohort "
        f"FROM ({rows})",
        parameters={**parameters, **{f"edge_{nr}": edge for nr, edge in enumerate(edges)}},
        labels={**dict(enumerate(_bands(edges), start=1)), _UNKNOWN: UNKNOWN},
    )


def _bands(edges: list[float]) -> list[str]:
    """Names of the parts between the edges; each holds its upper edge.

    >>> _bands([24.0, 31.5])
    ['up to 24', 'above 24 to 31.5', 'above 31.5']
    """
    written = [f"{edge:,.0f}" if edge.is_integer() else f"{edge:,.6g}" for edge in edges]
    if not written:
        return []
    between = [f"above {low} to {high}" for low, high in pairwise(written)]
    return [f"up to {written[0]}", *between, f"above {written[-1]}"]


def _valued(name: str, start: str, seen: str) -> tuple[str, dict[str, object]]:
    """SQL text of first orders with the value that customers are grouped by."""
    if name == CHANNEL:
        return f"SELECT customer_id, {start}, channel AS value FROM orders WHERE {seen}", {}
    value, parameters = attribute_value(name, "orders", "attribute")
    return (
        f"SELECT customer_id, start, value FROM (SELECT customer_id, {start} FROM orders WHERE {seen}) "
        f"LEFT JOIN (SELECT customer_id, {value} AS value FROM customers) USING (customer_id)",
        parameters,
    )


def _apart(values: list[str]) -> list[str]:
    """Names of values, none of which reads like the cohort of the others or of the unknown."""
    return [f"{value!r}" if value in (OTHERS, UNKNOWN) else value for value in values]
