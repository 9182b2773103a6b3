"""The groups by RFM and by lifecycle of every customer, kept beside the facts so that rules can ask for them at once.

They are those of the RFM rule in force when they were kept; when another rule is in force, or newer data is there, they
are worked out anew where a rule asks for them.
"""

from __future__ import annotations

from typing import cast

from churn_core.customers.facts import is_fresh
from churn_core.customers.lifecycle import stages_sql
from churn_core.customers.rfm import orders_until, scored_sql, thresholds
from churn_core.customers.rfm_rules import active_rule
from churn_core.customers.selection import Condition
from churn_core.features.gaps import known_until
from churn_core.features.shop_habits import habits
from churn_core.warehouse import Transaction, Warehouse

GROUPS_TABLE = "customer_groups"
GROUP_COLUMNS = ("rfm_group", "lifecycle_stage")
_SETTING = "customer_groups"
_MEANING = 3
"""Counts the meanings that stages had; those kept by another are worked out anew."""


def groups_relation(reader: Warehouse | Transaction) -> Condition:
    """What stands behind JOIN: the kept table, or the same worked out anew, with its parameters."""
    kept = reader.setting(_SETTING) or {}
    if is_fresh(reader) and kept == _key(reader):
        return Condition(sql=GROUPS_TABLE)
    found = _groups_select(reader)
    return Condition(sql=f"({found.sql})", parameters=found.parameters)


def refresh_fact_groups(tx: Transaction) -> None:
    """Find the groups of all customers again; nobody is in one while there are no orders."""
    tx.execute(f"DELETE FROM {GROUPS_TABLE}")
    if known_until(tx) is not None:
        found = _groups_select(tx)
        tx.execute(f"INSERT INTO {GROUPS_TABLE} BY NAME {found.sql}", found.parameters)
    tx.save_setting(_SETTING, _key(tx))


def _key(reader: Warehouse | Transaction) -> dict[str, int]:
    return {"data_version": reader.data_version, "rfm_version": active_rule(reader).version, "meaning": _MEANING}


def _groups_select(reader: Warehouse | Transaction) -> Condition:
    """SELECT of customer_id, rfm_group and lifecycle_stage of everybody with an order."""
    read = cast("Warehouse", reader)
    rule, day = active_rule(read), orders_until(read)
    scored = scored_sql(rule, thresholds(read, rule, day), day, name="_rfm")
    staged = stages_sql(read, habits(read, as_of=day), name="_stage")
    return Condition(
        sql=f"SELECT o.customer_id, o.rfm_group, h.state AS lifecycle_stage FROM ({scored.sql}) AS o "
        f"LEFT JOIN ({staged.sql}) AS h ON h.customer_id = o.customer_id",
        parameters=scored.parameters | staged.parameters,
    )
