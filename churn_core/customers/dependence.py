"""How one feature moves the risk: its contribution against its value, with how many customers have such a value.

Separate from the drivers because it reads the values too, of one feature only. Bins are counted in the database over
every customer, not over those that are drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from churn_core.customers.attributes import attribute_table, attribute_value
from churn_core.customers.drivers import scored_group
from churn_core.customers.selection import CustomerFilter
from churn_core.errors import unknown_name
from churn_core.features.attributes import PREFIX
from churn_core.models.families import feature_entry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from churn_core.models.runs import ScoreRun
    from churn_core.warehouse import Warehouse

N_BINS = 24
N_LEVELS = 15
"""Texts of an attribute that are told apart; the rarer ones are summed up in one."""
SHOWN = (0.005, 0.995)
"""Quantiles between which values are drawn; what lies beyond is counted."""


@dataclass(frozen=True, kw_only=True)
class ValueBin:
    """Customers with values of one range."""

    low: float
    high: float
    n_customers: int
    mean_contribution: float
    """Log-odds."""


@dataclass(frozen=True, kw_only=True)
class ValueLevel:
    """Customers with one text."""

    text: str
    n_customers: int
    mean_contribution: float
    """Log-odds."""


@dataclass(frozen=True, kw_only=True)
class Dependence:
    """One feature's contribution against its value, over all customers of a group."""

    name: str
    n_known: int
    """Customers with a number; for a text, with a text."""
    n_missing: int
    mean_missing: float | None
    """Mean contribution where there is no value; None when every value is known."""
    bins: tuple[ValueBin, ...]
    """Ranges of equal width, the lowest first; none for a text."""
    n_beyond: int
    """Customers with values outside of the ranges: the lowest and the highest of all."""
    levels: tuple[ValueLevel, ...]
    """Texts, the most frequent first; none for a number. As known today: texts are not kept with a run."""


def dependence(warehouse: Warehouse, name: str, chosen: CustomerFilter | None = None) -> Dependence:
    """How a feature moves the risk of the customers a filter means; NotFound when the run does not have it."""
    run, meant = scored_group(warehouse, chosen or CustomerFilter())
    if name not in run.feature_names:
        raise unknown_name("feature", name, run.feature_names)
    rows = (
        "SELECT customer_id, feature_values[$place] AS value, contributions[$place] AS push FROM contributions "
        f"WHERE run_id = $run_id AND customer_id IN (SELECT customer_id FROM scores WHERE {meant.sql})"
    )
    parameters = {**meant.parameters, "place": run.feature_names.index(name) + 1}
    if is_text(run, name):
        return _of_text(warehouse, run, name, rows, parameters)
    return _of_number(warehouse, name, rows, parameters)


def is_text(run: ScoreRun, name: str) -> bool:
    """Whether a feature's values are texts, of which a run keeps no number."""
    return feature_entry(name) is None and name not in (run.summary.get("usual") or {})


def _of_number(warehouse: Warehouse, name: str, rows: str, parameters: dict[str, object]) -> Dependence:
    n_known, n_missing, mean_missing, low, high, is_whole = warehouse.rows(
        "SELECT count(value), count(*) - count(value), avg(push) FILTER (WHERE value IS NULL), "
        f"quantile_disc(value, {SHOWN[0]}), quantile_disc(value, {SHOWN[1]}), "
        f"coalesce(bool_and(value = round(value)), false) FROM ({rows})",
        parameters,
    )[0]
    bins = _bins(warehouse, rows, parameters, low, high, is_whole) if n_known else ()
    return Dependence(
        name=name,
        n_known=n_known,
        n_missing=n_missing,
        mean_missing=mean_missing,
        bins=bins,
        n_beyond=n_known - sum(found.n_customers for found in bins),
        levels=(),
    )


def _bins(
    warehouse: Warehouse, rows: str, parameters: dict[str, object], low: float, high: float, is_whole: bool
) -> tuple[ValueBin, ...]:
    """Ranges of equal width; for whole numbers they hold equally many of them, and each number lies in the middle."""
    if is_whole:
        width = float(max(1, -(-int(high - low + 1) // N_BINS)))
        start = low - 0.5
    else:
        width = (high - low) / N_BINS or 1.0
        start = low
    found = warehouse.rows(
        "SELECT least(CAST(floor((value - $start) / $width) AS INTEGER), $last) AS bin, count(*), avg(push) "
        f"FROM ({rows}) WHERE value BETWEEN $low AND $high GROUP BY 1 ORDER BY 1",
        {**parameters, "start": start, "width": width, "low": low, "high": high, "last": N_BINS - 1},
    )
    return tuple(
        ValueBin(
            low=start + number * width,
            high=start + (number + 1) * width,
            n_customers=n_customers,
            mean_contribution=push,
        )
        for number, n_customers, push in found
    )


def _of_text(warehouse: Warehouse, run: ScoreRun, name: str, rows: str, parameters: dict[str, object]) -> Dependence:
    value, own = attribute_value(name.removeprefix(PREFIX), run.source, "attribute")
    found = warehouse.rows(
        f"SELECT text, count(*) AS n, avg(push) FROM ({rows}) LEFT JOIN (SELECT customer_id, "
        f"nullif(trim(CAST({value} AS VARCHAR)), '') AS text FROM {attribute_table(run.source)}) USING (customer_id) "
        "GROUP BY text ORDER BY n DESC, text",
        {**parameters, **own},
    )
    missing = [(n, push) for text, n, push in found if text is None]
    known = [(str(text), n, push) for text, n, push in found if text is not None]
    return Dependence(
        name=name,
        n_known=sum(n for _, n, _ in known),
        n_missing=missing[0][0] if missing else 0,
        mean_missing=missing[0][1] if missing else None,
        bins=(),
        n_beyond=0,
        levels=_levels(known),
    )


def _levels(known: Sequence[tuple[str, int, float]]) -> tuple[ValueLevel, ...]:
    made = [ValueLevel(text=text, n_customers=n, mean_contribution=push) for text, n, push in known[:N_LEVELS]]
    rest = known[N_LEVELS:]
    if rest:
        n_rest = sum(n for _, n, _ in rest)
        push = sum(n * push for _, n, push in rest) / n_rest
        made.append(ValueLevel(text=f"{len(rest):,} rarer ones", n_customers=n_rest, mean_contribution=push))
    return tuple(made)
