"""Tiers in force: the active policy, all saved ones, and applying one to the latest run.

Separate from scoring because a shop moves its tiers without scoring again: saving or activating a policy re-tiers the
latest run in the same transaction, so a list never mixes two policies.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from churn_core.customers.scenario import VALUE_UNKNOWN, Scenario
from churn_core.customers.still_there import still_there
from churn_core.customers.tier_policy import (
    KINDS,
    TIERS,
    CapacityRule,
    TierPolicy,
    default_policy,
    policy_of,
    policy_words,
)
from churn_core.customers.tier_rule import TierRule, tier_rule
from churn_core.errors import NotEnoughData, NotFound
from churn_core.jobs import Progress, no_progress
from churn_core.models.registry import champion
from churn_core.models.runs import ScoreRun, latest_run
from churn_core.warehouse import Transaction, Warehouse, utc_now

__all__ = ["KINDS", "TIERS", "CapacityRule", "TierPolicy", "TierRule", "default_policy", "policy_words", "tier_rule"]

ACTIVE_VERSION = "SELECT coalesce(max(version) FILTER (is_active), max(version)) FROM tier_policies"


@dataclass(frozen=True, kw_only=True)
class SavedPolicy:
    """One version of the shop's tiers."""

    policy: TierPolicy
    is_active: bool
    saved_by: str
    """Who saved it; empty when it came with the first scoring, or that was not kept."""


@dataclass(frozen=True, kw_only=True)
class TierCount:
    """How many customers of the latest run a policy puts into a tier."""

    tier: str
    n_customers: int
    churners: float
    """Churners to expect among them."""
    value_at_risk: float | None
    """In the shop's currency; None when no value is known."""
    profit: float | None = None
    """Expected profit of contacting them, by a policy by expected profit only; None when no value is known."""


def policy_with(
    warehouse: Warehouse, *, capacity: CapacityRule | None = None, profit: Scenario | None = None
) -> TierPolicy:
    """A policy by capacity or by expected profit, not saved yet; it keeps the thresholds in force for bare risks.

    InputError when the chance of the scenario is unknown.
    """
    return replace(active_policy(warehouse), capacity=capacity, profit=profit, version=0, saved_at=None)


def active_policy(warehouse: Warehouse | Transaction) -> TierPolicy:
    """The saved policy that is in force, or the default for the shop's churn rate."""
    saved = next((saved.policy for saved in saved_policies(warehouse) if saved.is_active), None)
    return saved or default_policy(_churn_rate(warehouse))


def saved_policies(warehouse: Warehouse | Transaction) -> list[SavedPolicy]:
    """All versions, newest first; exactly one of them is active once there is any."""
    rows = warehouse.records(
        f"SELECT version, high_from, medium_from, saved_at, kind, settings, version = ({ACTIVE_VERSION}) AS is_active, "
        "(SELECT arg_max(person, entry) "
        "FROM audit_log WHERE action = 'tier policy saved' AND CAST(detail->>'$.version' AS INTEGER) = version) AS "
        "person FROM tier_policies ORDER BY version DESC"
    )
    return [
        SavedPolicy(
            policy=policy_of(
                row["kind"] or "probability",
                json.loads(row["settings"] or "{}"),
                **{name: row[name] for name in ("version", "high_from", "medium_from", "saved_at")},
            ),
            is_active=bool(row["is_active"]),
            saved_by=row["person"] or "",
        )
        for row in rows
    ]


def save_policy(warehouse: Warehouse, *, high_from: float, medium_from: float) -> TierPolicy:
    """Make thresholds the active policy and re-tier the latest score run, together or not at all.

    Raises InputError when the thresholds are not in order.
    """
    return save(warehouse, TierPolicy(high_from=float(high_from), medium_from=float(medium_from)))


def save(warehouse: Warehouse, policy: TierPolicy) -> TierPolicy:
    """Keep a policy of any kind as a new version, make it the active one and re-tier the latest run with it.

    Raises NotEnoughData when it needs values and the run has none.
    """
    run = latest_run(warehouse)
    if run is not None:
        check_usable(warehouse, policy, run.run_id)
    with warehouse.transaction() as tx:
        saved = _save(tx, policy)
        if run is not None:
            retier(tx, saved, run.run_id)
        thresholds = {"high_from": saved.high_from, "medium_from": saved.medium_from}
        detail = thresholds if saved.kind == "probability" else {"kind": saved.kind, **saved.settings}
        tx.audit("tier policy saved", {"version": saved.version, **detail})
    return saved


def activate_policy(warehouse: Warehouse, version: int) -> TierPolicy:
    """Make an earlier version the active policy again and re-tier the latest run with it.

    NotFound when there is no such version; the active one is left as it is.
    """
    found = next((saved for saved in saved_policies(warehouse) if saved.policy.version == version), None)
    if found is None:
        raise NotFound(f"there is no tier policy {version}; 'churn policy list' and the page Cut-offs show all.")
    run = latest_run(warehouse)
    if run is not None:
        check_usable(warehouse, found.policy, run.run_id)
    if not found.is_active:
        with warehouse.transaction() as tx:
            _activate(tx, version)
            if run is not None:
                retier(tx, found.policy, run.run_id)
            tx.audit("tier policy activated", {"version": version})
    return found.policy


