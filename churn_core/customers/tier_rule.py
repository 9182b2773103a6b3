"""A tier policy on one score run, as SQL over ``scores``: the one place where a tier is drawn.

A policy by capacity needs the run: its last place is looked up once, and from then on a customer's tier follows from
the customer's own row. Saving, scoring, previews, Today and a customer's history all draw tiers here.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from churn_core.customers.still_there import still_there
from churn_core.customers.tier_policy import TIMES_BETTER, TierPolicy
from churn_core.warehouse import Transaction, Warehouse

Reader = Warehouse | Transaction


@dataclass(frozen=True, kw_only=True)
class TierRule:
    """Conditions over the columns of ``scores`` of one run; medium is what is left of its condition by high."""

    high: str
    medium: str
    parameters: dict[str, object] = field(default_factory=dict)

    @property
    def sql(self) -> str:
        """The tier of a row."""
        return f"CASE WHEN {self.high} THEN 'high' WHEN {self.medium} THEN 'medium' ELSE 'low' END"


def tier_rule(reader: Reader, policy: TierPolicy, run_id: int, *, suffix: str = "") -> TierRule:
    """The rule of a policy on a run; ``suffix`` keeps the parameters of two rules in one query apart."""
    if policy.capacity is not None:
        measure = f"coalesce({policy.capacity.order}, '-Infinity'::DOUBLE)"
        n_high = policy.capacity.n_customers
        high, of_high = _first_places(reader, run_id, measure, {}, n_high, f"high{suffix}")
        medium, of_medium = _first_places(reader, run_id, measure, {}, 2 * n_high, f"medium{suffix}")
        return TierRule(high=high, medium=medium, parameters=of_high | of_medium)
    if policy.profit is not None:
        scenario = policy.profit
        parameters = scenario.parameters()
        high = f"{scenario.profit_sql()} > 0"
        places: dict[str, object] = {}
        if scenario.capacity is not None:
            measure = f"coalesce({scenario.profit_sql()}, '-Infinity'::DOUBLE)"
            first, places = _first_places(reader, run_id, measure, parameters, scenario.capacity, f"high{suffix}")
            high = f"({high} AND {first})"
        medium = f"{scenario.profit_sql(times=TIMES_BETTER)} > 0"
        return TierRule(high=high, medium=medium, parameters=parameters | places)
    return TierRule(
        high="risk >= $high_from",
        medium="risk >= $medium_from",
        parameters={"high_from": policy.high_from, "medium_from": policy.medium_from},
    )


def _first_places(
    reader: Reader, run_id: int, measure: str, parameters: dict[str, object], n_places: int, name: str
) -> tuple[str, dict[str, object]]:
    """A condition that exactly so many customers of the run meet: the most by a measure, then by risk, then by id.

    Places are for those who are still there; of those who have left, some may meet it as well.
    """
    there = f"run_id = $run_id AND {still_there()}"
    own = parameters | {"run_id": run_id, "ahead": n_places - 1}
    least = reader.value(
        f"SELECT {measure} AS measure FROM scores WHERE {there} ORDER BY measure DESC LIMIT 1 OFFSET $ahead",
        own,
    )
    if least is None:
        return "true", {}
    last = reader.rows(
        f"SELECT {measure}, risk, customer_id FROM scores WHERE {there} AND {measure} = $least "
        "ORDER BY risk DESC, customer_id LIMIT 1 OFFSET $ahead - "
        f"(SELECT count(*) FROM scores WHERE {there} AND {measure} > $least)",
        own | {"least": least},
    )
    condition = (
        f"({measure} > $last_{name} OR ({measure} = $last_{name} AND "
        f"(risk > $risk_{name} OR (risk = $risk_{name} AND customer_id <= $id_{name}))))"
    )
    return condition, dict(zip((f"last_{name}", f"risk_{name}", f"id_{name}"), last[0], strict=True))
