"""What the whole programme brings, quarter by quarter: customers open to campaigns against those held out of all.

Whoever was drawn is counted, contacted or not. A customer drawn in the middle of a quarter counts from the next one
on, so that everybody in a quarter had all of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from churn_core.campaigns.comparison import Cell, Outcomes
from churn_core.campaigns.goals import OUTCOMES, Outcome
from churn_core.campaigns.holdout import Holdout
from churn_core.campaigns.metrics import Metric
from churn_core.campaigns.readout_model import ArmResult, HealthCheck
from churn_core.campaigns.results import all_results, reading, times
from churn_core.campaigns.verdicts import SPENT, amount_words, interval_words
from churn_core.errors import InputError
from churn_core.features.gaps import known_until
from churn_core.settings import Settings, settings
from churn_core.stats.estimate import Estimate
from churn_core.stats.moments import JointMoments, Moments, Rate
from churn_core.stats.sample_ratio import check_sample_ratio
from churn_core.warehouse import Warehouse

HELD_OUT = "held out"
OPEN = "open to campaigns"

WORDS: dict[str, Outcome] = {
    name: Outcome(name=name, label=label, kind=OUTCOMES[name].kind, unit=OUTCOMES[name].unit, meaning=meaning)
    for name, label, meaning in (
        ("margin", "margin per customer", "Margin of the quarter per customer, as in campaigns."),
        ("retained", "customers with an order", "Customers with at least one order in the quarter."),
        ("orders", "orders per customer", "Orders of the quarter per customer."),
        ("spend", "spend per customer", "What a customer paid in the quarter."),
    )
}
"""What is compared; the margin decides."""


@dataclass(frozen=True, kw_only=True)
class QuarterEffect:
    """One calendar quarter."""

    label: str
    """Like 2024 Q2."""
    starts_at: datetime
    ends_at: datetime
    """First instant of the next quarter."""
    known_until: datetime
    """Up to where it is known: its end, or the end of the data."""
    is_complete: bool
    """Otherwise it is the quarter so far."""
    generation: int
    """Generation of the holdout that was in force."""
    n_held_out: int
    n_open: int
    health: HealthCheck
    """Sample ratio of the two groups; red hides the effect."""
    results: tuple[ArmResult, ...]
    """Open to campaigns minus held out; the margin first."""
    money: Estimate
    """Margin more in the quarter over all customers open to campaigns."""
    told: str
    """The same in a sentence."""
    gain: str = "margin"
    """What is compared: margin, or revenue where the shop set no margin."""

    @property
    def is_valid(self) -> bool:
        """Whether the two groups are as large as drawn."""
        return self.health.level != "red"

    @property
    def is_clear(self) -> bool:
        """Whether the margin differs by more than chance."""
        return self.is_valid and any(one.is_primary and reading(one) != "no_clear_difference" for one in self.results)


def quarter_effects(warehouse: Warehouse, generations: Sequence[Holdout]) -> tuple[QuarterEffect, ...]:
    """Every quarter that began after a generation was drawn and was over or under way while it was in force."""
    until = known_until(warehouse)
    if until is None:
        return ()
    chosen = settings(warehouse)
    found = [effect for entry in generations for effect in _of_generation(warehouse, entry, until, chosen)]
    return tuple(sorted(found, key=lambda effect: (effect.starts_at, effect.generation)))


def quarters_between(first: datetime, until: datetime) -> list[tuple[datetime, datetime]]:
    """Calendar quarters that begin at or after an instant and before another.

    >>> [f"{start:%Y-%m}" for start, _ in quarters_between(datetime(2023, 11, 5), datetime(2024, 7, 2))]
    ['2024-01', '2024-04', '2024-07']
    """
    found = []
    start = datetime(first.year, 3 * ((first.month - 1) // 3) + 1, 1)
    while start < until:
        end = datetime(start.year + start.month // 10, (start.month + 2) % 12 + 1, 1)
        if start >= first:
            found.append((start, end))
        start = end
    return found


def _of_generation(warehouse: Warehouse, generation: Holdout, until: datetime, chosen: Settings) -> list[QuarterEffect]:
    last = min(until, generation.ended_at) if generation.ended_at else until
    spans = quarters_between(generation.started_at, last)
    if generation.ended_at is not None:
        spans = [span for span in spans if span[1] <= generation.ended_at]
    return [_effect(warehouse, generation, span, min(until, span[1]), chosen) for span in spans]


def _effect(
    warehouse: Warehouse,
    generation: Holdout,
    span: tuple[datetime, datetime],
    until: datetime,
    chosen: Settings,
) -> QuarterEffect:
    outcomes = _outcomes(warehouse, generation.generation, span[0], until, chosen.margin_rate)
    n = {arm: outcomes[0].n(arm) for arm in (HELD_OUT, OPEN)}
    health = _sample_ratio(n, generation.share)
    is_margin = chosen.margin_rate < 1
    words = WORDS if is_margin else WORDS | {"margin": replace(WORDS["margin"], label=SPENT)}
    results = all_results(outcomes, control=HELD_OUT, treatments=[OPEN], words=words)
    gain = "margin" if is_margin else "revenue"
    primary = results[0]
    label = f"{span[0].year} Q{(span[0].month + 2) // 3}"
    is_complete = until >= span[1]
    money = times(primary.comparison.difference, n[OPEN])
    return QuarterEffect(
        label=label,
        starts_at=span[0],
        ends_at=span[1],
        known_until=until,
        is_complete=is_complete,
        generation=generation.generation,
        n_held_out=n[HELD_OUT],
        n_open=n[OPEN],
        health=health,
        results=results,
        money=money,
        told=_told(label, is_complete, health, primary, money, chosen.currency, gain),
        gain=gain,
    )


_SUMS = """
WITH members AS (
    SELECT customer_id, is_held_out FROM holdout_members WHERE generation = $generation AND since <= $start
),
bought AS (
    SELECT customer_id, count(*) AS n, coalesce(sum(CAST(amount AS DOUBLE)), 0) AS paid,
        coalesce(sum(CAST(discount_amount AS DOUBLE)), 0) AS discounts
    FROM orders WHERE order_time >= $start AND order_time < $until GROUP BY customer_id
),
counted AS (
    SELECT members.is_held_out, coalesce(n, 0) AS orders, coalesce(paid, 0) AS spend,
        coalesce($margin_rate * (paid + discounts) - discounts, 0) AS margin
    FROM members LEFT JOIN bought ON bought.customer_id = members.customer_id
)
SELECT is_held_out, count(*) AS n, count(*) FILTER (orders > 0) AS hits,
    avg(orders) AS orders, coalesce(var_samp(orders), 0) AS orders_spread,
    avg(spend) AS spend, coalesce(var_samp(spend), 0) AS spend_spread,
    avg(margin) AS margin, coalesce(var_samp(margin), 0) AS margin_spread