def tier_counts(warehouse: Warehouse, policy: TierPolicy) -> tuple[TierCount, ...]:
    """How many customers of the latest run who are still there each tier would get, without changing anything.

    NotEnoughData when nobody was scored, or the policy needs values and the run has none.
    """
    run = latest_run(warehouse)
    if run is None:
        raise NotEnoughData("no customers were scored yet; train a model and score first.")
    check_usable(warehouse, policy, run.run_id)
    rule = tier_rule(warehouse, policy, run.run_id)
    profit = f"sum({policy.profit.profit_sql()})" if policy.profit else "NULL"
    rows = warehouse.records(
        f"SELECT {rule.sql} AS tier, count(*) AS n_customers, sum(risk) AS churners, sum(value_at_risk) AS "
        f"value_at_risk, {profit} AS profit FROM scores WHERE run_id = $run_id "
        f"AND {still_there()} GROUP BY 1",
        rule.parameters | {"run_id": run.run_id},
    )
    found = {row["tier"]: TierCount(**row) for row in rows}
    nobody = TierCount(tier="", n_customers=0, churners=0.0, value_at_risk=None)
    return tuple(found.get(tier, replace(nobody, tier=tier)) for tier in TIERS)


def score_workspace(
    warehouse: Warehouse, progress: Progress = no_progress, *, as_of: datetime | None = None
) -> ScoreRun:
    """Score every eligible customer with the champion model and the active tier policy.

    ``as_of`` is the cutoff; by default the end of the data. A policy by capacity or profit draws its tiers in the
    transaction that stores the run.
    The default policy is saved with the first scoring, so that thresholds move only when somebody moves them. A policy
    that was saved while scoring went on holds for the new run as well.
    """
    from churn_core.models.scoring import score_customers

    policy = active_policy(warehouse)
    run = score_customers(
        warehouse,
        as_of=as_of,
        high_from=policy.high_from,
        medium_from=policy.medium_from,
        retier=None if policy.kind == "probability" else partial(_tiers_of_new_run, policy),
        progress=progress,
    )
    now = active_policy(warehouse)
    with warehouse.transaction() as tx:
        if now.version == 0:
            _save(tx, policy)
        elif now.version != policy.version:
            retier(tx, now, run.run_id)
    return run


def check_usable(reader: Warehouse | Transaction, policy: TierPolicy, run_id: int) -> None:
    """NotEnoughData when a policy needs expected values and the run has none."""
    needs_value = (
        policy.profit.margin is None if policy.profit else bool(policy.capacity and policy.capacity.order != "risk")
    )
    if not needs_value or reader.rows(
        "SELECT 1 FROM scores WHERE run_id = $run_id AND expected_value IS NOT NULL LIMIT 1", {"run_id": run_id}
    ):
        return
    if policy.capacity:
        raise NotEnoughData("no customer's expected value is known; fill the places by risk instead of value at risk.")
    raise NotEnoughData(VALUE_UNKNOWN)


def retier(tx: Transaction, policy: TierPolicy, run_id: int) -> None:
    """Draw the tiers of a run anew; rows that keep theirs are not written."""
    rule = tier_rule(tx, policy, run_id)
    tx.execute(
        f"UPDATE scores SET tier = {rule.sql} WHERE run_id = $run_id AND tier IS DISTINCT FROM {rule.sql}",
        rule.parameters | {"run_id": run_id},
    )


def _tiers_of_new_run(policy: TierPolicy, tx: Transaction, run_id: int) -> dict[str, int]:
    try:
        check_usable(tx, policy, run_id)
    except NotEnoughData as error:
        raise NotEnoughData(f"tier policy {policy.version} cannot be applied to this scoring: {error}") from error
    retier(tx, policy, run_id)
    rows = tx.rows("SELECT tier, count(*) FROM scores WHERE run_id = $run_id GROUP BY tier", {"run_id": run_id})
    return dict.fromkeys(TIERS, 0) | {str(tier): int(n) for tier, n in rows}


def _save(tx: Transaction, policy: TierPolicy) -> TierPolicy:
    version, now = tx.next_number("tier_policies", "version"), utc_now()
    tx.execute(
        "INSERT INTO tier_policies BY NAME SELECT $version AS version, $high AS high_from, $medium AS medium_from, "
        "$now AS saved_at, $kind AS kind, $settings AS settings, false AS is_active",
        {
            "version": version,
            "high": policy.high_from,
            "medium": policy.medium_from,
            "now": now,
            "kind": policy.kind,
            "settings": json.dumps(policy.settings),
        },
    )
    _activate(tx, version)
    return replace(policy, version=version, saved_at=now)


def _activate(tx: Transaction, version: int) -> None:
    tx.execute("UPDATE tier_policies SET is_active = (version = $version)", {"version": version})


def _churn_rate(warehouse: Warehouse | Transaction) -> float | None:
    model = champion(warehouse)
    if model is None:
        return None
    rate = (model.summary.get("backtest") or {}).get("churn_rate")
    return None if rate is None else float(rate)
