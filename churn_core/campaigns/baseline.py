"""What the audience would do anyway: the goal of a campaign among customers like it, measured on the past.

Separate from the numbers needed because it is the one part that has to look at data: the last window of the same
length, and who looked then as the audience looks now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import sqrt

from churn_core.campaigns.goals import OUTCOMES, Outcome
from churn_core.campaigns.plan import Goal
from churn_core.customers.selection import Condition
from churn_core.errors import NotEnoughData
from churn_core.features.definition import known_until
from churn_core.features.sources import age_days
from churn_core.models.runs import latest_run
from churn_core.settings import settings
from churn_core.timeline import known_before, known_since, seen_before
from churn_core.warehouse import Transaction, Warehouse

FEWEST = 30
"""Customers of the past below which nothing is said of the present ones."""

LIKENESS = {"recency": (0.2, 0.4, 0.6, 0.8), "lateness": (0.25, 0.5, 0.75), "size": (1 / 3, 2 / 3)}
"""Where the audience is cut, as shares of it: by days since the last order, by these days in gaps between the
customer's own orders (unknown after a single day with orders), and by what was bought so far. The first weighs most."""

_AMOUNT = "coalesce(CAST(amount AS DOUBLE), 0)"
_DISCOUNT = "coalesce(CAST(discount_amount AS DOUBLE), 0)"
_VALUES = {
    "retained": "1.0",
    "orders": "count(*)",
    "spend": f"sum({_AMOUNT})",
    "margin": f"sum($margin_rate * ({_AMOUNT} + {_DISCOUNT}) - {_DISCOUNT})",
    "repurchase": "CAST(count(DISTINCT CAST(order_time AS DATE)) > 1 AS DOUBLE)",
}
"""What a customer who ordered in the window counts, by outcome; everybody else counts 0."""


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """What is expected of a customer who gets nothing."""

    value: float
    """Share for rates, else in the outcome's unit, per customer."""
    deviation: float
    """Standard deviation between customers, in the same unit."""
    n: int
    """Customers it rests on."""
    source: str
    """history: measured on the past window; scores: expected from the risks."""
    told: str
    """Where it comes from, in one sentence with numbers."""


def audience_baseline(warehouse: Warehouse, goal: Goal, audience: Condition) -> tuple[Baseline, Baseline | None]:
    """The baseline used, and the other one beside it where there are two.

    ``audience`` is a query with customer_id and risk. The risks are used for retained customers up to the horizon they
    were made for, because they speak of this very audience; beyond it they say nothing about those who are gone for
    good, so a longer window and all other goals are measured on the past.
    Raises NotEnoughData when neither can be had, or when the window is longer than the data.
    """
    expected = _from_scores(warehouse, goal, audience) if goal.outcome == "retained" else None
    measured: Baseline | None = None
    try:
        measured = _from_history(warehouse, goal, audience)
    except _NoCounterpart:
        if expected is None:
            raise
    if expected is not None and (measured is None or _is_within_horizon(warehouse, goal)):
        return expected, measured
    assert measured is not None
    return measured, expected


class _NoCounterpart(NotEnoughData):
    """The past holds nobody to compare with; risks may still answer."""


def _horizon(warehouse: Warehouse) -> tuple[int, int] | None:
    """Horizon and lead, in days, that the latest scores speak of; None for a labelled table."""
    run = latest_run(warehouse)
    rows = warehouse.rows(
        "SELECT horizon_days, coalesce(lead_days, 0) FROM churn_definitions WHERE version = $version",
        {"version": run.definition_version if run is not None and run.as_of is not None else 0},
    )
    return (int(rows[0][0]), int(rows[0][1])) if rows else None


def _is_within_horizon(warehouse: Warehouse, goal: Goal) -> bool:
    horizon = _horizon(warehouse)
    return horizon is not None and goal.window_days <= sum(horizon)


