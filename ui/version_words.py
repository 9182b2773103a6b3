"""What a model version is called in lists, so that two versions of one estimator can be told apart."""

from __future__ import annotations

from churn_core.models.recipe import NOT_LEARNERS
from churn_core.models.registry import ModelVersion
from ui.model_results import estimator_label

_COMBINATIONS = ("stacking", "blend")


def made_words(version: ModelVersion) -> str:
    """How a version was made, as far as it differs from the usual: "stacking of 2, missing = median, searched"."""
    tried = ((version.summary.get("backtest") or {}).get("models")) or {}
    learners = [name for name in tried if name not in NOT_LEARNERS]
    name = estimator_label(version.estimator)
    if version.estimator in _COMBINATIONS and learners:
        name += f" of {len(learners)}"
    plan = (version.summary.get("recipe") or {}).get("preparation") or {}
    chosen = [f"{choice} = {option.replace('_', ' ')}" for choice, option in sorted(plan.items()) if option != "usual"]
    searched = ["searched"] if version.summary.get("search") else []
    return ", ".join([name, *chosen, *searched])


def version_label(version: ModelVersion) -> str:
    """What a version is called in lists and links; without its status, so that a link outlives a promotion."""
    at = version.trained_at
    return f"Model {version.model_version}: {made_words(version)}, {at:%-d %b %Y, %H:%M}"
