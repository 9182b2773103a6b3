"""RFM rules in force: the active one, all saved ones, saving and going back.

Separate from what a rule says; every change is a version of its own and a line in the audit log.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from churn_core.customers.rfm_rule import RfmRule
from churn_core.errors import NotFound
from churn_core.warehouse import Transaction, Warehouse, utc_now


@dataclass(frozen=True, kw_only=True)
class SavedRule:
    """One version of the shop's RFM rule."""

    rule: RfmRule
    is_active: bool
    saved_by: str
    """Who saved it; empty when that was not kept."""


def active_rule(warehouse: Warehouse | Transaction) -> RfmRule:
    """The rule in force; quintiles with the proposed grid while none of those saved is."""
    return next((saved.rule for saved in saved_rules(warehouse) if saved.is_active), RfmRule())


def saved_rules(warehouse: Warehouse | Transaction) -> list[SavedRule]:
    """All versions, newest first; at most one is active, and none while the proposed rule is in force."""
    rows = warehouse.records(
        "SELECT version, saved_at, CAST(rule AS VARCHAR) AS rule, is_active, (SELECT arg_max(person, entry) "
        "FROM audit_log WHERE action = 'rfm rule saved' AND CAST(detail->>'$.version' AS INTEGER) = version) AS person "
        "FROM rfm_rules ORDER BY version DESC"
    )
    return [
        SavedRule(
            rule=RfmRule.from_json(json.loads(row["rule"]), version=row["version"], saved_at=row["saved_at"]),
            is_active=bool(row["is_active"]),
            saved_by=row["person"] or "",
        )
        for row in rows
    ]


def save_rule(warehouse: Warehouse, rule: RfmRule) -> RfmRule:
    """Keep a rule as a new version and make it the active one."""
    with warehouse.transaction() as tx:
        version, now = tx.next_number("rfm_rules", "version"), utc_now()
        tx.execute(
            "INSERT INTO rfm_rules BY NAME SELECT $version AS version, $now AS saved_at, $rule AS rule, "
            "false AS is_active",
            {"version": version, "now": now, "rule": json.dumps(rule.to_json())},
        )
        _activate(tx, version)
        tx.audit("rfm rule saved", {"version": version, **rule.to_json()})
    return replace(rule, version=version, saved_at=now)


def activate_rule(warehouse: Warehouse, version: int) -> RfmRule:
    """Make an earlier version the active one again, or with 0 the proposed rule; NotFound when there is no such one."""
    known = {0: RfmRule()} | {saved.rule.version: saved.rule for saved in saved_rules(warehouse)}
    if version not in known:
        raise NotFound(f"there is no RFM rule {version}; the page RFM lists all under Thresholds.")
    if active_rule(warehouse).version != version:
        with warehouse.transaction() as tx:
            _activate(tx, version)
            tx.audit("rfm rule activated", {"version": version})
    return known[version]


def _activate(tx: Transaction, version: int) -> None:
    tx.execute("UPDATE rfm_rules SET is_active = (version = $version)", {"version": version})
