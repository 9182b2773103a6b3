"""Where each customer stands in the life with the shop, against their own rhythm: new, active, late, lapsed, returned.

Readable without any model. Late is what the rhythm calls late, by the habits of the shop as they were known on the day;
whoever has ordered is in exactly one stage on every day after.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from churn_core.customers.cohort_curves import definition_in_force
from churn_core.customers.moves import Moves, moves_between
from churn_core.customers.personal_rhythm import LATE_GAPS, alike_parameters, alike_sql
from churn_core.customers.rfm import orders_until, run_known_at
from churn_core.customers.selection import Condition
from churn_core.customers.still_there import still_there
from churn_core.features.gaps import known_until
from churn_core.features.shop_habits import DUE_GAPS, Habits, habits, usual_gap_sql
from churn_core.features.sources import age_days
from churn_core.timeline import seen_before
from churn_core.warehouse import Warehouse

LAPSED_GAPS = DUE_GAPS
"""Usual gaps of silence after which a repeat customer who is late counts as lapsed."""
NEW_GAPS = 2.0
"""Usual gaps for which a customer with a single order day counts as new, and after which as lapsed."""
N_MONTHS = 12
"""Months looked back at by default."""

STAGES = {
    "active": "ordered again, and not late",
    "returned": "active again after having lapsed",
    "new": f"ordered on one day only, at most {NEW_GAPS:g} usual gaps ago",
    "late": "past the day by which 8 of 10 like them had ordered",
    "lapsed": f"silent for over {LAPSED_GAPS:g} usual gaps, {NEW_GAPS:g} after one order day",
}
"""The stages, the most welcome first, and who is in them, in few words."""
STAGES_MEANING = (
    "Everybody who ever ordered is in exactly one stage. Late is what the own rhythm calls late: past the day by which "
    f"8 of 10 customers like them had ordered again, or where fewer did within {DUE_GAPS:g} usual gaps, silent for "
    f"over {LATE_GAPS:g}. Nobody lapses before being late. A usual gap is the mean of the customer's own "
    "gaps, leaning on those who came in the same year where there are few. All of it is as it was known on the day."
)
"""What the few words leave out."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """The customers of a stage on a day."""

    name: str
    n: int
    n_scored: int
    """Of these, with a risk."""
    mean_risk: float | None
    """Mean risk of those; None where nobody was scored."""
    value_at_risk: float | None
    """Risk x expected value in total, in the shop's currency; None where no value is known."""
    mean_gap_days: float | None
    """Mean usual gap; None where nobody in the shop ordered twice."""


@dataclass(frozen=True, kw_only=True)
class Lifecycle:
    """All customers of a day by stage."""

    day: datetime
    """Orders before this midnight are seen."""
    stages: tuple[Stage, ...]
    """Every stage, empty ones included."""
    run_as_of: datetime | None
    """Cutoff of the score run that risk and money come from; None without."""
    note: str = ""
    """What should be known before the stages are leaned on; empty when there is nothing."""

    @property
    def n_customers(self) -> int:
        """Everybody with an order before the day."""
        return sum(stage.n for stage in self.stages)


@dataclass(frozen=True, kw_only=True)
class CustomerStage:
    """Where one customer stands."""

    day: datetime
    stage: str
    silent_days: int
    """Days since the last order."""
    usual_gap_days: float | None
    """None where nobody in the shop ordered twice."""
    n_gaps: int
    """Gaps between order days of their own."""

    @property
    def words(self) -> str:
        """The stage with the numbers behind it."""
        days = "1 day" if self.silent_days == 1 else f"{self.silent_days:,} days"
        if self.usual_gap_days is None:
            return f"{self.stage}: {days} since the last order; nobody in the shop has ordered on two days yet"
        return f"{self.stage}: {days} since the last order, usual gap {self.usual_gap_days:,.0f}"


def lifecycle(warehouse: Warehouse, as_of: datetime | None = None, *, known: Habits | None = None) -> Lifecycle:
    """All customers with an order before ``as_of`` (default: the end of the orders) by stage.

    NotEnoughData when there is no order before that day.
    """
    day = orders_until(warehouse, as_of)
    found = known or habits(warehouse, as_of=day)
    run = run_known_at(warehouse, day)
    staged = stages_sql(warehouse, found)
    rows = warehouse.rows(
        f"SELECT state, count(*), count(risk), avg(risk), CAST(sum(value_at_risk) AS DOUBLE), avg(usual_gap_days) "
        f"FROM ({staged.sql}) LEFT JOIN (SELECT customer_id, risk, value_at_risk FROM scores WHERE run_id = $run "
        f"AND {still_there(run='$run')}) "
        "USING (customer_id) GROUP BY state",
        staged.parameters | {"run": run.run_id if run else None},
    )
    by_name = {row[0]: Stage(**dict(zip(Stage.__dataclass_fields__, row, strict=True))) for row in rows}
    nobody = dict.fromkeys(("mean_risk", "value_at_risk", "mean_gap_days"))
    return Lifecycle(
        day=day,
        stages=tuple(by_name.get(name) or Stage(name=name, n=0, n_scored=0, **nobody) for name in STAGES),
        run_as_of=run.as_of if run else None,
        note=_note(warehouse, found),
    )


