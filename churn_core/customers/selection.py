"""Which customers a list is about: the filter, its SQL and its words.

Separate from the list itself because the table, the totals, the export and a saved segment must mean exactly
the same customers: all four build their condition here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from churn_core.customers.attributes import attribute_table, attribute_value
from churn_core.customers.still_there import still_there
from churn_core.customers.tiers import TIERS, TierRule
from churn_core.errors import InputError, unknown_name

SORTS = {
    "value_at_risk": "value at risk",
    "risk": "risk",
    "expected_value": "expected value",
    "days_since_last_order": "days since last order",
    "net_value": "net value of contacting",
    "customer_id": "customer id",
}
"""What a list can be ordered by, with its words."""


@dataclass(frozen=True, kw_only=True)
class RunKey:
    """What a condition needs to know of a score run."""

    run_id: int
    source: str
    """orders or snapshots."""
    as_of: datetime | None
    """Cutoff: nothing from here on was seen."""
    previous_run_id: int | None = None
    """The run before it of the same source."""
    was_high: Callable[[], TierRule] | None = None
    """Looks up who was in the high tier in the run before, by the active policy."""
    recency_place: int | None = None
    """Place of days since the last order among the run's features, from 1; None when the model did not use it."""
    net_run_id: int | None = None
    """The run whose net values of contacting are known; None while no campaign taught any."""


@dataclass(frozen=True, kw_only=True)
class CustomerFilter:
    """A choice of customers of the latest score run, and their order; empty fields choose all who are still there."""

    tiers: tuple[str, ...] = ()
    """high, medium or low."""
    min_value: float | None = None
    """Least value at risk, in the shop's currency."""
    max_value: float | None = None
    """Greatest value at risk, in the shop's currency."""
    min_risk: float | None = None
    """Least risk in [0, 1]."""
    max_risk: float | None = None
    """Greatest risk in [0, 1]."""
    min_expected: float | None = None
    """Least expected value, in the shop's currency."""
    below_expected: float | None = None
    """Expected value that they stay below, in the shop's currency: bands of value then do not overlap."""
    min_net_value: float | None = None
    """Least net value of contacting, in the shop's currency; nobody while it is not known."""
    reason_groups: tuple[str, ...] = ()
    """Groups of the feature that raises the risk most."""
    reasons: tuple[str, ...] = ()
    """Features that raise the risk most."""
    attributes: tuple[tuple[str, str], ...] = ()
    """Attribute and value; several values of one attribute mean any of them, several attributes mean all."""
    ranges: tuple[tuple[str, float | None, float | None], ...] = ()
    """Numeric attribute, least and greatest value."""
    segment_id: int | None = None
    """Members of a saved segment."""
    tags: tuple[str, ...] = ()
    """Customers marked with any of these tags."""
    search: str = ""
    """Part of the id, name or e-mail address, in any case."""
    customer_ids: tuple[str, ...] = ()
    """Exactly these customers."""
    only_new: bool = False
    """Only customers in the high tier who were not in it in the run before."""
    with_left: bool = False
    """Also customers whose label says that they have left; those chosen by their ids are meant in any case."""
    sort: str = "value_at_risk"
    """One of SORTS."""
    descending: bool = True

    def __post_init__(self) -> None:
        for tier in self.tiers:
            if tier not in TIERS:
                raise unknown_name("tier", tier, TIERS)
        if self.sort not in SORTS:
            raise unknown_name("order", self.sort, SORTS)
        for name, low, high in (("value", self.min_value, self.max_value), ("risk", self.min_risk, self.max_risk)):
            if low is not None and high is not None and low > high:
                raise InputError(f"the least {name} {low:g} is above the greatest {high:g}; swap them.")
        for risk in (self.min_risk, self.max_risk):
            if risk is not None and not 0 <= risk <= 1:
                raise InputError(f"a risk of {risk:g} was asked for; risks are between 0 and 1.")

    @property
    def is_everybody(self) -> bool:
        """Whether no customer who is still there is left out."""
        return self == CustomerFilter(sort=self.sort, descending=self.descending, with_left=self.with_left)


@dataclass(frozen=True, kw_only=True)
class Condition:
    """A WHERE clause over ``scores`` and its parameters."""

    sql: str
    parameters: dict[str, object] = field(default_factory=dict)


