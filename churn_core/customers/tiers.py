"""Who counts as high, medium and low risk: thresholds the shop sets, versioned.

Separate from scoring because a shop moves its thresholds without scoring again: saving a policy re-tiers the
latest run in the same transaction, so a list never mixes two policies.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from churn_core.errors import InputError
from churn_core.jobs import Progress, no_progress
from churn_core.models.registry import champion
from churn_core.models.runs import ScoreRun, latest_run
from churn_core.warehouse import Transaction, Warehouse, utc_now

TIERS = ("high", "medium", "low")
"""From the most to the least urgent."""

HIGH_ODDS_RATIO = 3.0
"""Until the shop sets its own: high is at least three times the shop's usual odds of leaving, medium at least usual."""

FALLBACK = (0.7, 0.4)
"""Thresholds when no base rate was ever measured (a method that was not judged on the past)."""


@dataclass(frozen=True, kw_only=True)
class TierPolicy:
    """The thresholds that turn a risk into a tier."""

    high_from: float
    """Risk from which a customer is in the high tier."""
    medium_from: float
    """Risk from which a customer is in the medium tier; below it is low."""
    version: int = 0
    """Counts the saved policies of a workspace; 0 for the default, which was not saved."""
    saved_at: datetime | None = None
    """When it was saved (UTC)."""

    def __post_init__(self) -> None:
        if not 0 < self.medium_from < self.high_from <= 1:
            raise InputError(
                f"high starts at {self.high_from:g} and medium at {self.medium_from:g}; "
                "choose 0 < medium < high <= 1 (risks, not percent)."
            )

    def tier(self, risk: float) -> str:
        """The tier of a risk.

        >>> policy = TierPolicy(high_from=0.7, medium_from=0.4)
        >>> policy.tier(0.7), policy.tier(0.5), policy.tier(0.1)
        ('high', 'medium', 'low')
        """
        return "high" if risk >= self.high_from else "medium" if risk >= self.medium_from else "low"


TIER_SQL = "CASE WHEN risk >= $high_from THEN 'high' WHEN risk >= $medium_from THEN 'medium' ELSE 'low' END"
"""The same rule in SQL; takes ``$high_from`` and ``$medium_from``."""


def default_policy(churn_rate: float | None) -> TierPolicy:
    """Thresholds that fit a shop of this churn rate, as multiples of the odds, rounded to 5 percentage points.

    A fixed threshold would call everybody high in a shop where most one-time buyers leave and nobody in a
    subscription with 5 % churn.

    >>> policy = default_policy(0.265)
    >>> policy.high_from, policy.medium_from
    (0.5, 0.25)
    >>> default_policy(0.57).high_from, default_policy(None).high_from
    (0.8, 0.7)
    """
    if churn_rate is None or not 0 < churn_rate < 1:
        high_from, medium_from = FALLBACK
    else:
        odds = HIGH_ODDS_RATIO * churn_rate / (1 - churn_rate)
        high_from, medium_from = _to_step(odds / (1 + odds)), _to_step(churn_rate)
    high_from = min(max(high_from, 0.10), 0.95)
    return TierPolicy(high_from=high_from, medium_from=min(max(medium_from, 0.05), round(high_from - 0.05, 2)))


def active_policy(warehouse: Warehouse) -> TierPolicy:
    """The saved policy with the highest version, or the default for the shop's churn rate."""
    saved = _saved_policy(warehouse)
    return saved or default_policy(_churn_rate(warehouse))


def save_policy(warehouse: Warehouse, *, high_from: float, medium_from: float) -> TierPolicy:
    """Make thresholds the active ones and re-tier the latest score run, together or not at all.

    Raises InputError when the thresholds are not in order.
    """
    policy = TierPolicy(high_from=float(high_from), medium_from=float(medium_from))
    run = latest_run(warehouse)
    with warehouse.transaction() as tx:
        saved = _save(tx, policy)
        if run is not None:
            _retier(tx, run.run_id, saved)
        tx.audit("tier policy saved", {"version": saved.version, "high_from": high_from, "medium_from": medium_from})
    return saved


def score_workspace(
    warehouse: Warehouse, progress: Progress = no_progress, *, as_of: datetime | None = None
) -> ScoreRun:
    """Score every eligible customer with the champion model and the active tier policy.

    ``as_of`` is the cutoff; by default the end of the data.
    The default policy is saved with the first scoring, so that thresholds move only when somebody moves them.
    """
    from churn_core.models.scoring import score_customers

    policy = active_policy(warehouse)
    run = score_customers(
        warehouse, as_of=as_of, high_from=policy.high_from, medium_from=policy.medium_from, progress=progress
    )
    if policy.version == 0:
        with warehouse.transaction() as tx:
            _save(tx, policy)
    return run


def _save(tx: Transaction, policy: TierPolicy) -> TierPolicy:
    version, now = tx.next_number("tier_policies", "version"), utc_now()
    tx.execute(
        "INSERT INTO tier_policies (version, high_from, medium_from, saved_at) VALUES ($version, $high, $medium, $now)",
        {"version": version, "high": policy.high_from, "medium": policy.medium_from, "now": now},
    )
    return TierPolicy(high_from=policy.high_from, medium_from=policy.medium_from, version=version, saved_at=now)


def _retier(tx: Transaction, run_id: int, policy: TierPolicy) -> None:
    thresholds = {"run_id": run_id, "high_from": policy.high_from, "medium_from": policy.medium_from}
    tx.execute(
        f"UPDATE scores SET tier = {TIER_SQL} WHERE run_id = $run_id AND tier IS DISTINCT FROM {TIER_SQL}", thresholds
    )


def _saved_policy(warehouse: Warehouse) -> TierPolicy | None:
    rows = warehouse.records(
        "SELECT version, high_from, medium_from, saved_at FROM tier_policies ORDER BY version DESC LIMIT 1"
    )
    return TierPolicy(**rows[0]) if rows else None


def _churn_rate(warehouse: Warehouse) -> float | None:
    model = champion(warehouse)
    if model is None:
        return None
    rate = (model.summary.get("backtest") or {}).get("churn_rate")
    return None if rate is None else float(rate)


def _to_step(share: float) -> float:
    return round(round(share / 0.05) * 0.05, 2)
