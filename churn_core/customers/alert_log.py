"""The log of alerts: everything that happened to each, in order, by whom and when.

Apart from work and refresh because both write it; kept for ever, never changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from churn_core.warehouse import Transaction


def log(
    tx: Transaction,
    now: datetime,
    action: str,
    entries: Sequence[tuple[int, str, str]],
    *,
    person: str = "",
    note: str = "",
) -> None:
    """Add a line for each alert: its number, who works on it from now on, and what happened in words."""
    if not entries:
        return
    tx.execute(
        "INSERT INTO alert_log SELECT $first + nr - 1, alert_id, $now, $action, $person, owner, words, $note FROM ("
        "SELECT unnest($ids::INTEGER[]) AS alert_id, unnest($owners::VARCHAR[]) AS owner, "
        "unnest($words::VARCHAR[]) AS words, unnest(range(1, $n + 1)) AS nr)",
        {
            "first": tx.next_number("alert_log", "entry"),
            "n": len(entries),
            "now": now,
            "action": action,
            "person": person,
            "note": note,
            "ids": [entry[0] for entry in entries],
            "owners": [entry[1] for entry in entries],
            "words": [entry[2] for entry in entries],
        },
    )