def stage_of(
    warehouse: Warehouse, customer_id: str, *, as_of: datetime | None = None, known: Habits | None = None
) -> CustomerStage | None:
    """The stage of one customer; None for somebody without an order before the day.

    ``known`` are the habits of the shop on that day where they were read before.
    """
    if known_until(warehouse) is None:
        return None
    found = known or habits(warehouse, as_of=orders_until(warehouse, as_of))
    staged = stages_sql(warehouse, found, restricted="customer_id = $customer_id")
    rows = warehouse.rows(
        f"SELECT state, silent_days, usual_gap_days, n_gaps FROM ({staged.sql})",
        staged.parameters | {"customer_id": customer_id},
    )
    if not rows:
        return None
    stage, silent, gap, n_gaps = rows[0]
    return CustomerStage(day=found.end, stage=stage, silent_days=silent, usual_gap_days=gap, n_gaps=n_gaps)


def stages_over_time(
    warehouse: Warehouse, as_of: datetime | None = None, *, n_months: int = N_MONTHS, last: Lifecycle | None = None
) -> tuple[Lifecycle, ...]:
    """The stages at the first of each month and on the day itself, oldest first, each with what was known then.

    ``last`` are those of the day itself where they were read before.
    """
    end = orders_until(warehouse, as_of)
    first = warehouse.value("SELECT min(order_time) FROM orders")
    days = []
    for number in range(n_months):
        month = end.year * 12 + end.month - 1 - number
        begun = datetime(month // 12, month % 12 + 1, 1)
        if first < begun < end:
            days.append(begun)
    return (*(lifecycle(warehouse, day) for day in sorted(days)), last or lifecycle(warehouse, end))


def stage_movement(warehouse: Warehouse, first: datetime, second: datetime | None = None) -> Moves:
    """Movement between the stages of two days (the second by default the end of the orders)."""
    days = orders_until(warehouse, first), orders_until(warehouse, second)
    parts = [
        stages_sql(warehouse, habits(warehouse, as_of=day), name=name)
        for name, day in zip(("_first", "_second"), days, strict=True)
    ]
    states = [
        Condition(sql=f"SELECT customer_id, state, spend_in_all FROM ({part.sql})", parameters=part.parameters)
        for part in parts
    ]
    return moves_between(warehouse, *states, days=days, groups=tuple(STAGES))


def stages_sql(warehouse: Warehouse, known: Habits, *, restricted: str = "", name: str = "") -> Condition:
    """SELECT of customer_id, state, silent_days, usual_gap_days, n_gaps and spend_in_all as of the habits' day.

    Late is what the rhythm calls late; whoever returned had lapsed by the same limits before the last order. ``name``
    sets the parameters apart where two days meet in one query. In a shop where nobody ordered twice the churn horizon
    stands in for the gaps after which somebody has lapsed.
    """
    also = f" AND {restricted}" if restricted else ""
    facts = (
        "SELECT customer_id, count(gap_days) AS n_gaps, coalesce(sum(gap_days), 0) AS gap_sum, "
        f"arg_max(gap_days, order_time) AS last_gap, {age_days('max(order_time)')} AS silent_days, "
        "year(min(order_time)) AS cohort_year, sum(amount) AS spend_in_all "
        f"FROM orders WHERE {seen_before('order_time')}{also} GROUP BY customer_id"
    )
    gaps = (
        f"SELECT *, {usual_gap_sql('n_gaps', 'gap_sum')} AS usual_gap_days, "
        f"{usual_gap_sql('(n_gaps - 1)', '(gap_sum - last_gap)')} AS gap_before FROM ({facts})"
    )
    lapsed_before = _lapsed_days(known, "(n_gaps - 1)", "gap_before")
    stage = (
        f"CASE WHEN silent_days > {_lapsed_days(known, 'n_gaps', 'gap')} THEN 'lapsed' WHEN n_gaps = 0 THEN 'new' "
        f"WHEN silent_days > coalesce({_due_days(known, 'n_gaps', 'gap')}, $late_gaps * gap) THEN 'late' "
        f"WHEN last_gap > {lapsed_before} THEN 'returned' ELSE 'active' END"
    )
    sql = f"SELECT *, {stage} AS state FROM (SELECT *, coalesce(usual_gap_days, $instead) AS gap FROM ({gaps}))"
    values = known.parameters | alike_parameters(known)
    values |= {"late_gaps": LATE_GAPS, "lapsed_gaps": LAPSED_GAPS, "new_gaps": NEW_GAPS, "instead": None}
    if known.shrinkage.shop_gap_days is None:
        values["instead"] = definition_in_force(warehouse)[0].horizon_days / NEW_GAPS
    return Condition(
        sql=re.sub(r"\$(\w+)", rf"$\1{name}", sql) if name else sql,
        parameters={f"{key}{name}": value for key, value in values.items()},
    )


def _due_days(known: Habits, n_gaps: str, usual_gap_days: str) -> str:
    """SQL text of the days by which 8 of 10 alike had ordered; NULL where there is no such day."""
    return f"list_extract(CAST($due AS INTEGER[]), {alike_sql(known, n_gaps, usual_gap_days)} + 1)"


def _lapsed_days(known: Habits, n_gaps: str, usual_gap_days: str) -> str:
    """SQL text of the days of silence after which somebody with such gaps has lapsed: never before they are late."""
    return (
        f"CASE WHEN {n_gaps} = 0 THEN $new_gaps * {usual_gap_days} ELSE "
        f"greatest($lapsed_gaps * {usual_gap_days}, coalesce({_due_days(known, n_gaps, usual_gap_days)}, 0)) END"
    )


def _note(warehouse: Warehouse, known: Habits) -> str:
    if known.shrinkage.shop_gap_days is not None:
        return ""
    horizon = definition_in_force(warehouse)[0].horizon_days
    return (
        "Nobody has ordered on two days yet, so there is no usual gap: customers count as new for the "
        f"{horizon} days of the churn definition, and as lapsed after."
    )
