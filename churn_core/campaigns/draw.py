"""Drawing the arms: shown first, then kept for ever together with the plan they were drawn for.

The lock is one transaction. Either the plan is frozen and everybody has an arm, or nothing happened; what was drawn
once is never drawn again.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from churn_core.campaigns.alerting import mark_alerts
from churn_core.campaigns.arms_sql import Pool, fill_drawn
from churn_core.campaigns.drawn import Drawn, DrawPreview, counted
from churn_core.campaigns.exclusions import Eligibility, eligibility, eligible_sql
from churn_core.campaigns.holdout import refresh_within
from churn_core.campaigns.joining import Joined, join_campaign
from churn_core.campaigns.plan import STEPS, Plan, problems
from churn_core.campaigns.plan_text import plan_text
from churn_core.campaigns.refusals import refusals
from churn_core.campaigns.sizing import plan_size
from churn_core.campaigns.start import start_of
from churn_core.campaigns.store import Campaign, campaign, required_draft, required_locked
from churn_core.errors import InputError
from churn_core.jobs import Progress, no_progress
from churn_core.models.runs import latest_run
from churn_core.warehouse import Transaction, Warehouse, acting_person, utc_now

__all__ = ["DrawPreview", "Joined", "cancel_campaign", "join_campaign", "lock_campaign", "preview_draw"]

DRAWN = "drawn"
"""Temporary table of the customers drawn."""

SHORTEST_REASON = 10
"""Characters of a reason that says something."""


def preview_draw(warehouse: Warehouse, campaign_id: str) -> DrawPreview:
    """What the lock will draw: the same customers in the same arms and weeks, as counts.

    InputError when the campaign is no draft any more, or its arms cannot be drawn at all.
    """
    with warehouse.supposed() as tx:
        draft = required_draft(tx, campaign_id)
        _require_arms(draft.plan)
        whom = eligibility(tx, draft)
        drawn = _draw(tx, draft)
        return DrawPreview(
            campaign_id=campaign_id,
            eligibility=whom,
            n_customers=drawn.n_customers,
            arms=drawn.arms,
            strata=drawn.strata,
            waves=drawn.waves,
            fingerprint=drawn.fingerprint,
            refusals=refusals(tx, draft.plan, whom, drawn),
        )


def lock_campaign(
    warehouse: Warehouse,
    campaign_id: str,
    progress: Progress = no_progress,
    *,
    shown: DrawPreview | None = None,
) -> Campaign:
    """Freeze the plan, draw everybody of the audience once and keep it; the locked campaign.

    A campaign that is locked already is given back as it is: nothing is drawn a second time. ``shown`` is the preview
    that the person saw; when the draw is another one by now (data or scores are new), InputError asks to look again.
    InputError or NotEnoughData with one sentence when the plan is incomplete or cannot be drawn; nothing is written
    then.
    """
    if campaign(warehouse, campaign_id).status == "locked":
        return campaign(warehouse, campaign_id)
    progress(0.02, "looking at the audience")
    with warehouse.transaction() as tx:
        if campaign(tx, campaign_id).status == "locked":
            return campaign(tx, campaign_id)
        draft = required_draft(tx, campaign_id)
        _require_arms(draft.plan)
        refresh_within(tx)
        whom = eligibility(tx, draft)
        progress(0.2, "drawing the arms")
        drawn = _draw(tx, draft)
        told = refusals(tx, draft.plan, whom, drawn)
        if told:
            raise InputError(f"the campaign cannot be locked: {told[0]}")
        _require_as_shown(shown, drawn)
        progress(0.5, "writing the plan")
        frozen = _freeze(warehouse, tx, draft, whom, drawn)
        progress(0.7, "writing the arms")
        _keep(tx, campaign_id, frozen)
        mark_alerts(tx)
        tx.audit(
            "campaign locked",
            {"campaign_id": campaign_id, "name": draft.name, "n_customers": drawn.n_customers} | _arm_counts(drawn),
        )
        progress(0.9, "keeping the draw")
    progress(1, "drawn")
    return campaign(warehouse, campaign_id)


def cancel_campaign(warehouse: Warehouse, campaign_id: str, why: str) -> Campaign:
    """Call off a locked campaign; its draw stays as it was, and its customers are free for others.

    InputError for a draft (which can be deleted), for one that is decided or cancelled, and without a reason.
    """
    if len(why.strip()) < SHORTEST_REASON:
        raise InputError("the reason is missing; say in a sentence why the campaign is called off.")
    with warehouse.transaction() as tx:
        found = required_locked(tx, campaign_id)
        if found.status != "locked":
            raise InputError(f"campaign {found.name!r} is {found.status} already, so it cannot be called off.")
        called_off = {"at": utc_now().isoformat(timespec="seconds"), "by": acting_person(), "why": why.strip()}
        tx.execute(
            "UPDATE campaigns SET status = 'cancelled', counts = $counts, changed_at = $now WHERE campaign_id = $id",
            {
                "counts": json.dumps(found.counts | {"cancelled": called_off}, ensure_ascii=False),
                "now": utc_now(),
                "id": campaign_id,
            },
        )
        mark_alerts(tx)
        tx.audit("campaign cancelled", {"campaign_id": campaign_id, "name": found.name, "why": why.strip()})
    return campaign(warehouse, campaign_id)


def _require_arms(plan: Plan) -> None:
    told = problems(plan).get("Arms")
    if told:
        raise InputError(f"the arms cannot be drawn: {told[0]}")


def _draw(tx: Transaction, draft: Campaign) -> Drawn:
    """Draw everybody who is left into the temporary table, and count them."""
    left = eligible_sql(tx, draft)
    pool = Pool(sql=left.sql, parameters=left.parameters)
    fill_drawn(tx, DRAWN, pool, draft.plan.shares, salt=draft.campaign_id, per_week=draft.plan.per_week)
    return counted(tx, DRAWN, draft.plan)


def _require_as_shown(shown: DrawPreview | None, drawn: Drawn) -> None:
    if shown is not None and shown.fingerprint != drawn.fingerprint:
        raise InputError(
            f"the draw is another one by now, of {drawn.n_customers:,} customers instead of the {shown.n_customers:,} "
            "shown; look at the preview again before locking."
        )


def _freeze(warehouse: Warehouse, tx: Transaction, draft: Campaign, whom: Eligibility, drawn: Drawn) -> datetime:
    """Write the plan as it is locked; the instant of the draw."""
    now, plan = utc_now(), draft.plan
    assert plan.starts_on is not None
    run, size = latest_run(warehouse), plan_size(warehouse, draft)
    counts: dict[str, Any] = {
        "audience": whom.n_audience,
        "exclusions": [asdict(step) for step in whom.steps],
        "n_left": drawn.n_customers,
        "n_needed": size.n_needed,
        **_arm_counts(drawn),
        "waves": [wave.n_customers for wave in drawn.waves],
        "strata": {stratum.stratum: stratum.arms for stratum in drawn.strata},
        "joins": [],
    }
    last_start = start_of(plan.starts_on) + timedelta(days=7 * (len(drawn.waves) - 1))
    person = acting_person()
    tx.execute(
        "UPDATE campaigns SET status = 'locked', step = $step, changed_at = $now, plan_text = $plan_text, "
        "plan_sha256 = $plan_sha256, locked_at = $now, locked_by = $person, starts_at = $starts_at, "
        "ends_at = $ends_at, run_id = $run_id, model_version = $model_version, data_version = $data_version, "
        "counts = $counts WHERE campaign_id = $id",
        {
            "id": draft.campaign_id,
            "step": len(STEPS),
            "now": now,
            "plan_text": plan_text(warehouse, draft, whom, drawn, size=size, locked_at=now, locked_by=person),
            "plan_sha256": plan.sha256,
            "person": person,
            "starts_at": start_of(plan.starts_on),
            "ends_at": None if plan.entry == "rolling" else last_start + timedelta(days=plan.goal.window_days),
            "run_id": run.run_id if run else None,
            "model_version": run.model_version if run else None,
            "data_version": tx.data_version,
            "counts": json.dumps(counts, ensure_ascii=False),
        },
    )
    return now


def _keep(tx: Transaction, campaign_id: str, now: datetime) -> None:
    tx.execute(
        "INSERT INTO assignments BY NAME SELECT $id AS campaign_id, customer_id, arm, stratum, wave, "
        "$now::TIMESTAMP AS assigned_at, $starts_at::TIMESTAMP + to_days(7 * (wave - 1)) AS starts_at, row_no, tier, "
        f"value_band, main_group, risk, expected_value FROM {DRAWN} ORDER BY row_no",
        {
            "id": campaign_id,
            "now": now,
            "starts_at": tx.value("SELECT starts_at FROM campaigns WHERE campaign_id = $id", {"id": campaign_id}),
        },
    )


def _arm_counts(drawn: Drawn) -> dict[str, dict[str, int]]:
    return {"arms": {arm.arm: arm.n_customers for arm in drawn.arms}}
