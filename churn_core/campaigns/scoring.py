"""Scoring as a shop does it: customers, what contacting each is worth, groups that follow the data, the alert queue.

Separate from scoring itself, which knows nothing of campaigns and groups.
"""

from __future__ import annotations

from churn_core.campaigns.alerting import renew_alerts
from churn_core.campaigns.uplift_scores import refreshed_after_scoring
from churn_core.campaigns.uplift_store import active_uplift
from churn_core.customers import tiers
from churn_core.customers.group_refresh import refresh_groups
from churn_core.jobs import Progress, no_progress, part
from churn_core.models.runs import ScoreRun
from churn_core.warehouse import Warehouse


def score_workspace(warehouse: Warehouse, progress: Progress = no_progress) -> ScoreRun:
    """Score everybody with tiers by the active policy, renew the net values where an uplift model is active, then find
    tags, rule segments and clusters again, and renew the alert queue.

    Net values that cannot be renewed stay those of the scoring before, which lists say; groups whose rule cannot be
    asked keep their customers, which their page says.
    """
    has_uplift = active_uplift(warehouse) is not None
    run = tiers.score_workspace(warehouse, part(progress, 0.0, 0.65 if has_uplift else 0.9))
    if has_uplift:
        refreshed_after_scoring(warehouse, part(progress, 0.65, 0.9))
    refresh_groups(warehouse)
    renew_alerts(warehouse)
    return run