def _from_scores(warehouse: Warehouse, goal: Goal, audience: Condition) -> Baseline | None:
    """Share that stays by the risks; over another window as if every customer came back at a steady rate."""
    horizon = _horizon(warehouse)
    power = goal.window_days / sum(horizon) if horizon else 1.0
    n, value = warehouse.rows(
        f"SELECT count(risk), avg(1 - power(risk, $power)) FROM ({audience.sql})",
        {**audience.parameters, "power": power},
    )[0]
    if not n or not 0 < value < 1:
        return None
    if horizon is None:
        words = "the label, which does not say over how many days"
    elif power == 1:
        words = f"the same {goal.window_days} days"
    else:
        words = f"{sum(horizon)} days, carried over to {goal.window_days} at a steady rate per customer"
    return Baseline(
        value=float(value),
        deviation=sqrt(value * (1 - value)),
        n=int(n),
        source="scores",
        told=f"expected from the risks of these {n:,} customers, which hold for {words}.",
    )


def _from_history(warehouse: Warehouse, goal: Goal, audience: Condition) -> Baseline:
    """The outcome in the latest past window among those who looked at its start as the audience looks now.

    Direct standardisation (Rothman, Greenland & Lash 2008, ch. 4): the means of groups by days since the last order
    and by what was bought before, weighted as the audience has them.
    """
    end = known_until(warehouse)
    if end is None:
        raise _NoCounterpart(
            f"there are no orders, so {OUTCOMES[goal.outcome].label} cannot be measured on the past; import orders, "
            "or decide on the number of customers by other means."
        )
    start = end - timedelta(days=goal.window_days)
    _check_span(warehouse, goal, start, end)
    entry = OUTCOMES[goal.outcome]
    times: dict[str, object] = {"cutoff": end, "known_until": start, "margin_rate": settings(warehouse).margin_rate}
    size = _AMOUNT if entry.unit == "currency" else "1.0"
    with warehouse.supposed() as tx:
        tx.execute(f"CREATE TEMP TABLE sized_audience AS SELECT customer_id FROM ({audience.sql})", audience.parameters)
        state = _state(size, seen_before("order_time"), further=_OF_AUDIENCE)
        tx.execute(f"CREATE TEMP TABLE sized_now AS {state}", times)
        cuts = _cuts(tx)
        now = _groups(tx, "SELECT *, 0.0 AS outcome FROM sized_now", cuts, times)
        then = _groups(tx, _past(entry, goal, size), cuts, times | _span(tx))
    return _standardised(entry, goal, now, then, start)


_OF_AUDIENCE = "AND customer_id IN (SELECT customer_id FROM sized_audience)"


def _check_span(warehouse: Warehouse, goal: Goal, start: datetime, end: datetime) -> None:
    first = warehouse.value("SELECT min(order_time) FROM orders")
    if first >= start:
        raise NotEnoughData(
            f"the outcome window is {goal.window_days} days and the orders span only {(end - first).days}; what "
            "customers do within it cannot be measured on the past, so choose a shorter window or import more history."
        )


def _state(size: str, known: str, *, days_back: int = 0, further: str = "") -> str:
    """Each customer's days since the last order, the same in own gaps between order days, and what was bought."""
    recency = f"({age_days('max(order_time)')} - {days_back})"
    order_days = "count(*) FILTER (is_new_day)"
    gap = f"date_diff('day', min(order_time), max(order_time)) / nullif({order_days} - 1, 0)"
    return (
        f"SELECT customer_id, {recency} AS recency, {recency} / nullif({gap}, 0) AS lateness, sum({size}) AS size "
        f"FROM orders WHERE {known} {further} GROUP BY customer_id"
    )


def _past(entry: Outcome, goal: Goal, size: str) -> str:
    """Everybody as they stood at the start of the past window, with what they did in it."""
    value = _VALUES[entry.name]
    if goal.cap is not None and entry.unit == "currency":
        value = f"least({value}, {float(goal.cap)})"
    then = _state(size, known_before("order_time"), days_back=int(goal.window_days))
    return (
        f"SELECT recency, lateness, size, coalesce(outcome, 0.0) AS outcome FROM ({then}) "
        f"LEFT JOIN (SELECT customer_id, {value} AS outcome FROM orders WHERE {known_since('order_time')} "
        "GROUP BY customer_id) USING (customer_id) WHERE recency BETWEEN $least_recency AND $greatest_recency"
    )


