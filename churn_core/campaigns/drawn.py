"""What a draw came to: customers per arm, per stratum and arm, and per week, as plain results.

Counted from the drawn customers themselves, before the lock in the preview and at the lock for what is kept, so that
both say the same.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

from churn_core.campaigns.exclusions import Eligibility
from churn_core.campaigns.plan import Plan
from churn_core.schema import quote
from churn_core.warehouse import Transaction


@dataclass(frozen=True, kw_only=True)
class ArmDrawn:
    """One arm as it was drawn."""

    arm: str
    is_control: bool
    planned_share: float
    n_customers: int
    mean_risk: float | None
    """Average risk of those whose risk is known; None when nobody's is."""
    mean_expected_value: float | None
    """Average expected value in the shop's currency of those whose value is known; None when nobody's is."""


@dataclass(frozen=True, kw_only=True)
class StratumDrawn:
    """One stratum and how it was shared out."""

    stratum: str
    n_customers: int
    arms: dict[str, int]
    """Customers per arm, in the plan's order."""


@dataclass(frozen=True, kw_only=True)
class WaveDrawn:
    """One week of contact."""

    wave: int
    """From 1."""
    starts_on: date | None
    """First day of contact; None while the plan has no start."""
    n_customers: int
    arms: dict[str, int]
    """Customers per arm, in the plan's order."""


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """The counts of a draw."""

    n_customers: int
    """Customers drawn."""
    arms: tuple[ArmDrawn, ...]
    strata: tuple[StratumDrawn, ...]
    waves: tuple[WaveDrawn, ...]
    fingerprint: int
    """Equal when the same customers are in the same arms and weeks; compared within one version of the product only."""


@dataclass(frozen=True, kw_only=True)
class DrawPreview(Drawn):
    """What the lock will draw, customer by customer the same, as counts."""

    campaign_id: str
    eligibility: Eligibility
    """The audience and what each exclusion leaves of it."""
    refusals: tuple[str, ...]
    """Why the campaign cannot be locked as it is, one sentence each; empty when it can."""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)


def counted(tx: Transaction, table: str, plan: Plan) -> Drawn:
    """Count the drawn customers of a table; every arm of the plan is named, also one that nobody was drawn into."""
    drawn = quote(table)
    told = {
        row[0]: row[1:]
        for row in tx.rows(f"SELECT arm, count(*), avg(risk), avg(expected_value) FROM {drawn} GROUP BY arm")
    }
    arms = tuple(
        ArmDrawn(
            arm=arm.name,
            is_control=arm.is_control,
            planned_share=arm.share,
            n_customers=told.get(arm.name, (0,))[0],
            mean_risk=told[arm.name][1] if arm.name in told else None,
            mean_expected_value=told[arm.name][2] if arm.name in told else None,
        )
        for arm in plan.arms
    )
    strata = tuple(
        StratumDrawn(stratum=stratum, n_customers=sum(shared.values()), arms=shared)
        for stratum, shared in _per_arm(tx, drawn, "stratum", plan).items()
    )
    waves = tuple(
        WaveDrawn(
            wave=wave,
            starts_on=plan.starts_on + timedelta(days=7 * (wave - 1)) if plan.starts_on else None,
            n_customers=sum(shared.values()),
            arms=shared,
        )
        for wave, shared in _per_arm(tx, drawn, "wave", plan).items()
    )
    fingerprint = tx.value(f"SELECT coalesce(bit_xor(hash(customer_id, arm, wave)), 0) FROM {drawn}")
    return Drawn(
        n_customers=sum(arm.n_customers for arm in arms),
        arms=arms,
        strata=strata,
        waves=waves,
        fingerprint=int(fingerprint),
    )


def _per_arm(tx: Transaction, drawn: str, column: str, plan: Plan) -> dict[Any, dict[str, int]]:
    shared: dict[Any, dict[str, int]] = {}
    for value, arm, n in tx.rows(f"SELECT {column}, arm, count(*) FROM {drawn} GROUP BY ALL ORDER BY {column}"):
        shared.setdefault(value, {arm.name: 0 for arm in plan.arms})[arm] = n
    return shared