FROM counted GROUP BY is_held_out
"""


def _outcomes(
    warehouse: Warehouse, generation: int, start: datetime, until: datetime, margin_rate: float
) -> list[Outcomes]:
    values = {"generation": generation, "start": start, "until": until, "margin_rate": margin_rate}
    rows = {HELD_OUT if row["is_held_out"] else OPEN: row for row in warehouse.records(_SUMS, values)}
    return [
        Outcomes(
            metric=Metric(name=name, kind=named.kind, column=name),
            cells={arm: {"": _cell(name, named.kind, rows.get(arm))} for arm in (HELD_OUT, OPEN)},
        )
        for name, named in WORDS.items()
    ]


def _cell(name: str, kind: str, row: Mapping[str, float] | None) -> Cell:
    if kind == "rate":
        return Rate(n_hits=int(row["hits"]), n=int(row["n"])) if row else Rate(n_hits=0, n=0)
    found = (
        Moments(n=int(row["n"]), mean=float(row[name]), variance=float(row[f"{name}_spread"]))
        if row
        else Moments(n=0, mean=0.0, variance=0.0)
    )
    return JointMoments(n=found.n, means=(found.mean,), covariances=((found.variance,),))


def _sample_ratio(n: Mapping[str, int], share: float) -> HealthCheck:
    name, label = "sample_ratio", "Sample ratio"
    sizes = f"{n[HELD_OUT]:,} held out, {n[OPEN]:,} open to campaigns"
    try:
        found = check_sample_ratio(n, {HELD_OUT: share, OPEN: 1 - share})
    except InputError:
        return HealthCheck(name=name, label=label, level="red", told="Nobody was drawn before the quarter began.")
    if found.alarm:
        told = f"{sizes}: not the {100 * share:g} % that were drawn, so no effect is told."
        return HealthCheck(name=name, label=label, level="red", told=told)
    return HealthCheck(name=name, label=label, level="ok", told=f"{sizes}, as drawn.")


def _told(
    label: str,
    is_complete: bool,
    health: HealthCheck,
    primary: ArmResult,
    money: Estimate,
    currency: str,
    gain: str,
) -> str:
    when = label if is_complete else f"{label} so far"
    if health.level == "red":
        return f"{when}: {health.told}"
    if money.value is None or money.low is None or money.high is None:
        return f"{when}: the {gain} cannot be compared: {primary.comparison.difference.reason}"
    between = interval_words(money, "currency", currency)
    if reading(primary) == "no_clear_difference":
        return (
            f"{when}: no clear difference in {gain} between customers open to campaigns and those held out; summed "
            f"over everybody open to campaigns in {when}, it lies between {between}."
        )
    size = amount_words(abs(money.value), currency)
    side = "more" if money.value > 0 else "less"
    return f"{when}: the programme brought {size} {side} {gain} than no campaigns at all (between {between})."
