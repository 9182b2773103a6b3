"""Scoring as a shop does it once campaigns taught something: the customers, then what contacting each is worth.

Separate from scoring itself, which knows nothing of campaigns.
"""

from __future__ import annotations

from churn_core.campaigns.uplift_scores import refreshed_after_scoring
from churn_core.campaigns.uplift_store import active_uplift
from churn_core.customers import tiers
from churn_core.jobs import Progress, no_progress, part
from churn_core.models.runs import ScoreRun
from churn_core.warehouse import Warehouse


def score_workspace(warehouse: Warehouse, progress: Progress = no_progress) -> ScoreRun:
    """Score everybody with tiers by the active policy, then renew the net values where an uplift model is active.

    Net values that cannot be renewed stay those of the scoring before, which lists say.
    """
    if active_uplift(warehouse) is None:
        return tiers.score_workspace(warehouse, progress)
    run = tiers.score_workspace(warehouse, part(progress, 0.0, 0.7))
    refreshed_after_scoring(warehouse, part(progress, 0.7, 1.0))
    return run
