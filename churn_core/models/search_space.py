"""Where a search looks: for each learner the settings that may change, and between which bounds.

The bounds keep a model that can be explained in time: a million customers of an order history are explained one by
one, so trees stay few and shallow there; a labelled table is small and may have larger ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from churn_core.models.estimators import make_estimator

LARGEST_LEAVES_OF_DEPTH = 31


@dataclass(frozen=True, kw_only=True)
class Range:
    """The values one setting may take."""

    low: float
    high: float
    is_log: bool = False
    """Whether steps are factors, not differences."""
    is_whole: bool = False
    """Whether only whole numbers make sense."""


Space = Mapping[str, Range]

_LINEAR: Space = {
    "strength": Range(low=1e-4, high=5.0, is_log=True),
    "n_knots": Range(low=0, high=6, is_whole=True),
}
_NETWORK: Space = {
    "n_first": Range(low=8, high=48, is_whole=True),
    "decay": Range(low=1e-4, high=1.0, is_log=True),
    "n_epochs": Range(low=10, high=80, is_whole=True),
}
_TREE: Space = {
    "depth": Range(low=2, high=6, is_whole=True),
    "least_in_leaf": Range(low=20, high=400, is_log=True, is_whole=True),
}

SPACES: dict[str, dict[str, Space]] = {
    "orders": {
        "logistic": _LINEAR,
        "lightgbm": {
            "n_trees": Range(low=50, high=150, is_whole=True),
            "depth": Range(low=2, high=3, is_whole=True),
            "learning_rate": Range(low=0.02, high=0.2, is_log=True),
            "least_in_leaf": Range(low=20, high=500, is_log=True, is_whole=True),
            "ridge": Range(low=0.5, high=100.0, is_log=True),
            "feature_share": Range(low=0.2, high=1.0),
        },
        "random_forest": {
            "depth": Range(low=4, high=8, is_whole=True),
            "least_in_leaf": Range(low=10, high=200, is_log=True, is_whole=True),
            "feature_share": Range(low=0.1, high=0.7),
        },
        "linear_svm": _LINEAR,
        "neural_network": _NETWORK,
        "decision_tree": _TREE,
    },
    "snapshots": {
        "logistic": _LINEAR,
        "lightgbm": {
            "n_trees": Range(low=80, high=400, is_whole=True),
            "n_leaves": Range(low=2, high=15, is_whole=True),
            "learning_rate": Range(low=0.02, high=0.15, is_log=True),
            "least_in_leaf": Range(low=5, high=100, is_log=True, is_whole=True),
            "ridge": Range(low=0.5, high=50.0, is_log=True),
            "feature_share": Range(low=0.2, high=0.9),
        },
        "lightgbm_large": {
            "n_trees": Range(low=100, high=300, is_whole=True),
            "n_leaves": Range(low=31, high=191, is_log=True, is_whole=True),
            "learning_rate": Range(low=0.02, high=0.12, is_log=True),
            "least_in_leaf": Range(low=2, high=20, is_log=True, is_whole=True),
            "ridge": Range(low=0.1, high=10.0, is_log=True),
            "feature_share": Range(low=0.25, high=0.8),
        },
        "random_forest": {
            "n_leaves": Range(low=31, high=1023, is_log=True, is_whole=True),
            "least_in_leaf": Range(low=1, high=30, is_log=True, is_whole=True),
            "feature_share": Range(low=0.1, high=0.8),
        },
        "linear_svm": _LINEAR,
        "neural_network": _NETWORK,
        "decision_tree": _TREE,
    },
}
"""Source -> learner -> setting -> its values; a learner without an entry is tried with its usual settings only."""


def usual_settings(name: str, space: Space, given: Mapping[str, Any]) -> dict[str, float]:
    """Where a search starts: the values an estimator has anyway, moved inside the bounds."""
    made = make_estimator(name, **given)
    return {key: min(max(getattr(made, key), bounds.low), bounds.high) for key, bounds in space.items()}


def settings_of(name: str, chosen: Mapping[str, float]) -> dict[str, Any]:
    """The settings of an estimator from the values that were chosen; trees of a depth get the leaves they can have."""
    made: dict[str, Any] = dict(chosen)
    if "depth" in made and "n_leaves" not in made and name != "random_forest":
        made["n_leaves"] = min(2 ** int(made["depth"]), LARGEST_LEAVES_OF_DEPTH)
    return made


def in_words(name: str, settings: Mapping[str, Any]) -> str:
    """An estimator with its settings, for people.

    >>> in_words("lightgbm", {"depth": 3, "learning_rate": 0.08123})
    'lightgbm depth 3, learning rate 0.081'
    """
    shown = [
        f"{key.replace('_', ' ').removeprefix('n ')} {value:.2g}"
        if isinstance(value, float)
        else f"{key.replace('_', ' ').removeprefix('n ')} {value}"
        for key, value in settings.items()
    ]
    return f"{name} {', '.join(shown)}" if shown else f"{name} with its usual settings"