def condition(chosen: CustomerFilter, run: RunKey) -> Condition:
    """The rows of ``scores`` that a filter means in a run; every value is a parameter."""
    parts = ["run_id = $run_id"]
    values: dict[str, object] = {"run_id": run.run_id}
    if run.source == "snapshots" and not chosen.with_left and not chosen.customer_ids:
        parts.append(still_there())
    for column, low, high in (
        ("value_at_risk", chosen.min_value, chosen.max_value),
        ("risk", chosen.min_risk, chosen.max_risk),
    ):
        if low is not None:
            parts.append(f"{column} >= $least_{column}")
            values[f"least_{column}"] = low
        if high is not None:
            parts.append(f"{column} <= $greatest_{column}")
            values[f"greatest_{column}"] = high
    for sign, bound, limit in ((">=", "least", chosen.min_expected), ("<", "below", chosen.below_expected)):
        if limit is not None:
            parts.append(f"expected_value {sign} ${bound}_expected")
            values[f"{bound}_expected"] = limit
    for column, allowed in (
        ("tier", chosen.tiers),
        ("main_group", chosen.reason_groups),
        ("main_reason", chosen.reasons),
        ("customer_id", chosen.customer_ids),
    ):
        if allowed:
            parts.append(f"{column} IN (SELECT unnest($any_{column}::VARCHAR[]))")
            values[f"any_{column}"] = list(allowed)
    if chosen.min_net_value is not None:
        parts.append(
            "customer_id IN (SELECT customer_id FROM uplift_scores WHERE run_id = $net_run_id "
            "AND net_value >= $least_net_value)"
        )
        values |= {"net_run_id": run.net_run_id, "least_net_value": chosen.min_net_value}
    if chosen.segment_id is not None:
        parts.append("customer_id IN (SELECT customer_id FROM segment_members WHERE segment_id = $segment_id)")
        values["segment_id"] = chosen.segment_id
    if chosen.tags:
        parts.append("customer_id IN (SELECT customer_id FROM customer_tags WHERE tag IN (SELECT unnest($tags)))")
        values["tags"] = list(chosen.tags)
    if chosen.search.strip():
        parts.append(_SEARCH)
        values["search"] = chosen.search.strip()
    if chosen.only_new:
        only_new = _only_new(run)
        parts.append(only_new.sql)
        values |= only_new.parameters
    by_attribute = _attributes_condition(chosen, run.source)
    if by_attribute.sql:
        parts.append(by_attribute.sql)
        values |= by_attribute.parameters
    return Condition(sql=" AND ".join(parts), parameters=values)


_SEARCH = (
    "(contains(lower(customer_id), lower($search)) OR customer_id IN (SELECT customer_id FROM customers "
    "WHERE contains(lower(name), lower($search)) OR contains(lower(email), lower($search))))"
)


def _only_new(run: RunKey) -> Condition:
    """In the high tier now and not in the run before; nobody where there is none."""
    if run.previous_run_id is None or run.was_high is None:
        return Condition(sql="false")
    before = run.was_high()
    return Condition(
        sql="tier = 'high' AND customer_id NOT IN (SELECT customer_id FROM scores "
        f"WHERE run_id = $previous_run_id AND {before.high})",
        parameters=before.parameters | {"previous_run_id": run.previous_run_id},
    )


def _attributes_condition(chosen: CustomerFilter, source: str) -> Condition:
    by_name: dict[str, list[str]] = {}
    for name, value in chosen.attributes:
        by_name.setdefault(name, []).append(value)
    parts: list[str] = []
    values: dict[str, object] = {}
    for nr, (name, allowed) in enumerate(by_name.items()):
        sql, own = attribute_value(name, source, f"attribute_{nr}")
        parts.append(f"list_contains($allowed_{nr}::VARCHAR[], {sql})")
        values |= own | {f"allowed_{nr}": allowed}
    for nr, (name, low, high) in enumerate(chosen.ranges):
        sql, own = attribute_value(name, source, f"range_{nr}")
        values |= own
        for bound, sign, limit in (("low", ">=", low), ("high", "<=", high)):
            if limit is not None:
                parts.append(f"try_cast({sql} AS DOUBLE) {sign} ${bound}_{nr}")
                values[f"{bound}_{nr}"] = limit
    if not parts:
        return Condition(sql="")
    table = attribute_table(source)
    return Condition(
        sql=f"customer_id IN (SELECT customer_id FROM {table} WHERE {' AND '.join(parts)})", parameters=values
    )


def described(chosen: CustomerFilter, *, segment_name: str = "") -> str:
    """The filter in words, as kept with a saved segment.

    >>> described(CustomerFilter(tiers=("high",), min_value=50, attributes=(("country", "France"),)))
    'high tier; value at risk from 50; country France'
    >>> described(CustomerFilter())
    'everybody who was scored'
    """
    parts = [f"{' or '.join(chosen.tiers)} tier"] if chosen.tiers else []
    parts += _between("value at risk", chosen.min_value, chosen.max_value)
    parts += _between("risk", chosen.min_risk, chosen.max_risk)
    parts += [f"expected value from {chosen.min_expected:g}"] if chosen.min_expected is not None else []
    parts += [f"expected value below {chosen.below_expected:g}"] if chosen.below_expected is not None else []
    parts += _between("net value of contacting", chosen.min_net_value, None)
    if chosen.reason_groups or chosen.reasons:
        parts.append(f"main reason {' or '.join((*chosen.reason_groups, *chosen.reasons))}")
    by_name: dict[str, list[str]] = {}
    for name, value in chosen.attributes:
        by_name.setdefault(name, []).append(value)
    parts += [f"{name} {' or '.join(values)}" for name, values in by_name.items()]
    for name, low, high in chosen.ranges:
        parts += _between(name, low, high)
    if chosen.segment_id is not None:
        parts.append(f"in segment {segment_name or chosen.segment_id}")
    parts += [f"tagged {' or '.join(chosen.tags)}"] if chosen.tags else []
    if chosen.search.strip():
        parts.append(f"matching {chosen.search.strip()!r}")
    if chosen.only_new:
        parts.append("new in the high tier")
    if chosen.with_left:
        parts.append("also those who have left")
    if chosen.customer_ids:
        parts.append(f"{len(chosen.customer_ids)} chosen by hand")
    return "; ".join(parts) or "everybody who was scored"


def _between(name: str, low: float | None, high: float | None) -> list[str]:
    if low is None and high is None:
        return []
    words = [f"from {low:g}"] if low is not None else []
    words += [f"to {high:g}"] if high is not None else []
    return [f"{name} {' '.join(words)}"]
