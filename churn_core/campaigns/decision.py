"""What was decided on a campaign: by whom, why, and on which readout; kept for ever, never changed."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from churn_core.campaigns.alerting import mark_alerts
from churn_core.campaigns.readout import campaign_readout
from churn_core.campaigns.store import required_locked
from churn_core.errors import InputError, unknown_name
from churn_core.warehouse import Warehouse, acting_person, utc_now

DECISIONS: dict[str, str] = {
    "ship": "Ship: do it from now on",
    "stop": "Stop: do not do it again",
    "continue": "Continue: wait for more",
}
"""What can be decided, with its words."""

FEWEST_LETTERS = 3
"""Letters of a reason, so that it is one."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """One decision with the readout as it stood."""

    readout_id: int
    campaign_id: str
    made_at: datetime
    data_version: int
    """Data the readout was made on."""
    decision: str
    """Key of DECISIONS."""
    person: str
    why: str
    learned: str
    """What was learned, in one sentence; empty where nothing was written."""
    result: dict[str, Any] = field(repr=False)
    """The readout as plain JSON."""

    @property
    def status(self) -> str:
        """Status of the readout then."""
        return str(self.result.get("status", ""))

    @property
    def verdict(self) -> str:
        """Verdict of the readout then."""
        return str(self.result.get("verdict", ""))


def decide(warehouse: Warehouse, campaign_id: str, decision: str, why: str, learned: str = "") -> Decision:
    """Write a decision down with the readout as it stands; a further one adds a row and changes none.

    Ship and stop make the campaign decided, continue leaves it open or opens it again. InputError without a reason,
    for a draft or a cancelled campaign; NotFound for a decision that does not exist.
    """
    if decision not in DECISIONS:
        raise unknown_name("decision", decision, DECISIONS)
    reason = why.strip()
    if len(reason) < FEWEST_LETTERS:
        raise InputError("a decision needs a reason; say in a sentence why, for whoever reads it in a year.")
    found = required_locked(warehouse, campaign_id)
    if found.status == "cancelled":
        raise InputError(f"campaign {found.name!r} was cancelled, so there is nothing to decide on.")
    version = warehouse.data_version
    result = campaign_readout(warehouse, campaign_id)
    with warehouse.transaction() as tx:
        number = tx.next_number("readouts", "readout_id")
        row = {
            "readout_id": number,
            "campaign_id": campaign_id,
            "made_at": utc_now(),
            "data_version": version,
            "decision": decision,
            "person": acting_person(),
            "why": reason,
            "learned": learned.strip(),
            "result": json.dumps(result.to_dict(), ensure_ascii=False, allow_nan=False),
        }
        tx.execute(f"INSERT INTO readouts ({', '.join(row)}) VALUES ({', '.join(f'${name}' for name in row)})", row)
        status = "locked" if decision == "continue" else "decided"
        tx.execute(
            "UPDATE campaigns SET status = $status, changed_at = $now WHERE campaign_id = $id",
            {"status": status, "now": row["made_at"], "id": campaign_id},
        )
        mark_alerts(tx)
        tx.audit(
            "campaign decision",
            {"campaign_id": campaign_id, "readout_id": number, "decision": decision, "status": result.status},
        )
    return decisions(warehouse, campaign_id)[0]


def decisions(warehouse: Warehouse, campaign_id: str | None = None) -> tuple[Decision, ...]:
    """All decisions on a campaign, or on all of them; the latest first."""
    rows = warehouse.records(
        "SELECT * FROM readouts WHERE $id IS NULL OR campaign_id = $id ORDER BY readout_id DESC", {"id": campaign_id}
    )
    return tuple(Decision(**row | {"result": json.loads(row["result"])}) for row in rows)
