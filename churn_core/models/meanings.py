"""Which inputs of a model mean something else by now than when it learned: a release can define a feature better.

Such a model still answers, on slightly other numbers than it learned from; whoever uses it is told to train again.
"""

from __future__ import annotations

from collections.abc import Iterable

from churn_core.features.registry import FEATURES
from churn_core.models.registry import ModelVersion


def revisions_of(names: Iterable[str]) -> dict[str, int]:
    """The revision of each input that has had more than one meaning; stored with the model that learned from them."""
    return {name: FEATURES[name].revision for name in names if name in FEATURES and FEATURES[name].revision > 1}


def improved_since(version: ModelVersion) -> str:
    """A sentence that says which inputs are defined better by now; empty where none is."""
    if version.source != "orders":
        return ""
    learned = version.summary.get("revisions") or {}
    newer = [name for name, revision in revisions_of(version.feature_names).items() if revision > learned.get(name, 1)]
    if not newer:
        return ""
    labels = [f"'{FEATURES[name].label}'" for name in newer]
    named = labels[0] if len(labels) == 1 else f"{', '.join(labels[:-1])} and {labels[-1]}"
    verb = "is" if len(labels) == 1 else "are"
    return f"{named} {verb} calculated in another way now than when model {version.model_version} learned."
