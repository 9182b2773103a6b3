"""Who can be saved, learnt from a finished campaign of the workspace: study it, keep the model, show its answers.

A model whose campaign showed no evidence that customers differ is kept for the record and never becomes active: lists
show nothing rather than noise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from churn_core.campaigns.over import over_first
from churn_core.campaigns.store import Campaign, campaign, campaigns
from churn_core.campaigns.uplift_data import campaign_trial
from churn_core.campaigns.uplift_learners import LEARNERS, fit_learner
from churn_core.campaigns.uplift_scores import forget_net_values, refresh_net_values
from churn_core.campaigns.uplift_store import StoredUplift, insert_uplift, summary_of, uplift_models
from churn_core.campaigns.uplift_study import study
from churn_core.errors import NotFound
from churn_core.jobs import Progress, no_progress, part
from churn_core.models.runs import latest_run

if TYPE_CHECKING:
    from churn_core.warehouse import Warehouse

SEED = 20


def learn_from_campaign(
    warehouse: Warehouse,
    campaign_id: str,
    arm: str | None = None,
    progress: Progress = no_progress,
    *,
    learners: tuple[str, ...] = tuple(LEARNERS),
) -> StoredUplift:
    """Study one treatment of a finished campaign, keep what it taught, and value contacting every scored customer.

    Becomes the active model where there is evidence that customers differ. NotEnoughData for small campaigns, for those
    whose windows are not over, and for customers of whom nothing was known before the start.
    """
    found = campaign(warehouse, campaign_id)
    rows = campaign_trial(warehouse, found, arm, progress=part(progress, 0.0, 0.15))
    plan = found.plan
    learnt = study(
        rows.trial,
        tiers=rows.tiers,
        least_effect=plan.goal.smallest_effect,
        names=learners,
        seed=SEED,
        progress=part(progress, 0.15, 0.7),
    )
    progress(0.7, "learning from everybody")
    model = fit_learner(learnt.learner, rows.trial, seed=SEED)
    with warehouse.transaction() as tx:
        number = insert_uplift(
            tx,
            campaign_id=campaign_id,
            arm=rows.arm,
            model=model,
            summary=summary_of(learnt.to_dict(), rows),
            is_active=learnt.has_evidence,
        )
        tx.audit(
            "campaign uplift learnt",
            {"campaign_id": campaign_id, "uplift_version": number, "qini": learnt.ranking.qini.value},
        )
    run = latest_run(warehouse)
    if learnt.has_evidence and run is not None and run.as_of is not None:
        refresh_net_values(warehouse, part(progress, 0.75, 1.0))
    return uplift_model(warehouse, number)


def uplift_model(warehouse: Warehouse, number: int) -> StoredUplift:
    """One model; NotFound when there is none of that number."""
    found = next((entry for entry in uplift_models(warehouse) if entry.uplift_version == number), None)
    if found is None:
        raise NotFound(f"there is no uplift model {number} in this workspace; learn one from a finished campaign.")
    return found


def latest_uplift(warehouse: Warehouse, campaign_id: str | None = None, arm: str | None = None) -> StoredUplift | None:
    """The newest model, of one campaign (and one of its treatments) or of any; None when there is none."""
    models = uplift_models(warehouse)
    asked = (entry for entry in models if campaign_id in (None, entry.campaign_id) and arm in (None, entry.arm))
    return next(asked, None)


def deactivate_uplift(warehouse: Warehouse) -> None:
    """Lists show no net value any more; the models are kept."""
    with warehouse.transaction() as tx:
        tx.execute("UPDATE uplift_models SET is_active = false WHERE is_active")
        forget_net_values(tx)
        tx.audit("campaign uplift deactivated", {})


def studied_campaigns(warehouse: Warehouse) -> tuple[Campaign, ...]:
    """Campaigns that something may be learnt from: drawn, with a control; those that are over first."""
    found = campaigns(warehouse, "locked", "decided")
    return over_first(warehouse, (entry for entry in found if entry.plan.is_measurable))
