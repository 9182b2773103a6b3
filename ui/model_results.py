"""What a stored model version says about itself, as objects: the page's only reader of the summary's keys."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import streamlit as st

from churn_core.customers.profile import feature_label
from churn_core.features.definition import active_definition, count_at
from churn_core.models.evaluation import Evaluation, evaluation_from_dict
from churn_core.models.registry import ModelVersion, model_versions
from ui import session
from ui.session import Stamp

METHOD_LABELS = {
    "full": "Models that learn from this shop's past",
    "bgnbd": "The purchase model BG/NBD",
    "lateness": "Lateness against the own rhythm",
    "none": "Nothing can be trained yet",
}
_ESTIMATORS = {
    "logistic": "logistic regression",
    "lightgbm": "LightGBM",
    "lightgbm_large": "larger LightGBM",
    "decision_tree": "decision tree",
    "random_forest": "random forest",
    "linear_svm": "linear support vector machine",
    "neural_network": "small neural network",
    "bgnbd": "BG/NBD",
    "blend": "soft-voting blend",
    "stacking": "stacking",
    "lateness": "lateness against the own rhythm",
    "recency": "recency alone",
}


@dataclass(frozen=True, kw_only=True)
class Period:
    """One cutoff at which a model was judged."""

    cutoff: datetime
    n: int
    predicted: float
    """Mean risk."""
    happened: float
    """Share that churned."""
    auc: float | None
    log_loss: float | None


@st.cache_data(show_spinner=False, max_entries=8)
def versions(stamp: Stamp) -> list[ModelVersion]:
    """All model versions, newest first."""
    return model_versions(session.warehouse(stamp.workspace))


def estimator_label(name: str) -> str:
    """An estimator's name in words."""
    return _ESTIMATORS.get(name, name.replace("_", " "))


def with_labels(text: str) -> str:
    """A sentence with estimators called by their names in words.

    >>> with_labels("lightgbm_large had the least log loss; what lightgbm learned is kept")
    'larger LightGBM had the least log loss; what LightGBM learned is kept'
    """
    return re.sub(r"\b(lightgbm_large|lightgbm|bgnbd)\b", lambda found: estimator_label(found[0]), text)


def metrics_of(version: ModelVersion) -> dict[str, dict[str, Any]]:
    """The measures of every estimator that was tried, with intervals where there are, by its name."""
    backtest = version.summary.get("backtest") or {}
    return dict(backtest.get("intervals") or backtest.get("models") or {})


def evaluation_of(version: ModelVersion) -> Evaluation | None:
    """The evaluation of the chosen estimator; None when the version was not judged."""
    stored = version.summary.get("evaluation")
    return evaluation_from_dict(stored) if stored else None


def periods_of(version: ModelVersion) -> list[Period]:
    """The cutoffs at which it was judged, oldest first; none for a table without time."""
    return [
        Period(
            cutoff=datetime.fromisoformat(stored["cutoff"]),
            n=stored["n"],
            predicted=stored["mean_predicted"],
            happened=stored["churn_rate"],
            auc=stored.get("auc"),
            log_loss=stored.get("log_loss"),
        )
        for stored in version.summary.get("periods") or ()
    ]


def is_sample(stamp: Stamp, version: ModelVersion, periods: list[Period]) -> bool:
    """Whether fewer customers were judged than were eligible; not told for definitions no longer in force."""
    if not periods or version.definition_version != stamp.state.definition_version:
        return False
    return periods[-1].n < _n_eligible(stamp, periods[-1].cutoff)


@st.cache_data(show_spinner=False, max_entries=16)
def _n_eligible(stamp: Stamp, cutoff: datetime) -> int:
    warehouse = session.warehouse(stamp.workspace)
    definition = active_definition(warehouse)
    return count_at(warehouse, definition, cutoff).n_eligible if definition else 0


def importance_of(version: ModelVersion) -> list[tuple[str, float]]:
    """How much each input moves the risk, as label and mean absolute contribution in log-odds, largest first."""
    return [
        (feature_label(stored["name"]), float(stored["mean_absolute"]))
        for stored in version.summary.get("importance") or ()
        if stored["mean_absolute"] > 0
    ]
