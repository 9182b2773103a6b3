"""Campaigns as they are kept: drafts that may change, and plans that never change again once they are locked."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from churn_core.campaigns.plan import STEPS, Plan
from churn_core.customers.selection import CustomerFilter
from churn_core.errors import InputError, NotFound
from churn_core.warehouse import Transaction, Warehouse, acting_person, utc_now

STATUSES: dict[str, str] = {
    "draft": "Draft",
    "locked": "Locked: arms are drawn",
    "decided": "Decided",
    "cancelled": "Cancelled",
}
"""Where a campaign stands, with its words."""


@dataclass(frozen=True, kw_only=True)
class Campaign:
    """A campaign as it is kept."""

    campaign_id: str
    """Immutable; the salt of the draw."""
    status: str
    """Key of STATUSES."""
    plan: Plan
    step: int
    """Step of the plan last worked on, from 1."""
    created_at: datetime
    created_by: str
    changed_at: datetime
    plan_text: str = ""
    """The plan in words as it was locked."""
    plan_sha256: str = ""
    """Digest of the plan as it was locked."""
    locked_at: datetime | None = None
    locked_by: str = ""
    starts_at: datetime | None = None
    """First instant that counts as outcome."""
    ends_at: datetime | None = None
    """End of the last outcome window; None while customers may still join."""
    run_id: int | None = None
    """Score run the audience was chosen from."""
    model_version: int | None = None
    data_version: int | None = None
    """Data at the draw."""
    counts: dict[str, Any] = field(default_factory=dict)
    """Written at the draw: audience, each exclusion with what it left, customers per arm."""

    @property
    def name(self) -> str:
        """Its name, or what stands for it while it has none."""
        return self.plan.name.strip() or "Unnamed draft"

    @property
    def is_draft(self) -> bool:
        """Whether the plan may still change."""
        return self.status == "draft"


def create_draft(warehouse: Warehouse, plan: Plan | None = None) -> Campaign:
    """Begin a campaign; its id is made now and never changes."""
    campaign_id = f"camp-{uuid.uuid4().hex[:12]}"
    first = plan or Plan()
    with warehouse.transaction() as tx:
        tx.execute(
            "INSERT INTO campaigns (campaign_id, status, name, plan, step, created_at, created_by, changed_at) "
            "VALUES ($campaign_id, 'draft', $name, $plan, 1, $now, $person, $now)",
            {
                "campaign_id": campaign_id,
                "name": first.name,
                "plan": json.dumps(first.to_json(), ensure_ascii=False),
                "now": utc_now(),
                "person": acting_person(),
            },
        )
        tx.audit("campaign begun", {"campaign_id": campaign_id, "name": first.name})
    return campaign(warehouse, campaign_id)


def begin_draft(warehouse: Warehouse, plan: Plan) -> Campaign:
    """Begin a campaign, or take up again a draft that the same person began and left as it was.

    Such a draft holds nothing that was typed in: the same plan without lists of ids, or one still on its first step
    that differs at most in its audience, which becomes that of ``plan``. Its lists of ids are emptied.
    """
    with warehouse.transaction() as tx:
        listed = {row[0] for row in tx.rows("SELECT DISTINCT campaign_id FROM campaign_lists")}
        found = next(
            (
                entry
                for entry in campaigns(tx, "draft")
                if entry.created_by == acting_person() and _is_untouched(entry, plan, entry.campaign_id in listed)
            ),
            None,
        )
        if found is not None:
            tx.execute("DELETE FROM campaign_lists WHERE campaign_id = $id", {"id": found.campaign_id})
            tx.execute(
                "UPDATE campaigns SET plan = $plan, changed_at = $now WHERE campaign_id = $id",
                {"plan": json.dumps(plan.to_json(), ensure_ascii=False), "now": utc_now(), "id": found.campaign_id},
            )
    return create_draft(warehouse, plan) if found is None else campaign(warehouse, found.campaign_id)


def _is_untouched(entry: Campaign, plan: Plan, has_lists: bool) -> bool:
    if entry.step == 1:
        return _without_audience(entry.plan) == _without_audience(plan)
    return entry.plan == plan and not has_lists


def _without_audience(plan: Plan) -> Plan:
    return replace(plan, audience=CustomerFilter(), is_listed=False, starts_on=None)


def save_draft(warehouse: Warehouse, campaign_id: str, plan: Plan, *, step: int) -> None:
    """Keep the plan as far as it is; InputError when the campaign is locked already."""
    if not 1 <= step <= len(STEPS):
        raise InputError(f"step {step} was given; a plan has the steps 1 to {len(STEPS)}.")
    with warehouse.transaction() as tx:
        required_draft(tx, campaign_id)
        tx.execute(
            "UPDATE campaigns SET name = $name, plan = $plan, step = $step, changed_at = $now "
            "WHERE campaign_id = $campaign_id",
            {
                "campaign_id": campaign_id,
                "name": plan.name,
                "plan": json.dumps(plan.to_json(), ensure_ascii=False),
                "step": step,
                "now": utc_now(),
            },
        )


def delete_draft(warehouse: Warehouse, campaign_id: str) -> None:
    """Forget a draft with its lists of ids; a locked campaign is never deleted."""
    with warehouse.transaction() as tx:
        found = required_draft(tx, campaign_id)
        tx.execute("DELETE FROM campaign_lists WHERE campaign_id = $id", {"id": campaign_id})
        tx.execute("DELETE FROM campaigns WHERE campaign_id = $id", {"id": campaign_id})
        tx.audit("campaign draft deleted", {"campaign_id": campaign_id, "name": found.name})


def campaign(warehouse: Warehouse | Transaction, campaign_id: str) -> Campaign:
    """One campaign; NotFound when there is none of that id."""
    rows = warehouse.records("SELECT * FROM campaigns WHERE campaign_id = $id", {"id": campaign_id})
    if not rows:
        raise NotFound(f"there is no campaign {campaign_id!r} in this workspace; choose one from the list.")
    return _campaign(rows[0])


def campaigns(warehouse: Warehouse | Transaction, *statuses: str) -> tuple[Campaign, ...]:
    """All campaigns, or those of some statuses; the one changed last comes first."""
    rows = warehouse.records("SELECT * FROM campaigns ORDER BY changed_at DESC, campaign_id")
    return tuple(_campaign(row) for row in rows if not statuses or row["status"] in statuses)


def required_draft(tx: Transaction, campaign_id: str) -> Campaign:
    """The campaign while its plan may still change; InputError when it is locked."""
    found = campaign(tx, campaign_id)
    if not found.is_draft:
        raise InputError(
            f"campaign {found.name!r} is {found.status} and its plan cannot change any more; plan a new campaign."
        )
    return found


def required_locked(warehouse: Warehouse | Transaction, campaign_id: str) -> Campaign:
    """The campaign whose arms are drawn; InputError while it is a draft."""
    found = campaign(warehouse, campaign_id)
    if found.is_draft:
        raise InputError(f"campaign {found.name!r} is still a draft; lock it first, which draws the arms.")
    return found


def _campaign(row: dict[str, Any]) -> Campaign:
    values = {name: value for name, value in row.items() if name != "name"}
    for name in ("plan_text", "plan_sha256", "locked_by"):
        values[name] = values[name] or ""
    values["plan"] = Plan.from_json(json.loads(row["plan"]))
    values["counts"] = json.loads(row["counts"]) if row["counts"] else {}
    return Campaign(**values)
