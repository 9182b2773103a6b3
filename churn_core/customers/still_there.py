"""Who of a score run is still a customer: those whose label does not say that they have left.

A labelled table is scored as a whole, because models are judged on everybody, but lists, totals, alerts and campaigns
are for those who can still be kept. Said once here, so that all of them leave out the same customers. A customer
without a label is still there, and so is everybody in a run that rests on orders.
"""

from __future__ import annotations

import json
from typing import Any

from churn_core.warehouse import Transaction, Warehouse


def still_there(*, run: str = "$run_id", own: str = "customer_id") -> str:
    """A condition that holds for customers of a run who are still there.

    ``run`` is the parameter that holds the run's number, ``own`` the column that holds the customer's id.
    """
    return f"{own} NOT IN ({those_left(run=run)})"


def those_left(*, run: str = "$run_id") -> str:
    """SELECT of the customer_id of everybody of whom a run's label says that they have left; each stands in it once."""
    return (
        "SELECT left_label.customer_id FROM snapshots AS left_label WHERE left_label.churned "
        f"AND EXISTS (SELECT 1 FROM score_runs WHERE score_runs.run_id = {run} AND score_runs.source = 'snapshots')"
    )


def n_left(reader: Warehouse | Transaction, run_id: int) -> int:
    """Customers of a run whose label says that they have left."""
    return int(
        reader.value(f"SELECT count(*) FROM scores WHERE run_id = $run_id AND NOT {still_there()}", {"run_id": run_id})
    )


def left_words(reader: Warehouse | Transaction, snapshot: dict[str, Any]) -> str:
    """That the label of a row of ``snapshots`` says so, as a sentence; empty where it does not.

    >>> left_words(None, {"churned": False})  # type: ignore[arg-type]
    ''
    """
    if not snapshot.get("churned"):
        return ""
    kept = reader.value("SELECT mapping FROM imports WHERE import_id = $id", {"id": snapshot.get("import_id")})
    mapping = json.loads(kept) if kept else {}
    column = (mapping.get("fields") or {}).get("churned")
    values = mapping.get("label_positive") or ()
    if not column or not values:
        return "Has left: that is what the label says."
    return f"Has left: label {column} = {' or '.join(values)}."


def nobody_left(n_scored: int) -> str:
    """What to say where the label says of all customers of a run that they have left."""
    return f"The label says of all {n_scored:,} customers that they have left, so there is nobody to keep."