def _span(tx: Transaction) -> dict[str, object]:
    """Between which days since the last order the audience lies; nobody outside is like it."""
    least, greatest = tx.rows("SELECT min(recency), max(recency) FROM sized_now")[0]
    return {"least_recency": least, "greatest_recency": greatest}


def _cuts(tx: Transaction) -> dict[str, tuple[float, ...]]:
    """Where the audience is cut."""
    asked = ", ".join(f"quantile_disc({name}, {list(parts)})" for name, parts in LIKENESS.items())
    found = tx.rows(f"SELECT {asked} FROM sized_now")[0]
    if found[0] is None and not tx.n_rows("sized_audience"):
        raise _NoCounterpart("nobody is left after the exclusions, so there is nobody to measure; see the exclusions.")
    if found[0] is None:
        raise _NoCounterpart("nobody of the audience has ordered yet, so the past says nothing about such customers.")
    return {name: tuple(cuts or ()) for name, cuts in zip(LIKENESS, found, strict=True)}


_Group = tuple[int, ...]
"""Place of a group in each of LIKENESS; -1 where the value is unknown."""
_Cell = tuple[int, float, float]
"""Customers, mean and variance of the outcome."""


def _groups(
    tx: Transaction, rows: str, cuts: Mapping[str, Sequence[float]], times: Mapping[str, object]
) -> dict[_Group, _Cell]:
    places, values = [], dict(times)
    for name, limits in cuts.items():
        values |= {f"{name}_{nr}": limit for nr, limit in enumerate(limits)}
        above = [f"CAST({name} > ${name}_{nr} AS INTEGER)" for nr in range(len(limits))]
        places.append(f"coalesce({' + '.join(above) or 0}, -1)")
    found = tx.rows(
        f"SELECT {', '.join(places)}, count(*), avg(outcome), coalesce(var_samp(outcome), 0) FROM ({rows}) "
        "GROUP BY ALL",
        values,
    )
    return {tuple(row[:-3]): (int(row[-3]), float(row[-2]), float(row[-1])) for row in found}


def _standardised(
    entry: Outcome,
    goal: Goal,
    now: Mapping[_Group, _Cell],
    then: Mapping[_Group, _Cell],
    start: datetime,
) -> Baseline:
    weighted: list[_Cell] = []
    n_then = 0
    for group, (n_now, _, _) in now.items():
        cell = _alike(then, group)
        if cell is not None:
            weighted.append((n_now, cell[1], cell[2]))
    n_then = sum(cell[0] for group, cell in then.items() if group in now)
    if n_then < FEWEST:
        raise _NoCounterpart(
            f"{goal.window_days} days before the latest order only {n_then} customers looked like this audience, which "
            "says nothing about the present ones; widen the audience or choose a shorter window."
        )
    total = sum(weight for weight, _, _ in weighted)
    value = sum(weight * mean for weight, mean, _ in weighted) / total
    square = sum(weight * (variance + mean * mean) for weight, mean, variance in weighted) / total
    variance = value * (1 - value) if entry.kind == "rate" else max(0.0, square - value * value)
    return Baseline(
        value=value,
        deviation=sqrt(variance),
        n=n_then,
        source="history",
        told=(
            f"measured on {n_then:,} customers who on {start:%-d %b %Y} had waited as long since their last order and "
            f"had bought as much as this audience now, over the {goal.window_days} days from then on."
        ),
    )


def _alike(then: Mapping[_Group, _Cell], group: _Group) -> _Cell | None:
    """The group of the past, or the smallest wider one that has anybody; None where nobody waited as long."""
    for width in range(len(group), 0, -1):
        found = _pooled([cell for other, cell in then.items() if other[:width] == group[:width]])
        if found is not None:
            return found
    return None


def _pooled(cells: Sequence[_Cell]) -> _Cell | None:
    """Several groups as one."""
    n = sum(cell[0] for cell in cells)
    if not n:
        return None
    mean = sum(cell[0] * cell[1] for cell in cells) / n
    square = sum(cell[0] * (cell[2] + cell[1] ** 2) for cell in cells) / n
    return n, mean, max(0.0, square - mean * mean)
